import type { ReplayEvent } from '../../../recording/events.ts';

/** Longest message whose content replay shows; longer ones would have to be held in memory whole. Bytes. */
export const LONGEST_SHOWN = 16 * 1024 * 1024;

/** Counts the pieces of a message that is too long to be shown, and tells its size at the end. */
export class LongMessage {
  #bytes = 0;

  piece(what: string, bytes: number, remaining: number, at: number): ReplayEvent | undefined {
    this.#bytes += bytes;
    if (remaining > 0) return undefined;
    const message = `${what} of ${this.#bytes} bytes, too long to be shown`;
    this.#bytes = 0;
    return { type: 'note', at, message };
  }
}
