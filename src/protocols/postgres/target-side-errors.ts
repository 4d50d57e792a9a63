import { type HoopError, Internal, NotFound, NotPermitted, NotReachable } from '../../base/errors.ts';
import type { ResponseFields } from './codec/backend-messages.ts';

/** What a target's ErrorResponse during startup means to whoever set the connection up. */
export function startupError(fields: ResponseFields, user: string, database: string): HoopError {
  const why = whyOf(fields);
  if (fields.sqlstate === '28P01' || fields.sqlstate === '28000') {
    return new NotPermitted('target_authentication_failed', `the target refused the login of "${user}"`, {
      why,
      next: 'check user and password; those of a stored connection are set again with: hoopctl connection edit NAME',
    });
  }
  if (fields.sqlstate === '3D000') {
    return new NotFound('target_database_not_found', `the target has no database "${database}"`, { why });
  }
  if (fields.sqlstate === '42501') {
    return new NotPermitted('target_not_permitted', `the target does not let "${user}" in`, { why });
  }
  // Starting up, too many connections, shutting down: another host may do better, or the same one later.
  return new NotReachable('target_refused', 'the target takes no session now', { why, retryable: true });
}

/** `lock_timeout` has passed (PostgreSQL docs, appendix A). */
const LOCK_NOT_AVAILABLE = '55P03';

/** A statement of hoopctl's own that the target refused. */
export function statementError(fields: ResponseFields): HoopError {
  const why = whyOf(fields);
  if (fields.sqlstate === '42501') {
    return new NotPermitted('target_not_permitted', 'the role may not read what hoopctl needs', { why });
  }
  if (fields.sqlstate === LOCK_NOT_AVAILABLE) {
    return new NotReachable('target_locked', 'another transaction holds a lock on what hoopctl needs', {
      why,
      retryable: true,
    });
  }
  return new Internal('target_query_failed', 'the target refused a query of hoopctl itself', { why });
}

/** `FATAL 28P01: password authentication failed for user "app"`, in one bounded line. */
function whyOf(fields: ResponseFields): string {
  const detail = fields.detail === undefined ? '' : ` (${fields.detail})`;
  return printable(`${fields.severity} ${fields.sqlstate}: ${fields.message}${detail}`);
}

const LONGEST_WHY = 500;

/** A peer's words for a person's eyes: control and invisible characters made plain, and not too many. */
export function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, LONGEST_WHY);
}

/** A socket's or TLS library's error in the words people know. */
export function networkReason(error: NodeJS.ErrnoException): string {
  // Node tries all addresses of a name and reports them together.
  if (error instanceof AggregateError) {
    return [...new Set(error.errors.map((one: NodeJS.ErrnoException) => networkReason(one)))].join(', ');
  }
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'connection refused',
    ECONNRESET: 'connection reset',
    EHOSTUNREACH: 'no route to host',
    ENETUNREACH: 'network unreachable',
    ENOENT: 'no such socket',
    EACCES: 'permission denied',
    ENOTFOUND: 'name not found',
    EAI_AGAIN: 'the name service did not answer',
    ETIMEDOUT: 'timed out',
  };
  const known = error.code === undefined ? undefined : words[error.code];
  return known === undefined ? printable(error.message) : `${known} (${error.code})`;
}
