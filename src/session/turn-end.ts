/** What one session has let through in a turn of the event loop. Neither method throws. */
export interface TurnStep {
  /** Brings its books up to the last write, which `TurnEnd` makes for all. */
  prepare(): void;
  /** Sends it; `failure` tells that the last write failed, and then nothing may go. */
  send(failure: unknown): void;
}

/**
 * Puts off what sessions send to the end of the event loop's turn: then one write of the audit log serves all of
 * them, and a peer that gets several answers is woken once.
 */
export class TurnEnd {
  readonly #commit: () => void;
  readonly #later: (end: () => void) => void;
  #steps: TurnStep[] = [];

  /** `commit` writes what the steps prepared; `later` calls back when the turn's input has been read. */
  constructor(commit: () => void, later: (end: () => void) => void) {
    this.#commit = commit;
    this.#later = later;
  }

  /** To be called once a turn by each session that has something to send. */
  add(step: TurnStep): void {
    if (this.#steps.length === 0) this.#later(this.#end);
    this.#steps.push(step);
  }

  readonly #end = (): void => {
    const steps = this.#steps;
    this.#steps = [];
    for (const step of steps) step.prepare();
    let failure: unknown;
    try {
      this.#commit();
    } catch (error) {
      failure = error;
    }
    for (const step of steps) step.send(failure);
  };
}
