import { NotPermitted } from '../base/errors.ts';

/** How much one identity may ask, so that approvers are not flooded into saying yes. */
export interface ApprovalLimits {
  /** Requests that wait at the same time. */
  readonly pending: number;
  /** Requests within any minute, whatever became of them. */
  readonly perMinute: number;
}

export const APPROVAL_LIMITS: ApprovalLimits = { pending: 20, perMinute: 60 };

const MINUTE_MS = 60_000;

/** One identity's earlier requests: those that wait, and when it asked (milliseconds, any order). */
export interface RequestHistory {
  readonly pending: number;
  readonly askedAt: readonly number[];
}

/** Throws NotPermitted `too_many_pending` or `too_many_requests` when one more would be over a limit. */
export function admitRequest(
  history: RequestHistory,
  now: number,
  limits: ApprovalLimits = APPROVAL_LIMITS,
): void {
  if (history.pending >= limits.pending) {
    throw new NotPermitted('too_many_pending', `${history.pending} requests of yours wait already`, {
      next: 'wait until some are decided, or cancel them',
      retryable: true,
    });
  }
  if (recentRequests(history.askedAt, now).length >= limits.perMinute) {
    throw new NotPermitted('too_many_requests', `more than ${limits.perMinute} requests within a minute`, {
      next: 'ask again in a minute',
      retryable: true,
    });
  }
}

/** The requests of the last minute: all that the history needs to keep. A time ahead of the clock counts too. */
export function recentRequests(askedAt: readonly number[], now: number): readonly number[] {
  return askedAt.filter((at) => at > now - MINUTE_MS);
}
