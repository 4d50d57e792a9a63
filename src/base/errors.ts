/**
 * Every failure hoopctl reports, grouped by who can act on it. A class is thrown where the fact is known;
 * exit codes and native protocol errors are tables at the edge (`src/cli/exit-codes.ts`, `protocols/*`).
 */
export type ErrorKind =
  | 'usage'
  | 'not-reachable'
  | 'login-needed'
  | 'not-permitted'
  | 'policy-blocked'
  | 'approval-denied'
  | 'approval-pending'
  | 'not-found'
  | 'conflict'
  | 'statement-failed'
  | 'protocol-violation'
  | 'internal';

/** Small facts by name. */
export type ErrorDetails = Readonly<Record<string, string | number>>;

/** What a caller may say besides the message. */
export interface ErrorFacts {
  /** Why it failed: the rule's name, the SQLSTATE, the system's own words (never a secret). */
  readonly why?: string;
  /** What the user may do, and the next command to paste. */
  readonly next?: string;
  readonly rule?: string;
  readonly retryable?: boolean;
  /** Facts for programs that stand in `why` in words: the SQLSTATE, a line. */
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/** What can go wrong, by who can do something about it; every error of the program is one. */
export abstract class HoopError extends Error {
  abstract readonly kind: ErrorKind;
  /** Stable, machine-readable: `connection_name_taken`, `wrong_passphrase`, … */
  readonly code: string;
  readonly why: string | undefined;
  readonly next: string | undefined;
  readonly rule: string | undefined;
  readonly retryable: boolean;
  readonly details: ErrorDetails | undefined;

  constructor(code: string, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target.name;
    this.code = code;
    this.why = facts.why;
    this.next = facts.next;
    this.rule = facts.rule;
    this.retryable = facts.retryable ?? false;
    this.details = facts.details;
  }
}

/** The caller's words are off: an unknown flag or key, a bad value. Exit 2. */
export class UsageError extends HoopError {
  readonly kind = 'usage';
}
/** Daemon, gateway or target could not be reached. Exit 3. */
export class NotReachable extends HoopError {
  readonly kind = 'not-reachable';
}
/** No token, a wrong one, an expired or revoked one. Exit 4. */
export class LoginNeeded extends HoopError {
  readonly kind = 'login-needed';
}
/** The identity is known and may not do this. Exit 5. */
export class NotPermitted extends HoopError {
  readonly kind = 'not-permitted';
}
/** A rule of the policy blocked a statement. Exit 6. */
export class PolicyBlocked extends HoopError {
  readonly kind = 'policy-blocked';
}
/** An approver said no. Exit 7. */
export class ApprovalDenied extends HoopError {
  readonly kind = 'approval-denied';
}
/** An approval is pending, expired, withdrawn or timed out. Exit 8. */
export class ApprovalPending extends HoopError {
  readonly kind = 'approval-pending';
}
/** No such connection, session, approval … Exit 9. */
export class NotFound extends HoopError {
  readonly kind = 'not-found';
}
/** A name is taken, a race was lost, another daemon holds the directory. Exit 9. */
export class Conflict extends HoopError {
  readonly kind = 'conflict';
}
/** The target took a statement and failed it: a syntax error, a constraint, its own permissions. Exit 1. */
export class StatementFailed extends HoopError {
  readonly kind = 'statement-failed';
}
/** A peer broke its protocol; the connection is closed. Exit 1. */
export class ProtocolViolation extends HoopError {
  readonly kind = 'protocol-violation';
}
/** A defect or a broken machine (disk full, corrupt file). Exit 1. */
export class Internal extends HoopError {
  readonly kind = 'internal';
}

/** The code that the system, Node.js or a library gave an error (`ENOENT`); undefined for one without. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
