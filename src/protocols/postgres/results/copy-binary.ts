import { replacesNull } from './column-action.ts';
import { copyViolation, maskWhole, rowTooLarge } from './copy-row.ts';
import type { RowPlan } from './row-plan.ts';

/** `PGCOPY\n\377\r\n\0` (PostgreSQL docs, COPY, "Binary Format"). */
const SIGNATURE = Buffer.from([0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0x00]);
/** Signature, int32 flags, int32 length of the header extension. */
const HEADER = SIGNATURE.length + 8;
const END_OF_DATA = -1;

/** COPY's binary format: header, rows of counted and sized fields, a trailer. */
export class BinaryCopy {
  readonly #plan: RowPlan;
  readonly #rowLimit: number;
  #phase: 'header' | 'rows' | 'ended' = 'header';
  /** The unfinished part, in the first `#size` bytes of a buffer that grows by doubling. */
  #pending: Buffer = Buffer.alloc(0);
  #size = 0;
  /** Within the unfinished row: fields read so far and where the next one begins. */
  #field = 0;
  #at = 2;

  constructor(plan: RowPlan, rowLimit: number) {
    this.#plan = plan;
    this.#rowLimit = rowLimit;
  }

  write(data: Buffer): Buffer {
    const whole = this.#size === 0 ? data : this.#appended(data);
    const out: Buffer[] = [];
    let unchanged = 0;
    let start = 0;
    for (;;) {
      const end = this.#itemEnd(whole, start);
      if ((end < 0 ? whole.length : end) - start > this.#rowLimit) throw rowTooLarge(this.#rowLimit);
      if (end < 0) break;
      const row = this.#phase === 'rows' ? this.#rewritten(whole, start, end) : undefined;
      if (row) {
        out.push(whole.subarray(unchanged, start), row);
        unchanged = end;
      }
      this.#advance(whole, start);
      start = end;
    }
    this.#keep(whole, start);
    if (start === data.length && whole === data && out.length === 0) return data;
    out.push(whole.subarray(unchanged, start));
    return Buffer.concat(out);
  }

  end(): void {
    if (this.#phase !== 'ended') throw copyViolation('it ended before its trailer');
  }

  /** Where the header, row or trailer at `start` ends; -1 when it is not all there yet. */
  #itemEnd(data: Buffer, start: number): number {
    const available = data.length - start;
    switch (this.#phase) {
      case 'header':
        return available < HEADER ? -1 : this.#headerEnd(data, start, available);
      case 'rows':
        return available < 2 ? -1 : this.#rowEnd(data, start);
      case 'ended':
        if (available > 0) throw copyViolation('data follow its trailer');
        return -1;
    }
  }

  #headerEnd(data: Buffer, start: number, available: number): number {
    if (SIGNATURE.compare(data, start, start + SIGNATURE.length) !== 0)
      throw copyViolation('its signature is wrong');
    // Bits 16-31 are critical; bit 16, OIDs in the data, went with PostgreSQL 12.
    if (data.readUInt32BE(start + SIGNATURE.length) >>> 16 !== 0)
      throw copyViolation('its flags are unknown');
    const extension = data.readInt32BE(start + SIGNATURE.length + 4);
    if (extension < 0 || extension > this.#rowLimit) throw copyViolation('its header has a wrong length');
    return available < HEADER + extension ? -1 : start + HEADER + extension;
  }

  /** Goes on where it stopped last time, so that a row in many pieces is read once. */
  #rowEnd(data: Buffer, start: number): number {
    const count = data.readInt16BE(start);
    if (count === END_OF_DATA) return start + 2;
    if (count !== this.#plan.actions.length) throw copyViolation('a row has a wrong number of columns');
    while (this.#field < count) {
      if (data.length - start - this.#at < 4) return -1;
      const length = data.readInt32BE(start + this.#at);
      if (length < -1) throw copyViolation('a field has a negative length');
      if (length > this.#rowLimit) throw rowTooLarge(this.#rowLimit);
      const next = this.#at + 4 + Math.max(0, length);
      if (next > data.length - start) return -1;
      this.#at = next;
      this.#field++;
    }
    return start + this.#at;
  }

  #advance(data: Buffer, start: number): void {
    if (this.#phase === 'header') this.#phase = 'rows';
    else if (data.readInt16BE(start) === END_OF_DATA) this.#phase = 'ended';
    this.#field = 0;
    this.#at = 2;
  }

  #rewritten(data: Buffer, start: number, end: number): Buffer | undefined {
    const parts: Buffer[] = [];
    let kept = start;
    let at = start + 2;
    for (let i = 0; at < end; i++) {
      const length = data.readInt32BE(at);
      const next = at + 4 + Math.max(0, length);
      const action = this.#plan.actions[i];
      const passes = length < 0 && !(action && replacesNull(action));
      const masked = passes ? undefined : maskWhole(action, data.subarray(at + 4, next));
      if (masked !== undefined) {
        const size = Buffer.allocUnsafe(4);
        size.writeInt32BE(masked === null ? -1 : masked.length);
        parts.push(data.subarray(kept, at), size);
        if (masked) parts.push(masked);
        kept = next;
      }
      at = next;
    }
    if (parts.length === 0) return undefined;
    parts.push(data.subarray(kept, end));
    return Buffer.concat(parts);
  }

  #appended(data: Buffer): Buffer {
    const size = this.#size + data.length;
    if (size > this.#pending.length) {
      const larger = Buffer.allocUnsafe(Math.max(size, 2 * this.#pending.length));
      this.#pending.copy(larger, 0, 0, this.#size);
      this.#pending = larger;
    }
    data.copy(this.#pending, this.#size);
    this.#size = size;
    return this.#pending.subarray(0, size);
  }

  /** Remembers what is left from `start` on. A buffer of which parts went out is not written to again. */
  #keep(data: Buffer, start: number): void {
    if (start === 0 && this.#size > 0) return;
    this.#pending = Buffer.from(data.subarray(start));
    this.#size = this.#pending.length;
  }
}
