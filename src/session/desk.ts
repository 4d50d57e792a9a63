import type { ApprovalCard } from '../approval/request.ts';
import type {
  ActiveMask,
  Decision,
  Policy,
  PolicyTarget,
  Requester,
  SessionGuard,
  Stated,
} from '../policy/decision.ts';
import type { FrameKind } from '../recording/events.ts';
import type { TextFacts } from '../sql/facts.ts';
import type { PassedLimit } from './session-meter.ts';
import type { TurnStep } from './turn-end.ts';

declare const judgedBrand: unique symbol;
declare const internedBrand: unique symbol;

/**
 * The key to the door: only a desk makes it, after the decision was recorded and audited. One use, one
 * statement: the door calls `spend` (`src/session/judged.ts`) and forwards only when that returns.
 */
export interface Judged {
  readonly [judgedBrand]: true;
  readonly decision: Decision;
}

/** An allowed statement the desk knows by number, so that running it again costs two small appends. */
export interface InternedStatement {
  readonly [internedBrand]: true;
  readonly statement: StatementToRecord;
}

/** What became of a statement that had to wait. */
export type HoldOutcome =
  | {
      readonly outcome: 'approved';
      readonly judged: Judged;
      readonly by: string;
      /** What approvers said with their yes. */
      readonly comment?: string | undefined;
    }
  | { readonly outcome: 'denied'; readonly by: string; readonly reason: string }
  | { readonly outcome: 'expired' }
  | { readonly outcome: 'withdrawn'; readonly reason: string }
  | { readonly outcome: 'refused'; readonly reason: string };

export interface Hold {
  readonly id: string;
  readonly rule: string;
  readonly approvers: readonly string[];
  /** Milliseconds until it expires. */
  readonly expiresIn: number;
  readonly outcome: Promise<HoldOutcome>;
  /** Called for each thing an approver says while it waits, in words made visible. */
  onComment(listener: (by: string, text: string) => void): void;
  /** The client cancelled or went away; nothing will run. */
  withdraw(reason: string): void;
}

/** The whole text of a request made ahead, as its session reads it now. */
export interface WholeText {
  readonly decision: Decision;
  readonly effects: readonly string[];
  /** As `Foreseen.meaning` (`src/protocols/foresight.ts`). */
  readonly meaning: string;
}

/**
 * What a session may do that runs a request made ahead: `take` stands there in the place of `hold`, and every
 * statement needs it, since `decide` allows none.
 */
export interface AheadSession {
  /** `ap-7kq2m`. */
  readonly id: string;
  readonly rule: string;
  readonly text: string;
  /** Its first piece was taken. */
  readonly begun: boolean;
  /**
   * Records a piece of the approved text and gives the key, once, after the approval was spent on the disk. `whole`
   * is the whole text before the first piece is taken, the piece itself afterwards. Never rejects.
   */
  take(statement: StatementToRecord, whole: WholeText): Promise<HoldOutcome>;
}

/** What a protocol tells the desk about a statement it wants judged. */
export interface StatementToRecord {
  readonly text: string;
  readonly decision: Decision;
  /** `write: public.customers(plan)`, one line an action. */
  readonly effects: readonly string[];
  /** Bind values as text, null for SQL NULL; left out where the recorded client bytes already tell them. */
  readonly parameters?: readonly (string | null)[];
}

/**
 * One session's desk: everything a protocol may ask for while it serves a client. It writes recording and
 * audit before it hands out a `Judged`, so nothing can pass the door unrecorded.
 */
export interface SessionDesk {
  readonly id: string;
  /** With what it says of its work now. */
  readonly requester: Requester;
  /**
   * The requester says something else of its work, undefined for what it said when it came. Decisions are made anew.
   * Throws Internal `recording_failed` or `audit_failed`.
   */
  state(stated: Stated): void;
  readonly requesterKind: 'person' | 'machine';
  readonly target: PolicyTarget;
  /** Set in a session that runs a request made ahead. */
  readonly ahead: AheadSession | undefined;
  /** The applied policy; a new object (other hash) after `policy apply`. Throws when there is none. */
  policy(): Policy;
  masks(): readonly ActiveMask[];
  /** By the policy, made stricter by a limit that this session has passed. */
  decide(facts: TextFacts): Decision;
  /** Grows whenever decisions must be made anew: a limit was passed, or an approver let it begin anew. */
  readonly stage: number;
  /** Whether anything is counted for a limit. */
  readonly metered: boolean;
  /**
   * Counts rows or bytes before they are shown, and rows that were written; answers the limit that is passed now.
   * When the limit ends sessions, this one ends behind what is being said.
   */
  spend(kind: 'rows_read' | 'rows_written' | 'bytes', count: number): PassedLimit | undefined;
  /** An approver let the limit begin anew. */
  renew(limit: string): void;
  /** What the target's own server is to enforce for this session. */
  guard(): SessionGuard | undefined;
  /**
   * Records and audits an allowed statement and gives the key. Throws Internal `recording_failed`/`audit_failed`
   * (then nothing runs), or Conflict `policy_changed` when the decision is of a policy that is no longer
   * applied: judge again with `policy()` and pass that.
   */
  pass(statement: StatementToRecord): Judged;
  /** Prepares an allowed statement (one whose decision is `allow`) for `passAgain`; writes nothing yet. */
  intern(statement: StatementToRecord): InternedStatement;
  /**
   * `pass` for one execution of an interned statement, on the hot path: the first records the text, later ones a
   * reference. What it records may still wait in memory: the door calls `commit` before it sends a byte.
   * Throws like `pass`.
   */
  passAgain(statement: InternedStatement): Judged;
  /** Records and audits a block. */
  refuse(statement: StatementToRecord): void;
  /**
   * Records, asks for approval. Throws like `pass`, or NotPermitted `no_approver`/`too_many_pending`.
   * `fingerprintInput` gives exact bytes, parameters and whatever of the session's state the meaning depends
   * on. It is asked now and once more after the approval: when the two differ nothing runs.
   */
  hold(
    statement: StatementToRecord,
    card: ApprovalCard,
    fingerprintInput: () => readonly (string | Uint8Array)[],
  ): Promise<Hold>;
  /**
   * Writes what `passAgain` and `record` have kept in memory. To be called before any byte goes to the target.
   * Throws Internal `recording_failed` or `audit_failed`: then nothing may go.
   */
  commit(): void;
  /** The first half of `commit`, for a step of `atTurnEnd`. Throws like `commit`. */
  prepare(): void;
  /** Puts off what the session sends to the end of the event loop's turn. */
  atTurnEnd(step: TurnStep): void;
  /**
   * Writes a frame before its bytes are forwarded; one of kind `client` may wait for `commit`.
   * Throws Internal `recording_failed`.
   */
  record(kind: FrameKind, ...parts: readonly Uint8Array[]): void;
  /** Like `record`, but the frame may wait for `prepare` or `commit`, and its bytes with it. */
  recordStaged(kind: FrameKind, parts: readonly Uint8Array[]): void;
  note(message: string): void;
  /** Runs what reaches the target, for whoever traces how long that takes. */
  connecting<T>(connect: () => Promise<T>): Promise<T>;
  /**
   * Called at most once, with words for the client, when the session must end now (revoked, killed, expired,
   * daemon stops); at once when that was so before the listener came. The listener closes the desk.
   */
  onCut(listener: (reason: string) => void): void;
  /** Ends the books. Idempotent. */
  close(reason: string): Promise<void>;
}
