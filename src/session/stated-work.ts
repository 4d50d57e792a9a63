import type { Stated } from '../policy/decision.ts';
import { statedBy } from './requester.ts';

/** What a requester says of its work: a reason and a ticket number, from a session's opening on. Mutable. */
export class StatedWork {
  readonly #opening: Stated;
  #now: Stated;
  #changes = 0;

  constructor(opening: Stated) {
    this.#opening = opening;
    this.#now = opening;
  }

  get now(): Stated {
    return this.#now;
  }

  /** How often something else was said. */
  get changes(): number {
    return this.#changes;
  }

  /** What holds once this is said too; undefined where nothing changes, as when a pool resets a session. */
  after(said: Stated): Stated | undefined {
    const both: Stated = { ...this.#now, ...said };
    const { reason, ticket } = this.#opening;
    const next = statedBy({ reason: both.reason ?? reason, ticket: both.ticket ?? ticket });
    return next.reason === this.#now.reason && next.ticket === this.#now.ticket ? undefined : next;
  }

  become(next: Stated): void {
    this.#now = next;
    this.#changes++;
  }
}
