import type { Detection } from '../../../masking/detectors.ts';
import { maskDetectedInJson } from '../../../masking/json-detection.ts';
import { scan, TRIGGER } from '../../../masking/prefilter.ts';
import {
  type HashKey,
  hashText,
  partialText,
  REDACTED,
  type ValueMasking,
} from '../../../masking/strategies.ts';
import { readString } from '../json-walk.ts';

const QUOTE = 0x22;
const NULL = Buffer.from('null');

/** The masked value as a JSON token of the same kind; null where the kind can hold no text. */
export function maskedToken(
  bytes: Buffer,
  start: number,
  end: number,
  { keepLast, strategy }: ValueMasking,
  encoded: boolean,
  key: HashKey,
): string {
  if (bytes[start] !== QUOTE || strategy === 'null') return 'null';
  const written = readString(bytes, start, end);
  const value = encoded ? Buffer.from(written, 'base64') : Buffer.from(written);
  const masked =
    strategy === 'redact'
      ? REDACTED
      : strategy === 'hash'
        ? hashText(value, key)
        : partialText(value.toString('utf8'), keepLast);
  return JSON.stringify(encoded ? Buffer.from(masked).toString('base64') : masked);
}

/** No detector finds anything in a shorter token, in bytes. */
const SHORTEST_FIND = 6;
/** Longer values are hardly ever the same twice, in bytes. */
const LONGEST_KNOWN = 200;
const MOST_KNOWN = 4096;

/** A few bytes of a pool's slab would keep all of it in memory for as long as they are remembered. */
function ownCopy(found: Buffer | undefined): Buffer | undefined {
  if (found === undefined) return undefined;
  const own = Buffer.allocUnsafeSlow(found.length);
  found.copy(own);
  return own;
}

/** What detectors make of the values of one answer. Objects of one kind say the same things over and over. */
export class DetectedTokens {
  readonly #detection: Detection;
  readonly #key: HashKey;
  readonly #triggers: number;
  readonly #known = new Map<string, Buffer | undefined>();

  constructor(detection: Detection, key: HashKey) {
    this.#detection = detection;
    this.#key = key;
    this.#triggers = detection.triggers | TRIGGER.escape;
  }

  /** What is to stand instead of the value at [start, end); undefined where nothing was found. */
  instead(bytes: Buffer, start: number, end: number): Buffer | undefined {
    if (end - start < SHORTEST_FIND || (scan(bytes, start, end) & this.#triggers) === 0) return undefined;
    if (end - start > LONGEST_KNOWN) return this.#search(bytes, start, end);
    const text = bytes.toString('latin1', start, end);
    const known = this.#known.get(text);
    if (known !== undefined || this.#known.has(text)) return known;
    const found = ownCopy(this.#search(bytes, start, end));
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(text, found);
    return found;
  }

  #search(bytes: Buffer, start: number, end: number): Buffer | undefined {
    const masked = maskDetectedInJson(bytes, start, end, this.#detection, this.#key);
    if (masked === undefined) return undefined;
    // A number that became text would not be read by a client that knows its type.
    return masked === null || bytes[start] !== QUOTE ? NULL : masked;
  }
}
