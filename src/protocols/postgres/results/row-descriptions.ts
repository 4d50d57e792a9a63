import { parseRowDescription, type ResultColumn } from './row-plan.ts';

/** Longer ones are read anew each time, so that what is remembered stays small, in bytes. */
const REMEMBERED_BYTES = 16 * 1024;

/** Reads the RowDescriptions of one session. Most clients ask the same thing again and again: the last one is remembered. */
export class RowDescriptions {
  #bytes: Buffer | undefined;
  #columns: readonly ResultColumn[] = [];

  /** As `parseRowDescription`, and throws as it does. */
  read(bytes: Buffer, start: number, end: number): readonly ResultColumn[] {
    const known = this.#bytes;
    if (known !== undefined && known.length === end - start && known.compare(bytes, start, end) === 0) {
      return this.#columns;
    }
    this.#columns = parseRowDescription(bytes, start, end);
    this.#bytes = end - start > REMEMBERED_BYTES ? undefined : Buffer.from(bytes.subarray(start, end));
    return this.#columns;
  }
}
