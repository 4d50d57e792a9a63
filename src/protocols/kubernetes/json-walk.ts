import { ProtocolViolation } from '../../base/errors.ts';

/** Keys and array positions from the root to a value. The array itself is reused: copy it to keep it. */
export type JsonPath = readonly (string | number)[];

export interface JsonVisitor {
  /** An object or array begins at `start`; answer true to be spared what is inside. */
  enter?(path: JsonPath, start: number, kind: 'object' | 'array'): boolean;
  /** It ended before `end`. */
  leave?(path: JsonPath, start: number, end: number, kind: 'object' | 'array'): void;
  /** A string, number, true, false or null stands at [start, end). */
  scalar?(path: JsonPath, start: number, end: number): void;
}

const DEEPEST = 256;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;

/**
 * Walks one JSON text (RFC 8259) and tells where its values stand, so that some can be replaced and all others
 * stay byte for byte. Throws ProtocolViolation `bad_json` for anything else than one JSON value, for a key that an
 * object has twice (readers differ in which one counts) and for more than 256 levels.
 */
export function walkJson(bytes: Buffer, visitor: JsonVisitor): void {
  const walk = new Walk(bytes, visitor);
  walk.value();
  walk.end();
}

class Walk {
  readonly #bytes: Buffer;
  readonly #visitor: JsonVisitor;
  readonly #path: (string | number)[] = [];
  #at = 0;
  #silent = 0;

  constructor(bytes: Buffer, visitor: JsonVisitor) {
    this.#bytes = bytes;
    this.#visitor = visitor;
  }

  value(): void {
    this.#blank();
    const byte = this.#bytes[this.#at];
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY)
      this.#container(byte === OPEN_OBJECT ? 'object' : 'array');
    else this.#scalar(byte);
  }

  end(): void {
    this.#blank();
    if (this.#at !== this.#bytes.length) throw this.#bad('there is more behind the value');
  }

  #container(kind: 'object' | 'array'): void {
    if (this.#path.length >= DEEPEST) throw this.#bad('it is nested too deeply');
    const start = this.#at++;
    const skip = this.#silent === 0 && (this.#visitor.enter?.(this.#path, start, kind) ?? false);
    if (skip) this.#silent++;
    if (kind === 'object') this.#members();
    else this.#elements();
    if (skip) this.#silent--;
    if (this.#silent === 0) this.#visitor.leave?.(this.#path, start, this.#at, kind);
  }

  #members(): void {
    const seen = new Set<string>();
    this.#blank();
    if (this.#take(CLOSE_OBJECT)) return;
    for (;;) {
      this.#blank();
      const key = this.#key();
      if (seen.has(key)) throw this.#bad(`an object has the key ${JSON.stringify(key.slice(0, 64))} twice`);
      seen.add(key);
      this.#blank();
      this.#expect(COLON);
      this.#path.push(key);
      this.value();
      this.#path.pop();
      this.#blank();
      if (this.#take(CLOSE_OBJECT)) return;
      this.#expect(COMMA);
    }
  }

  #elements(): void {
    this.#blank();
    if (this.#take(CLOSE_ARRAY)) return;
    for (let index = 0; ; index++) {
      this.#path.push(index);
      this.value();
      this.#path.pop();
      this.#blank();
      if (this.#take(CLOSE_ARRAY)) return;
      this.#expect(COMMA);
    }
  }

  #key(): string {
    const start = this.#at;
    if (this.#bytes[start] !== QUOTE) throw this.#bad('a key is not a string');
    this.#string();
    return readString(this.#bytes, start, this.#at);
  }

  #scalar(byte: number | undefined): void {
    const start = this.#at;
    if (byte === QUOTE) this.#string();
    else this.#word();
    if (this.#silent === 0) this.#visitor.scalar?.(this.#path, start, this.#at);
  }

  #string(): void {
    const bytes = this.#bytes;
    for (let i = this.#at + 1; i < bytes.length; i++) {
      const byte = bytes[i];
      if (byte === QUOTE) {
        this.#at = i + 1;
        return;
      }
      if (byte === BACKSLASH) i++;
      else if (byte !== undefined && byte < 0x20) throw this.#bad('a string holds a control character');
    }
    throw this.#bad('a string has no end');
  }

  #word(): void {
    let end = this.#at;
    while (end < this.#bytes.length && isWordByte(this.#bytes[end] ?? 0)) end++;
    const word = this.#bytes.toString('latin1', this.#at, Math.min(end, this.#at + 64));
    if (!/^(true|false|null|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?)$/.test(word)) {
      throw this.#bad('a value cannot be read');
    }
    this.#at = end;
  }

  #blank(): void {
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.#at++;
    }
  }

  #take(byte: number): boolean {
    if (this.#bytes[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }

  #expect(byte: number): void {
    if (!this.#take(byte)) throw this.#bad(`"${String.fromCharCode(byte)}" is missing`);
  }

  #bad(why: string): ProtocolViolation {
    return new ProtocolViolation('bad_json', `the JSON cannot be read at byte ${this.#at}: ${why}`);
  }
}

function isWordByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x45 ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2e
  );
}

/** What the string token at [start, end) spells. Throws ProtocolViolation `bad_json`. */
export function readString(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  if (!text.includes('\\')) return text.slice(1, -1);
  try {
    return JSON.parse(text) as string;
  } catch {
    throw new ProtocolViolation('bad_json', 'the JSON cannot be read: a string has a broken escape');
  }
}
