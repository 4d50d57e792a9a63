/** Gaps shorter than this are waited out awake, in milliseconds: what a target on the same machine takes to answer. */
export const AWAKE_FOR = 0.25;
/** So many short gaps in a row before a wait is spent awake; a long one takes away a quarter of that. */
const CONFIDENT = 16;

/**
 * Keeps the event loop awake for a moment after bytes have moved, when the last gaps between them were short.
 * A thread that sleeps is woken late (30 to 50 us on a virtual machine, in each direction, at each statement),
 * which is more than the gateway's own work. With people, or with targets farther away than `AWAKE_FOR`, the gaps
 * are long and it always sleeps.
 */
export class BusyPoll {
  readonly #now: () => number;
  readonly #later: (poll: () => void) => void;
  #last = Number.NEGATIVE_INFINITY;
  #confidence = 0;
  #polling = false;

  /** `now` in milliseconds, never backwards; `later` calls back after one turn of the event loop. */
  constructor(now: () => number, later: (poll: () => void) => void) {
    this.#now = now;
    this.#later = later;
  }

  /** Bytes have come from a client or a target. */
  moved(): void {
    const now = this.#now();
    if (now - this.#last < AWAKE_FOR) this.#confidence = Math.min(this.#confidence + 1, CONFIDENT);
    else this.#confidence = Math.max(this.#confidence - CONFIDENT / 4, 0);
    this.#last = now;
    if (this.#polling || this.#confidence < CONFIDENT) return;
    this.#polling = true;
    this.#later(this.#poll);
  }

  readonly #poll = (): void => {
    if (this.#now() - this.#last < AWAKE_FOR) this.#later(this.#poll);
    else this.#polling = false;
  };
}
