/**
 * What an identity may do to hoopctl itself: `owner` everything, `approver` decides, `requester` works through
 * connections, `auditor` reads the records, `operator` keeps the daemon running and reads nobody's data.
 */
export const ROLES = ['owner', 'approver', 'requester', 'auditor', 'operator'] as const;
export type Role = (typeof ROLES)[number];
