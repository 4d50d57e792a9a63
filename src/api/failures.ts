import {
  ApprovalDenied,
  ApprovalPending,
  Conflict,
  type ErrorFacts,
  type ErrorKind,
  type HoopError,
  Internal,
  LoginNeeded,
  NotFound,
  NotPermitted,
  NotReachable,
  PolicyBlocked,
  ProtocolViolation,
  StatementFailed,
  UsageError,
} from '../base/errors.ts';
import type { ErrorBody } from './schemas.ts';

const classes: Readonly<
  Record<ErrorKind, new (code: string, message: string, facts?: ErrorFacts) => HoopError>
> = {
  usage: UsageError,
  'not-reachable': NotReachable,
  'login-needed': LoginNeeded,
  'not-permitted': NotPermitted,
  'policy-blocked': PolicyBlocked,
  'approval-denied': ApprovalDenied,
  'approval-pending': ApprovalPending,
  'not-found': NotFound,
  conflict: Conflict,
  'statement-failed': StatementFailed,
  'protocol-violation': ProtocolViolation,
  internal: Internal,
};

function isErrorKind(kind: string): kind is ErrorKind {
  return Object.hasOwn(classes, kind);
}

/** The error that the daemon threw, as the class it was; a kind that this version does not know is Internal. */
export function errorFromBody(body: ErrorBody): HoopError {
  const { kind, code, message, why, next, rule, retryable } = body.error;
  const facts: ErrorFacts = {
    ...(why === undefined ? {} : { why }),
    ...(next === undefined ? {} : { next }),
    ...(rule === undefined ? {} : { rule }),
    retryable,
  };
  return new (isErrorKind(kind) ? classes[kind] : Internal)(code, message, facts);
}
