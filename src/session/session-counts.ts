import type { SessionRow } from '../store/store.ts';

/** How many statements of a session ran or not. */
export type Counts = Pick<SessionRow, 'statements' | 'blocked' | 'approved' | 'denied'>;

/** What a session has counted so far, and whether the store knows it. Mutable. */
export class SessionCounts {
  readonly #counts = { statements: 0, blocked: 0, approved: 0, denied: 0 };
  #saved = true;

  get now(): Counts {
    return { ...this.#counts };
  }

  add(what: keyof Counts): void {
    this.#counts[what] += 1;
    this.#saved = false;
  }

  /** Stores what was counted since it was stored last. What could not be stored is stored the next time. Rejects as `store` does. */
  async save(store: (counts: Counts) => Promise<void>): Promise<void> {
    if (this.#saved) return;
    this.#saved = true;
    try {
      await store(this.now);
    } catch (error) {
      this.#saved = false;
      throw error;
    }
  }
}
