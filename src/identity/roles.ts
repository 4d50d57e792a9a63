/** What an identity may do to hoopctl itself. */
export const ROLES = ['owner', 'approver', 'requester', 'auditor'] as const;
export type Role = (typeof ROLES)[number];
