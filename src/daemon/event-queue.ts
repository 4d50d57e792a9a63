import { Internal } from '../base/errors.ts';

/** A reader this far behind has stopped reading; its stream ends rather than grow without bound. */
const MAX_WAITING = 10_000;

/**
 * Events from listeners to one stream: pushed without waiting, read in order. Ends after `end`, at once when
 * `signal` fires. The reader's end, whatever its cause, runs `released` once.
 */
export class EventQueue<T> implements AsyncIterable<T> {
  readonly #waiting: T[] = [];
  readonly #signal: AbortSignal;
  readonly #release: () => void;
  #wake: () => void = () => {};
  #ended = false;
  #overrun = false;

  constructor(signal: AbortSignal, released: () => void) {
    this.#signal = signal;
    let open = true;
    this.#release = () => {
      if (open) released();
      open = false;
    };
    // A stream whose reader went away before its first line must be released too.
    signal.addEventListener('abort', this.#release, { once: true });
  }

  push(event: T): void {
    if (this.#ended || this.#overrun) return;
    if (this.#waiting.length >= MAX_WAITING) this.#overrun = true;
    else this.#waiting.push(event);
    this.#wake();
  }

  /** Nothing more comes; what waits is still read. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    const events = this.#read();
    if (this.#signal.aborted) this.#release();
    return {
      next: async () => {
        const result = await events.next();
        if (result.done) this.#release();
        return result;
      },
      return: async () => {
        this.#release();
        return events.return(undefined);
      },
    };
  }

  async *#read(): AsyncGenerator<T, undefined> {
    const abort = () => this.#wake();
    this.#signal.addEventListener('abort', abort, { once: true });
    try {
      while (!this.#signal.aborted) {
        const event = this.#waiting.shift();
        if (event !== undefined) {
          yield event;
          continue;
        }
        if (this.#overrun)
          throw new Internal('stream_too_slow', 'the reader of this stream fell too far behind');
        if (this.#ended) return undefined;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      return undefined;
    } finally {
      this.#signal.removeEventListener('abort', abort);
    }
  }
}
