import { type ColumnAction, replacesNull } from './column-action.ts';
import { copyViolation, LineCopy, maskWhole } from './copy-row.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** The bytes that COPY's options set. */
export interface CsvMarks {
  readonly delimiter: number;
  readonly quote: number;
  readonly escape: number;
  readonly nullText: Buffer;
}

/** COPY's CSV format: quoted fields may hold newlines; NULL is the unquoted null text. */
export class CsvCopy extends LineCopy {
  readonly #marks: CsvMarks;
  #inQuote = false;
  #afterEscape = false;

  constructor(actions: readonly ColumnAction[], marks: CsvMarks, header: boolean, rowLimit: number) {
    super(actions, header, rowLimit);
    this.#marks = marks;
  }

  /** A doubled quote closes and opens again, which comes to the same; another escape guards the byte after it. */
  protected override rowEnd(data: Buffer, from: number): number {
    const { quote, escape: guard } = this.#marks;
    for (let i = from; i < data.length; i++) {
      const byte = data[i];
      if (this.#afterEscape) this.#afterEscape = false;
      else if (this.#inQuote && guard !== quote && byte === guard) this.#afterEscape = true;
      else if (byte === quote) this.#inQuote = !this.#inQuote;
      else if (byte === NEWLINE && !this.#inQuote) return i + 1;
    }
    return -1;
  }

  protected override fieldEnd(data: Buffer, from: number, stop: number): number {
    const { delimiter, quote, escape: guard } = this.#marks;
    let inQuote = false;
    for (let i = from; i < stop; i++) {
      const byte = data[i];
      if (inQuote && guard !== quote && byte === guard) i++;
      else if (byte === quote) inQuote = !inQuote;
      else if (byte === delimiter && !inQuote) return i;
    }
    return stop;
  }

  protected override field(
    action: ColumnAction,
    data: Buffer,
    start: number,
    end: number,
  ): Buffer | undefined {
    const { quote, nullText } = this.#marks;
    const quoted = data[start] === quote && start < end;
    const isNull = !quoted && end - start === nullText.length && nullText.compare(data, start, end) === 0;
    if (isNull && !replacesNull(action)) return undefined;
    const masked = maskWhole(action, quoted ? this.#unquoted(data, start, end) : data.subarray(start, end));
    if (masked === undefined) return undefined;
    if (masked === null) return nullText;
    return quoted || this.#needsQuote(masked) ? this.#quoted(masked) : masked;
  }

  #unquoted(data: Buffer, start: number, end: number): Buffer {
    const { quote, escape: guard } = this.#marks;
    if (end - start < 2 || data[end - 1] !== quote)
      throw copyViolation('a quoted field goes on after its quote');
    const value = Buffer.allocUnsafe(end - start - 2);
    let to = 0;
    for (let i = start + 1; i < end - 1; i++) {
      const next = data[i + 1];
      if (data[i] === guard && i + 1 < end - 1 && (next === quote || next === guard)) i++;
      value[to++] = data[i] ?? 0;
    }
    return value.subarray(0, to);
  }

  #needsQuote(value: Buffer): boolean {
    const { delimiter, quote, nullText } = this.#marks;
    const special = (byte: number) =>
      byte === delimiter || byte === quote || byte === NEWLINE || byte === RETURN;
    return value.equals(nullText) || value.length === 0 || value.some(special);
  }

  #quoted(value: Buffer): Buffer {
    const { quote, escape: guard } = this.#marks;
    const bytes = [quote];
    for (const byte of value) {
      if (byte === quote || byte === guard) bytes.push(guard);
      bytes.push(byte);
    }
    bytes.push(quote);
    return Buffer.from(bytes);
  }
}
