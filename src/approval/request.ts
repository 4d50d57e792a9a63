import type { ApprovalTerms } from '../policy/decision.ts';
import type { Precedent } from './precedent.ts';

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
  /** `inapplicable` where the target knows none. */
  readonly transaction: 'none' | 'open' | 'failed' | 'inapplicable';
  /** `public.orders (RowExclusiveLock)`: what the open transaction keeps from others while it waits. */
  readonly locks?: readonly string[] | undefined;
  /** The exact statement text. Terminals get it through `src/base/visible-text.ts`. */
  readonly statement: string;
  /** Bind values as text, null for SQL NULL; empty for none. Binary values as `\x…`. */
  readonly parameters: readonly (string | null)[];
  /** Texts that the statement runs by a name alone: `EXECUTE p`. */
  readonly named?: readonly { readonly name: string; readonly text: string }[] | undefined;
  /** `write: public.customers(plan)` one line an action. */
  readonly effects: readonly string[];
  /** `planner expects 1 row of 48112 (Index Scan on customers_pkey)`; or why there is no estimate. */
  readonly estimate: string;
  /** Why, and by which ticket, as the requester says; nobody has checked it. */
  readonly reason?: string | undefined;
  readonly ticket?: string | undefined;
  /** What running it and rolling it back has shown, line by line; or why it was not rehearsed. Left out: nobody asked. */
  readonly rehearsal?: readonly string[] | undefined;
}

export type ApprovalStatus = 'pending' | 'approved' | 'denied' | 'expired' | 'withdrawn' | 'used';

export interface ApprovalDecision {
  readonly by: string;
  readonly byName: string;
  /** For what of the terms it counts (`wantedOf`). */
  readonly standsFor?: readonly string[] | undefined;
  readonly decision: 'approve' | 'deny';
  readonly reason: string | undefined;
  /** ISO 8601 UTC. */
  readonly at: string;
}

/** What somebody says of a request without deciding it. */
export interface ApprovalComment {
  readonly by: string;
  readonly byName: string;
  readonly text: string;
  /** ISO 8601 UTC. */
  readonly at: string;
}

/** One message of a text that is sent in several, in UTF-16 code units: [start, end), and its line from 1. */
export interface TextPiece {
  readonly start: number;
  readonly end: number;
  readonly line: number;
}

/** What binds a request that is made ahead of any session to what will run; the text itself is the card's. */
export interface AheadTerms {
  /** SHA-256 (hex) of the connection's settings: another target is another request. */
  readonly settings: string;
  /** SHA-256 (hex) of what the protocol read the text to mean, and of the definitions it rests on. */
  readonly meaning: string;
  /** What is sent, in order. */
  readonly pieces: readonly TextPiece[];
}

export interface ApprovalRequest {
  /** `ap-7kq2m`. */
  readonly id: string;
  /** Where the statement is held; undefined for a request that was made ahead of any session. */
  readonly session: string | undefined;
  /** Set for a request that was made ahead: it runs when its requester asks for that. */
  readonly ahead?: AheadTerms | undefined;
  readonly connection: string;
  readonly connectionId: string;
  readonly requesterId: string;
  /** The person for whom the requester acts. */
  readonly endUserId?: string | undefined;
  readonly rule: string;
  readonly policy: string;
  readonly terms: ApprovalTerms;
  readonly card: ApprovalCard;
  /**
   * SHA-256 (hex) over connection, target, requester, end user, session, exact bytes, parameters, state fingerprint,
   * policy hash. For a request made ahead: its meaning and the target's settings in place of session and state.
   */
  readonly fingerprint: string;
  /** How it compares with what its requester was approved before; left out when there was nothing. */
  readonly precedent?: Precedent | undefined;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly status: ApprovalStatus;
  readonly decisions: readonly ApprovalDecision[];
  readonly comments: readonly ApprovalComment[];
  /** Why it ended, for `denied`, `expired` and `withdrawn`; where it ran, for one made ahead that was `used`. */
  readonly endReason: string | undefined;
  /** Grows with each change; a decision names the version whose card was shown. */
  readonly version: number;
}
