import { isUtf8 } from 'node:buffer';
import { ProtocolViolation } from '../../../base/errors.ts';
import { HEADER_LENGTH } from './framer.ts';

/** Bytes of a name that is read the short way. */
const SHORT_NAME = 24;

/**
 * A bounded cursor over one message's body. Every read checks what is left first; nothing is copied but
 * strings. Every method throws ProtocolViolation (`message_too_short`, `unterminated_string`, `invalid_utf8`,
 * `trailing_bytes`).
 */
export class MessageReader {
  readonly buffer: Buffer;
  readonly end: number;
  at: number;

  /** `start` is the message's type byte, `end` is behind its last byte, as the framer gives them. */
  constructor(buffer: Buffer, start: number, end: number) {
    this.buffer = buffer;
    this.at = start + HEADER_LENGTH;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  byte(): number {
    this.#need(1);
    const value = this.buffer[this.at] ?? 0;
    this.at += 1;
    return value;
  }

  /** Two bytes, 0 to 65 535: counts go up to there (a Bind may have 65 535 parameters). */
  uint16(): number {
    this.#need(2);
    const value = this.buffer.readUInt16BE(this.at);
    this.at += 2;
    return value;
  }

  int16(): number {
    this.#need(2);
    const value = this.buffer.readInt16BE(this.at);
    this.at += 2;
    return value;
  }

  int32(): number {
    this.#need(4);
    const value = this.buffer.readInt32BE(this.at);
    this.at += 4;
    return value;
  }

  uint32(): number {
    this.#need(4);
    const value = this.buffer.readUInt32BE(this.at);
    this.at += 4;
    return value;
  }

  /** A count of items that take at least `least` bytes each: more than can follow are refused before any is read. */
  count(least: number): number {
    const count = this.uint16();
    if (count * least > this.left) throw tooShort();
    return count;
  }

  /** A NUL-terminated string of valid UTF-8. */
  string(): string {
    const { buffer, at } = this;
    // Names are short and ASCII: looking at their bytes here is cheaper than two calls out of JavaScript.
    const near = Math.min(this.end, at + SHORT_NAME);
    for (let i = at; i < near; i++) {
      const byte = buffer[i] ?? 0;
      if (byte >= 0x80) break;
      if (byte !== 0) continue;
      this.at = i + 1;
      return i === at ? '' : buffer.toString('latin1', at, i);
    }
    const nul = buffer.indexOf(0, at);
    if (nul < 0 || nul >= this.end) {
      throw new ProtocolViolation('unterminated_string', 'a string in a message has no terminator');
    }
    this.at = nul + 1;
    return decodeText(buffer, at, nul);
  }

  /** A NUL-terminated string whose bytes may be in any encoding; what is not UTF-8 becomes U+FFFD. */
  looseString(): string {
    const nul = this.buffer.indexOf(0, this.at);
    if (nul < 0 || nul >= this.end) {
      throw new ProtocolViolation('unterminated_string', 'a string in a message has no terminator');
    }
    const text = this.buffer.toString('utf8', this.at, nul);
    this.at = nul + 1;
    return text;
  }

  /** A view of the next `length` bytes. */
  bytes(length: number): Buffer {
    this.#need(length);
    const view = this.buffer.subarray(this.at, this.at + length);
    this.at += length;
    return view;
  }

  skip(length: number): void {
    this.#need(length);
    this.at += length;
  }

  /** A view of all that is left. */
  rest(): Buffer {
    return this.bytes(this.left);
  }

  /** Nothing may be left. */
  finish(): void {
    if (this.at !== this.end) {
      throw new ProtocolViolation('trailing_bytes', `a message has ${this.left} bytes behind its last field`);
    }
  }

  #need(length: number): void {
    if (length < 0 || length > this.end - this.at) throw tooShort();
  }
}

/**
 * Bytes of a text value. Throws ProtocolViolation `invalid_utf8`. Decodes first and looks closer only when a
 * replacement character came out: it may have been sent as such.
 */
export function decodeText(buffer: Buffer, start: number, end: number): string {
  const text = buffer.toString('utf8', start, end);
  if (text.includes('\ufffd') && !isUtf8(buffer.subarray(start, end))) {
    throw new ProtocolViolation('invalid_utf8', 'a text in a message is not valid UTF-8');
  }
  return text;
}

function tooShort(): ProtocolViolation {
  return new ProtocolViolation('message_too_short', 'a message ends inside one of its fields');
}
