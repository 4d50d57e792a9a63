import type { ErrorBody } from '../api/schemas.ts';
import { type ErrorKind, HoopError, Internal } from '../base/errors.ts';

const STATUS: Readonly<Record<ErrorKind, number>> = {
  usage: 400,
  'login-needed': 401,
  'not-permitted': 403,
  'policy-blocked': 403,
  'approval-denied': 403,
  'approval-pending': 409,
  'not-found': 404,
  conflict: 409,
  'not-reachable': 502,
  // No call of the API runs statements.
  'statement-failed': 500,
  'protocol-violation': 500,
  internal: 500,
};

/** The HTTP status of an error. */
export function statusOf(error: HoopError): number {
  return STATUS[error.kind];
}

/** A defect's own words stay in the log: they may quote what the caller must not see. */
export function asHoopError(error: unknown): HoopError {
  if (error instanceof HoopError) return error;
  return new Internal('unexpected', 'the daemon failed in an unexpected way', {
    next: 'hoopctl daemon logs',
    cause: error,
  });
}

/** An error as the API answers it: no stack, no cause. */
export function errorBody(error: HoopError): ErrorBody {
  return {
    error: {
      kind: error.kind,
      code: error.code,
      message: error.message,
      retryable: error.retryable,
      ...(error.why === undefined ? {} : { why: error.why }),
      ...(error.next === undefined ? {} : { next: error.next }),
      ...(error.rule === undefined ? {} : { rule: error.rule }),
    },
  };
}
