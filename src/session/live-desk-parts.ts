import type { ApprovalRequest } from '../approval/request.ts';
import type { AuditLog } from '../audit/entry.ts';
import type { Clock } from '../base/clock.ts';
import type { PolicyTarget, Stated } from '../policy/decision.ts';
import type { RecordingWriter } from '../recording/events.ts';
import type { IdentityRow, SessionRow, Store } from '../store/store.ts';
import type { AppliedPolicy } from './applied-policy.ts';
import type { ApprovalBoard } from './approval-board.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { SessionTrace } from './trace.ts';
import type { TurnEnd } from './turn-end.ts';

/** What a desk works with; the daemon's composition root gives it. */
export interface LiveDeskDeps {
  readonly clock: Clock;
  readonly sessions: Store['sessions'];
  readonly audit: AuditLog;
  readonly policy: AppliedPolicy;
  readonly board: ApprovalBoard;
  readonly live: LiveSessions;
  /** A counter or an end that could not be stored; the session has ended or goes on all the same. */
  readonly storeFailed: (error: unknown) => void;
  /** Called for each piece that comes from a client or goes back to it. */
  readonly bytesMoved: (session: string, now: number) => void;
  readonly turnEnd: TurnEnd;
}

/** A session whose books are open. */
export interface OpenedSession {
  readonly row: SessionRow;
  readonly identity: IdentityRow;
  readonly target: PolicyTarget;
  /** The request made ahead that it runs, and nothing else. */
  readonly ahead: ApprovalRequest | undefined;
  readonly recording: RecordingWriter;
  /** What the requester said of its work when it came. */
  readonly stated: Stated;
  readonly trace: SessionTrace;
}
