import { type ColumnAction, replacesNull } from './column-action.ts';
import { LineCopy, maskWhole } from './copy-row.ts';

const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;
const DEFAULT_NULL = Buffer.from('\\N');

/** Escapes that stand for a control character (PostgreSQL docs, COPY, "Text Format"). */
const ESCAPES: ReadonlyMap<number, number> = new Map([
  [0x62, 0x08], // \b
  [0x66, 0x0c], // \f
  [0x6e, 0x0a], // \n
  [0x72, 0x0d], // \r
  [0x74, 0x09], // \t
  [0x76, 0x0b], // \v
]);
const ESCAPED: ReadonlyMap<number, number> = new Map([...ESCAPES].map(([letter, byte]) => [byte, letter]));

/** COPY's text format: one line a row, a delimiter between fields, backslash escapes. */
export class TextCopy extends LineCopy {
  readonly #delimiter: number;
  readonly #nullText: Buffer;
  /** Any other null text may be a value as well: `NULL 'guess'` must not show which values equal the guess. */
  readonly #nullIsPlain: boolean;
  #afterBackslash = false;

  constructor(
    actions: readonly ColumnAction[],
    delimiter: number,
    nullText: Buffer,
    header: boolean,
    rowLimit: number,
  ) {
    super(actions, header, rowLimit);
    this.#delimiter = delimiter;
    this.#nullText = nullText;
    this.#nullIsPlain = nullText.length === 0 || nullText.equals(DEFAULT_NULL);
  }

  protected override rowEnd(data: Buffer, from: number): number {
    for (let i = from; i < data.length; i++) {
      if (this.#afterBackslash) this.#afterBackslash = false;
      else if (data[i] === BACKSLASH) this.#afterBackslash = true;
      else if (data[i] === NEWLINE) return i + 1;
    }
    return -1;
  }

  protected override fieldEnd(data: Buffer, from: number, stop: number): number {
    for (let i = from; i < stop; i++) {
      if (data[i] === BACKSLASH) i++;
      else if (data[i] === this.#delimiter) return i;
    }
    return stop;
  }

  protected override field(
    action: ColumnAction,
    data: Buffer,
    start: number,
    end: number,
  ): Buffer | undefined {
    // NULL is told before escapes are read: a value \\N is written \\\\N.
    const isNull = end - start === this.#nullText.length && this.#nullText.compare(data, start, end) === 0;
    if (isNull && this.#nullIsPlain && !replacesNull(action)) return undefined;
    const masked = maskWhole(
      action,
      isNull && this.#nullIsPlain ? data.subarray(0, 0) : unescaped(data, start, end),
    );
    if (masked === undefined) return undefined;
    return masked === null ? this.#nullText : this.#escaped(masked);
  }

  #escaped(value: Buffer): Buffer {
    const bytes: number[] = [];
    for (const byte of value) {
      const letter = ESCAPED.get(byte);
      if (letter !== undefined) bytes.push(BACKSLASH, letter);
      else if (byte === BACKSLASH || byte === this.#delimiter) bytes.push(BACKSLASH, byte);
      else bytes.push(byte);
    }
    const text = Buffer.from(bytes);
    // A text that would read as NULL is told apart by an escape of its first byte, as COPY FROM undoes any.
    return text.equals(this.#nullText) && text.length > 0
      ? Buffer.concat([octal(text[0] ?? 0), text.subarray(1)])
      : text;
  }
}

function octal(byte: number): Buffer {
  return Buffer.from(`\\${byte.toString(8).padStart(3, '0')}`);
}

/** A field's value: also octal and hexadecimal escapes are read, although PostgreSQL does not write them. */
function unescaped(data: Buffer, start: number, end: number): Buffer {
  const first = data.indexOf(BACKSLASH, start);
  if (first < 0 || first >= end) return data.subarray(start, end);
  const value = Buffer.allocUnsafe(end - start);
  let to = data.copy(value, 0, start, first);
  for (let i = first; i < end; i++) {
    const byte = data[i] ?? 0;
    if (byte !== BACKSLASH || i + 1 >= end) {
      value[to++] = byte;
      continue;
    }
    const code = /^(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2}))/.exec(
      data.toString('latin1', i + 1, Math.min(end, i + 4)),
    );
    if (code) {
      value[to++] = (code[1] ? Number.parseInt(code[1], 8) : Number.parseInt(code[2] ?? '0', 16)) & 0xff;
      i += code[0].length;
    } else {
      const letter = data[++i] ?? 0;
      value[to++] = ESCAPES.get(letter) ?? letter;
    }
  }
  return value.subarray(0, to);
}
