import { ProtocolViolation } from '../../../base/errors.ts';
import type { ColumnAction, Masked } from './column-action.ts';

/** The target's COPY data are not what they should be. */
export function copyViolation(why: string): ProtocolViolation {
  return new ProtocolViolation('bad_copy_data', 'the target sent malformed COPY data', { why });
}

/** The target's COPY has a row that is not held whole; `limit` in bytes. */
export function rowTooLarge(limit: number): ProtocolViolation {
  return new ProtocolViolation('copy_row_too_large', `a row of the COPY is longer than ${limit} bytes`, {
    next: 'copy the large columns by themselves, or a part of their values',
  });
}

/** What an action makes of a value that stands alone in a buffer. */
export function maskWhole(action: ColumnAction | undefined, value: Buffer): Masked {
  if (action === undefined || action.kind === 'pass') return undefined;
  if (action.kind === 'keyed') return maskWhole(action.otherwise, value);
  return action.kind === 'constant' ? action.value : action.apply(value, 0, value.length);
}

/**
 * Finds rows that end with a newline in data cut anywhere, masks the fields of each, and joins what comes
 * out. Mutable; bytes of an incomplete row are copied, all others are used where they stand.
 */
export abstract class LineCopy {
  readonly #actions: readonly ColumnAction[];
  readonly #rowLimit: number;
  #headerAhead: boolean;
  #pieces: Buffer[] = [];
  #pending = 0;

  /** One action for each column; `rowLimit` in bytes. */
  constructor(actions: readonly ColumnAction[], header: boolean, rowLimit: number) {
    this.#actions = actions;
    this.#headerAhead = header;
    this.#rowLimit = rowLimit;
  }

  /** Where the row that goes on at `from` ends (after its newline), or -1; remembers how far it read. */
  protected abstract rowEnd(data: Buffer, from: number): number;
  /** Where the field that begins at `from` ends: at its delimiter, or at `stop`. */
  protected abstract fieldEnd(data: Buffer, from: number, stop: number): number;
  /** What stands in a field's place; undefined when nothing in it changes. */
  protected abstract field(
    action: ColumnAction,
    data: Buffer,
    start: number,
    end: number,
  ): Buffer | undefined;

  write(data: Buffer): Buffer {
    const out: Buffer[] = [];
    let unchanged = 0; // rows from here on are as they were
    let start = 0;
    for (;;) {
      const end = this.rowEnd(data, start);
      const length = this.#pending + (end < 0 ? data.length : end) - start;
      if (length > this.#rowLimit) throw rowTooLarge(this.#rowLimit);
      if (end < 0) break;
      if (this.#pending > 0) {
        const row = Buffer.concat([...this.#pieces, data.subarray(start, end)]);
        this.#pieces = [];
        this.#pending = 0;
        out.push(this.#row(row, 0, row.length) ?? row);
        unchanged = end;
      } else {
        const row = this.#row(data, start, end);
        if (row) {
          if (start > unchanged) out.push(data.subarray(unchanged, start));
          out.push(row);
          unchanged = end;
        }
      }
      start = end;
    }
    if (start < data.length) {
      this.#pieces.push(Buffer.from(data.subarray(start)));
      this.#pending += data.length - start;
    }
    if (out.length === 0 && start === data.length) return data;
    if (start > unchanged) out.push(data.subarray(unchanged, start));
    const only = out.length === 1 ? out[0] : undefined;
    return only ?? Buffer.concat(out);
  }

  end(): void {
    if (this.#pending > 0) throw copyViolation('it ended inside a row');
  }

  #row(data: Buffer, start: number, end: number): Buffer | undefined {
    if (this.#headerAhead) {
      this.#headerAhead = false;
      return undefined;
    }
    return this.#masked(data, start, end);
  }

  /** A whole row with its newline; undefined when nothing in it changes. */
  #masked(data: Buffer, start: number, end: number): Buffer | undefined {
    const actions = this.#actions;
    const stop = end - 1; // the newline
    const parts: Buffer[] = [];
    let kept = start;
    let at = start;
    for (let i = 0; i < actions.length; i++) {
      const action = actions[i];
      const next = this.fieldEnd(data, at, stop);
      if (next === stop && i < actions.length - 1) throw copyViolation('a row has too few columns');
      const passes = action === undefined || action.kind === 'pass';
      const masked = passes ? undefined : this.field(action, data, at, next);
      if (masked !== undefined) {
        parts.push(data.subarray(kept, at), masked);
        kept = next;
      }
      at = next + 1;
    }
    if (at !== end) throw copyViolation('a row has too many columns');
    if (parts.length === 0) return undefined;
    parts.push(data.subarray(kept, end));
    return Buffer.concat(parts);
  }
}
