import type { IdentityRow, SessionRow } from '../store/store.ts';

/** A session that is open now, as the rest of the daemon sees it. */
export interface LiveSession {
  readonly id: string;
  readonly identityId: string;
  /** As it was when the session began. */
  readonly identity: IdentityRow;
  readonly connectionId: string;
  /** With the counters of this moment. */
  row(): SessionRow;
  /** Ends it: pending approvals are withdrawn, the client is told `reason` in its protocol. Idempotent. */
  cut(reason: string): void;
  /** Its identity was renewed, or lives for less long; ISO 8601, undefined for ever. */
  extend(expiresAt: string | undefined): void;
  /** Closes its books, whatever its client does. */
  close(reason: string): Promise<void>;
  /** Brings the stored counters up to date. */
  saveCounters(): Promise<void>;
  /** When its books are closed. */
  readonly closed: Promise<void>;
}

/** Since this process began. */
export interface SessionTotals {
  readonly sessions: number;
  readonly statements: number;
  readonly blocked: number;
  readonly approved: number;
  readonly denied: number;
}

/** The sessions that are open, and what those that ended have counted. Mutable. */
export class LiveSessions {
  readonly #open = new Map<string, LiveSession>();
  /** Of sessions that are closed. */
  #past: SessionTotals = { sessions: 0, statements: 0, blocked: 0, approved: 0, denied: 0 };

  add(session: LiveSession): void {
    this.#open.set(session.id, session);
    void session.closed.finally(() => {
      this.#open.delete(session.id);
      this.#past = plus(this.#past, session.row());
    });
  }

  totals(): SessionTotals {
    return [...this.#open.values()].reduce((sum, session) => plus(sum, session.row()), this.#past);
  }

  list(): readonly LiveSession[] {
    return [...this.#open.values()];
  }

  find(id: string): LiveSession | undefined {
    return this.#open.get(id);
  }

  /** Open sessions of one identity. */
  countOf(identityId: string): number {
    let count = 0;
    for (const session of this.#open.values()) if (session.identityId === identityId) count += 1;
    return count;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Cuts every session that `which` picks; answers how many. */
  cut(which: (session: LiveSession) => boolean, reason: string): number {
    const picked = [...this.#open.values()].filter(which);
    for (const session of picked) session.cut(reason);
    return picked.length;
  }

  /** When all that are open now have closed their books. */
  async allClosed(): Promise<void> {
    await Promise.allSettled([...this.#open.values()].map((session) => session.closed));
  }

  /** For sessions whose protocol did not let go when they were cut. */
  async closeAll(reason: string): Promise<void> {
    await Promise.allSettled([...this.#open.values()].map((session) => session.close(reason)));
  }

  /** Before sessions are listed or filtered by their counters. */
  async saveCounters(): Promise<void> {
    await Promise.allSettled([...this.#open.values()].map((session) => session.saveCounters()));
  }
}

function plus(sum: SessionTotals, row: SessionRow): SessionTotals {
  return {
    sessions: sum.sessions + 1,
    statements: sum.statements + row.statements,
    blocked: sum.blocked + row.blocked,
    approved: sum.approved + row.approved,
    denied: sum.denied + row.denied,
  };
}
