import type { ApprovalTerms } from '../policy/decision.ts';

/** What an approver is shown. Built from the very bytes that are held; text is complete, never cut. */
export interface ApprovalCard {
  readonly requester: string;
  readonly requesterKind: 'person' | 'machine';
  readonly requesterGroups: readonly string[];
  /** The person for whom the requester acts. */
  readonly endUser?: string | undefined;
  readonly clientAddress: string;
  /** `PostgreSQL db.internal:5432/shop as app_rw`. */
  readonly target: string;
  readonly transaction: 'none' | 'open' | 'failed';
  /** The exact statement text. Terminals get it through `src/base/visible-text.ts`. */
  readonly statement: string;
  /** Bind values as text, null for SQL NULL; empty for none. Binary values as `\x…`. */
  readonly parameters: readonly (string | null)[];
  /** `write: public.customers(plan)` one line an action. */
  readonly effects: readonly string[];
  /** `planner expects 1 row of 48112 (Index Scan on customers_pkey)`; or why there is no estimate. */
  readonly estimate: string;
  /** What running it and rolling it back has shown, line by line; or why it was not rehearsed. Left out: nobody asked. */
  readonly rehearsal?: readonly string[] | undefined;
}

export type ApprovalStatus = 'pending' | 'approved' | 'denied' | 'expired' | 'withdrawn' | 'used';

export interface ApprovalDecision {
  readonly by: string;
  readonly byName: string;
  readonly decision: 'approve' | 'deny';
  readonly reason: string | undefined;
  /** ISO 8601 UTC. */
  readonly at: string;
}

export interface ApprovalRequest {
  /** `ap-7kq2m`. */
  readonly id: string;
  readonly session: string;
  readonly connection: string;
  readonly connectionId: string;
  readonly requesterId: string;
  /** The person for whom the requester acts. */
  readonly endUserId?: string | undefined;
  readonly rule: string;
  readonly policy: string;
  readonly terms: ApprovalTerms;
  readonly card: ApprovalCard;
  /** SHA-256 (hex) over connection, target, requester, end user, session, exact bytes, parameters, state fingerprint, policy hash. */
  readonly fingerprint: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly status: ApprovalStatus;
  readonly decisions: readonly ApprovalDecision[];
  /** Why it ended, for `denied`, `expired` and `withdrawn`. */
  readonly endReason: string | undefined;
  /** Grows with each change; a decision names the version whose card was shown. */
  readonly version: number;
}
