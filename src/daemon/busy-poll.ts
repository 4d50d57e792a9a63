/** Gaps shorter than this are waited out awake, in milliseconds: what a target on the same machine takes to answer. */
export const AWAKE_FOR = 0.25;
/** So many short gaps in a row before a wait is spent awake; a long one takes away a quarter of that. */
const CONFIDENT = 16;
/** When so much time passes between two looks, somebody else had the processor, and needs it more. In milliseconds. */
export const TAKEN_AWAY = 1;

/**
 * Keeps the event loop awake for a moment after bytes have moved, when the last gaps between them were short.
 * A thread that sleeps is woken late (30 to 50 us on a virtual machine, in each direction, at each statement),
 * which is more than the gateway's own work. With people, or with targets farther away than `AWAKE_FOR`, the gaps
 * are long and it always sleeps. So it does with several sessions at work at a time: there is seldom nothing to do
 * then, and where there is, the processor is for their clients and targets.
 */
export class BusyPoll {
  readonly #now: () => number;
  readonly #later: (poll: () => void) => void;
  #last = Number.NEGATIVE_INFINITY;
  #confidence = 0;
  #polling = false;
  /** When it last looked while awake. */
  #looked = 0;
  /** The session whose gaps are counted. */
  #session = '';

  /** `now` in milliseconds, never backwards; `later` calls back after one turn of the event loop. */
  constructor(now: () => number, later: (poll: () => void) => void) {
    this.#now = now;
    this.#later = later;
  }

  /** Bytes have come from a client or a target of `session`, at `now` by the same clock. */
  moved(session: string, now = this.#now()): void {
    if (session !== this.#session) this.#confidence = 0;
    else if (now - this.#last < AWAKE_FOR) this.#confidence = Math.min(this.#confidence + 1, CONFIDENT);
    else this.#confidence = Math.max(this.#confidence - CONFIDENT / 4, 0);
    this.#session = session;
    this.#last = now;
    if (this.#polling || this.#confidence < CONFIDENT) return;
    this.#polling = true;
    this.#looked = now;
    this.#later(this.#poll);
  }

  readonly #poll = (): void => {
    const now = this.#now();
    if (now - this.#looked > TAKEN_AWAY) this.#confidence = 0;
    this.#looked = now;
    const awake = this.#confidence > 0 && now - this.#last < AWAKE_FOR;
    if (awake) this.#later(this.#poll);
    else this.#polling = false;
  };
}
