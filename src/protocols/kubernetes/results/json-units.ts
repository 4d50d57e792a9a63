import { ProtocolViolation } from '../../../base/errors.ts';

/** The longest object that is held to be masked: etcd takes no larger ones than 1.5 MiB by default. */
const LONGEST_UNIT = 32 * 1024 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Cuts a stream of JSON texts into what can be masked by itself: each text (the events of a watch), or, for a
 * list, each element of its `items` or `rows`. What stands between passes as it is. Memory is bounded by the
 * longest unit. Mutable: a scanner.
 */
export class JsonUnits {
  readonly #mask: (unit: Buffer) => Buffer;
  readonly #lists: boolean;
  #held: Buffer = Buffer.alloc(0);
  /** Bytes of `held` that were looked at. */
  #seen = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Where the last string at depth 1 stands in `held`; its text, once it has ended. */
  #stringStart = 0;
  #lastKey = '';
  #inElements = false;
  /** The present text is a list: what is outside of its elements passes. */
  #isList = false;

  constructor(mask: (unit: Buffer) => Buffer, lists: boolean) {
    this.#mask = mask;
    this.#lists = lists;
  }

  /** Throws ProtocolViolation `too_large` for a unit that is too long, and what `mask` throws. */
  push(chunk: Buffer): Buffer {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const out: Buffer[] = [];
    for (let i = this.#seen; i < this.#held.length; i++) {
      const cut = this.#byte(this.#held[i] ?? 0, i, out);
      if (cut > 0) {
        this.#held = this.#held.subarray(cut);
        i -= cut;
      }
    }
    this.#seen = this.#held.length;
    if (this.#held.length > LONGEST_UNIT)
      throw new ProtocolViolation('too_large', 'an object is too large to mask');
    return out.length === 1 ? (out[0] ?? chunk) : Buffer.concat(out);
  }

  /** What the stream left unfinished. */
  end(): Buffer {
    const rest = this.#held;
    this.#held = Buffer.alloc(0);
    return rest.toString('latin1').trim() === '' ? rest : this.#mask(rest);
  }

  /** Looks at one byte; answers up to where `held` was given out, 0 for nothing. */
  #byte(byte: number, at: number, out: Buffer[]): number {
    if (this.#inString) {
      this.#stringByte(byte, at);
      return 0;
    }
    switch (byte) {
      case QUOTE:
        this.#inString = true;
        this.#stringStart = at;
        return 0;
      case 0x7b:
        this.#depth++;
        return 0;
      case 0x5b:
        return this.#openArray(at, out);
      case 0x7d:
      case 0x5d:
        return this.#close(at, out);
      case 0x2c:
        return this.#inElements && this.#depth === 2 ? this.#element(at, out) : 0;
      default:
        return 0;
    }
  }

  #stringByte(byte: number, at: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) {
      this.#inString = false;
      if (this.#depth === 1) this.#lastKey = this.#held.toString('latin1', this.#stringStart + 1, at);
    }
  }

  #openArray(at: number, out: Buffer[]): number {
    this.#depth++;
    const elements = this.#depth === 2 && (this.#lastKey === 'items' || this.#lastKey === 'rows');
    if (!this.#lists || !elements) return 0;
    this.#inElements = true;
    this.#isList = true;
    out.push(this.#held.subarray(0, at + 1));
    return at + 1;
  }

  #close(at: number, out: Buffer[]): number {
    let cut = 0;
    if (this.#inElements && this.#depth === 2) {
      cut = this.#element(at, out);
      this.#inElements = false;
    }
    this.#depth--;
    if (this.#depth > 0) return cut;
    this.#depth = 0;
    const text = this.#held.subarray(cut, at + 1);
    out.push(this.#isList ? text : this.#mask(text));
    this.#isList = false;
    return at + 1;
  }

  /** An element ends before `at`, where a comma or the end of the array stands. */
  #element(at: number, out: Buffer[]): number {
    const element = this.#held.subarray(0, at);
    out.push(isBlank(element) ? element : this.#mask(element), this.#held.subarray(at, at + 1));
    return at + 1;
  }
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09);
}
