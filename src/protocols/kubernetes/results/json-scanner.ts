import { ProtocolViolation } from '../../../base/errors.ts';

/**
 * What reads the tokens of a stream of JSON texts. `place` is the reader's own number for what holds the token, `key`
 * its number for the key before it (0 in arrays and at the top). Offsets are those of `bytes`.
 */
export interface TokenReader {
  /** A key stands at [start, end), its quotes included: the number it is to be known by. */
  key(bytes: Buffer, start: number, end: number, place: number): number;
  /** An object or array begins at `at`: the number of the place that it is, SILENT to hear nothing of what is inside. */
  open(place: number, key: number, isArray: boolean, at: number): number;
  /** It ended before `end`. */
  close(place: number, end: number): void;
  /** A string, number, true, false or null stands at [start, end). */
  value(bytes: Buffer, start: number, end: number, place: number, key: number): void;
}

/** A place of which a reader hears that it begins and ends, and nothing else. */
export const SILENT = 255;

const DEEPEST = 256;
/** Longer strings are searched by what the processor has for it; to begin that costs as much as so many bytes. */
const SHORT_STRING = 48;
/** The longest token, or run of tokens that its reader wants to keep: etcd takes no larger objects than 1.5 MiB by default. */
const LONGEST_HELD = 32 * 1024 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

/** What may come next. */
const STATE = { value: 0, valueOrEnd: 1, key: 2, keyOrEnd: 3, colon: 4, after: 5 } as const;

/** Bytes of numbers, true, false and null. */
const WORD = new Uint8Array(256);
for (const character of '0123456789abcdefghijklmnopqrstuvwxyz+-.E') WORD[character.charCodeAt(0)] = 1;

/**
 * Reads JSON texts (RFC 8259) that come in pieces, one behind the other, each byte once. Mutable, and the hot path of
 * every masked answer: no allocation but where a token lies across two pieces.
 */
export class JsonScanner {
  readonly #reader: TokenReader;
  #bytes: Buffer = Buffer.alloc(0);
  /** Where the next token begins, or the one that is not whole yet. */
  #at = 0;
  /** How far the string that begins at `at` was looked at. */
  #within = 0;
  #state: number = STATE.value;
  #depth = 0;
  /** The depth of the outermost silent place around. */
  #silentFrom = 0;
  readonly #places = new Uint8Array(DEEPEST + 2);
  readonly #keys = new Uint8Array(DEEPEST + 2);
  readonly #arrays = new Uint8Array(DEEPEST + 2);

  constructor(reader: TokenReader) {
    this.#reader = reader;
  }

  /** What was pushed and not dropped yet. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Up to here it was read. */
  get at(): number {
    return this.#at;
  }

  /** How much of what comes next belongs to the token that is not whole yet. */
  missing(chunk: Buffer): number {
    const { length } = this.#bytes;
    if (this.#at >= length) return 0;
    if (this.#bytes[this.#at] !== QUOTE) return Math.min(wordEnd(chunk, 0, chunk.length) + 1, chunk.length);
    return Math.min(stringEnd(chunk, 0, this.#within - length) + 1, chunk.length);
  }

  /** Throws ProtocolViolation `bad_json`, `too_large`, and what the reader throws. */
  push(chunk: Buffer): void {
    if (this.#bytes.length + chunk.length > LONGEST_HELD)
      throw new ProtocolViolation('too_large', 'an object is too large to mask');
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    this.#scan(false);
  }

  /** Forgets what stands before `end`, which was read. */
  drop(end: number): void {
    this.#bytes = this.#bytes.subarray(end);
    this.#at -= end;
    this.#within -= end;
  }

  /** The stream has ended. Throws ProtocolViolation `bad_json` where it ended within a text. */
  end(): void {
    this.#scan(true);
    if (this.#depth > 0 || this.#at < this.#bytes.length) throw this.#bad('it ends within a value');
  }

  #scan(last: boolean): void {
    const bytes = this.#bytes;
    const end = bytes.length;
    const reader = this.#reader;
    let at = this.#at;
    // In locals, since each byte goes by them; `open` and `close` change them.
    let state = this.#state;
    let depth = this.#depth;
    let place = this.#places[depth] ?? 0;
    while (at < end) {
      if (place === SILENT) {
        at = this.#skip(bytes, at);
        depth = this.#depth;
        if (at >= end || this.#within > 0) break;
        state = STATE.after;
      }
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) {
        let stop = stringEnd(bytes, at + 1, this.#within);
        if (stop >= end) {
          this.#within = stop;
          break;
        }
        this.#within = 0;
        stop++;
        if (state === STATE.key || state === STATE.keyOrEnd) {
          this.#keys[depth] = reader.key(bytes, at, stop, place);
          state = STATE.colon;
        } else {
          this.#expect(state === STATE.value || state === STATE.valueOrEnd, at);
          reader.value(bytes, at, stop, place, this.#keys[depth] ?? 0);
          state = depth === 0 ? STATE.value : STATE.after;
        }
        at = stop;
        continue;
      }
      switch (byte) {
        case 0x20:
        case 0x0a:
        case 0x0d:
        case 0x09:
          break;
        case COLON:
          this.#expect(state === STATE.colon, at);
          state = STATE.value;
          break;
        case COMMA:
          this.#expect(state === STATE.after && depth > 0, at);
          state = this.#arrays[depth] === 1 ? STATE.value : STATE.key;
          break;
        case OPEN_OBJECT:
        case OPEN_ARRAY:
          this.#expect(state === STATE.value || state === STATE.valueOrEnd, at);
          place = this.#open(byte === OPEN_ARRAY, at);
          depth++;
          state = byte === OPEN_ARRAY ? STATE.valueOrEnd : STATE.keyOrEnd;
          break;
        case CLOSE_OBJECT:
        case CLOSE_ARRAY: {
          const empty = byte === CLOSE_ARRAY ? STATE.valueOrEnd : STATE.keyOrEnd;
          this.#expect(state === STATE.after || state === empty, at);
          place = this.#close(byte === CLOSE_ARRAY, at);
          depth--;
          state = depth === 0 ? STATE.value : STATE.after;
          break;
        }
        default: {
          const stop = wordEnd(bytes, at, end);
          this.#expect(stop > at && (state === STATE.value || state === STATE.valueOrEnd), at);
          // It may go on in the next piece.
          if (stop === end && !last) {
            this.#stop(at, state);
            return;
          }
          reader.value(bytes, at, stop, place, this.#keys[depth] ?? 0);
          state = depth === 0 ? STATE.value : STATE.after;
          at = stop;
          continue;
        }
      }
      at++;
    }
    this.#stop(at, state);
  }

  /**
   * Passes over what stands in a silent place, up to the bracket that ends it or to what is not there yet. Which
   * brackets belong together is all that counts there.
   */
  #skip(bytes: Buffer, start: number): number {
    const end = bytes.length;
    const arrays = this.#arrays;
    let depth = this.#depth;
    let at = start;
    for (; at < end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) {
        const stop = stringEnd(bytes, at + 1, this.#within);
        this.#within = stop >= end ? stop : 0;
        if (stop >= end) break;
        at = stop;
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        if (depth >= DEEPEST) throw this.#bad('it is nested too deeply');
        depth++;
        arrays[depth] = byte === OPEN_ARRAY ? 1 : 0;
        this.#places[depth] = SILENT;
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        if (depth === this.#silentFrom) break;
        this.#expect((arrays[depth] === 1) === (byte === CLOSE_ARRAY), at);
        depth--;
      }
    }
    this.#depth = depth;
    return at;
  }

  #stop(at: number, state: number): void {
    this.#at = at;
    this.#state = state;
  }

  /** Answers the place that begins. */
  #open(isArray: boolean, at: number): number {
    const outer = this.#depth;
    if (outer >= DEEPEST) throw this.#bad('it is nested too deeply');
    const depth = outer + 1;
    const place = this.#reader.open(this.#places[outer] ?? 0, this.#keys[outer] ?? 0, isArray, at);
    this.#places[depth] = place;
    this.#keys[depth] = 0;
    this.#arrays[depth] = isArray ? 1 : 0;
    this.#depth = depth;
    if (place === SILENT) this.#silentFrom = depth;
    return place;
  }

  /** Answers the place that goes on behind it. */
  #close(isArray: boolean, at: number): number {
    const depth = this.#depth;
    this.#expect(depth > 0 && (this.#arrays[depth] === 1) === isArray, at);
    this.#reader.close(this.#places[depth] ?? 0, at + 1);
    this.#depth = depth - 1;
    return this.#places[depth - 1] ?? 0;
  }

  #expect(holds: boolean, at: number): void {
    if (holds) return;
    this.#at = at;
    throw this.#bad('a token is out of place');
  }

  #bad(why: string): ProtocolViolation {
    return new ProtocolViolation('bad_json', `the JSON cannot be read: ${why}`);
  }
}

/**
 * Where the quote stands that ends a string, or where to go on looking when there is none yet, at the end of `bytes` or
 * behind it. Looks from `start`, or from `within` when so much was looked at before.
 */
function stringEnd(bytes: Buffer, start: number, within: number): number {
  const end = bytes.length;
  let at = Math.max(start, within);
  const short = Math.min(end, at + SHORT_STRING);
  while (at < short) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    at += byte === BACKSLASH ? 2 : 1;
  }
  for (const from = at; at < end; at++) {
    at = bytes.indexOf(QUOTE, at);
    if (at < 0) return escapes(bytes, end, from) ? end + 1 : end;
    if (!escapes(bytes, at, from)) return at;
  }
  return at;
}

/** What stands at `at` is escaped by the backslashes before it, none of which stands before `from`. */
function escapes(bytes: Buffer, at: number, from: number): boolean {
  let first = at;
  while (first > from && bytes[first - 1] === BACKSLASH) first--;
  return (at - first) % 2 === 1;
}

function wordEnd(bytes: Buffer, start: number, end: number): number {
  let i = start;
  while (i < end && WORD[bytes[i] ?? 0] === 1) i++;
  return i;
}
