import { admitRequest, recentRequests } from '../approval/limits.ts';

/** Requesters that are remembered before those who have not asked for a minute are forgotten. */
const REMEMBERED = 1000;

/** When each requester asked for approvals lately. Mutable. */
export class AskingPace {
  readonly #askedAt = new Map<string, readonly number[]>();

  /** Counts one more request; `now` never runs backwards. Throws what `admitRequest` throws. */
  admit(requesterId: string, pending: number, now: number): void {
    const askedAt = recentRequests(this.#askedAt.get(requesterId) ?? [], now);
    admitRequest({ pending, askedAt }, now);
    if (this.#askedAt.size >= REMEMBERED) this.#forget(now);
    this.#askedAt.set(requesterId, [...askedAt, now]);
  }

  #forget(now: number): void {
    for (const [requesterId, askedAt] of this.#askedAt) {
      if (recentRequests(askedAt, now).length === 0) this.#askedAt.delete(requesterId);
    }
  }
}
