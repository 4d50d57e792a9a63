/** What a requester was approved before on a connection, newest first. */
export const precedents = `
CREATE INDEX approvals_by_requester ON approvals (request ->> '$.requesterId', request ->> '$.connectionId', created_at)
WHERE status <> 'denied' AND decisions <> '[]';
`;
