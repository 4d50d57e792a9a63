import { Internal } from '../../../base/errors.ts';

/** Puts messages together one behind the other; `take` gives the bytes. For the few messages hoopctl speaks itself. */
export class MessageWriter {
  #buffer = Buffer.allocUnsafe(256);
  #at = 0;
  #lengthAt = -1;

  begin(type: number): this {
    this.#room(5);
    this.#buffer[this.#at] = type;
    this.#lengthAt = this.#at + 1;
    this.#at += 5;
    return this;
  }

  end(): this {
    this.#buffer.writeInt32BE(this.#at - this.#lengthAt, this.#lengthAt);
    return this;
  }

  byte(value: number): this {
    this.#room(1);
    this.#buffer[this.#at] = value;
    this.#at += 1;
    return this;
  }

  /** Two bytes, -32 768 to 65 535. */
  int16(value: number): this {
    this.#room(2);
    this.#buffer.writeUInt16BE(value & 0xffff, this.#at);
    this.#at += 2;
    return this;
  }

  /** Four bytes, -2^31 to 2^32-1. */
  int32(value: number): this {
    this.#room(4);
    this.#buffer.writeInt32BE(value | 0, this.#at);
    this.#at += 4;
    return this;
  }

  /** A NUL-terminated string. Throws Internal `nul_in_string`: it would end the field early. */
  string(text: string): this {
    if (text.includes('\0'))
      throw new Internal('nul_in_string', 'a text for a message holds a NUL character');
    const length = Buffer.byteLength(text);
    this.#room(length + 1);
    this.#buffer.write(text, this.#at, 'utf8');
    this.#at += length;
    this.#buffer[this.#at] = 0;
    this.#at += 1;
    return this;
  }

  bytes(bytes: Uint8Array): this {
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  /** The bytes written so far, as a buffer of their own; the writer starts anew. */
  take(): Buffer {
    const bytes = this.#buffer.subarray(0, this.#at);
    this.#buffer = Buffer.allocUnsafe(256);
    this.#at = 0;
    return bytes;
  }

  #room(length: number): void {
    const needed = this.#at + length;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#at);
    this.#buffer = grown;
  }
}
