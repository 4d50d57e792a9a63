import { type Detection, maskDetected } from './detectors.ts';
import type { HashKey } from './strategies.ts';
import { REDACTED } from './strategies.ts';

/** The longest line that is held until it ends; of a longer one the pieces overlap by this much less. */
const LONGEST_LINE = 64 * 1024;
const OVERLAP = 4 * 1024;
/** The longest private key that is looked for across lines. */
const LONGEST_KEY = 32 * 1024;

const BEGIN = '-----BEGIN ';
const END = '-----END ';
const NEWLINE = 0x0a;

/**
 * Masks what detectors find in a stream of text, line by line: a line goes out when its newline has come, so that
 * nothing is found only because it came in two pieces, or missed. A private key is taken together across its lines.
 */
export class LineMasking {
  readonly #detection: Detection;
  readonly #key: HashKey;
  #held: Buffer = Buffer.alloc(0);

  constructor(detection: Detection, key: HashKey) {
    this.#detection = detection;
    this.#key = key;
  }

  push(chunk: Buffer): Buffer {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const ready = this.#ready();
    if (ready === 0) return Buffer.alloc(0);
    const lines = this.#held.subarray(0, ready);
    this.#held = this.#held.subarray(ready);
    return this.#masked(lines);
  }

  /** The stream has ended. */
  end(): Buffer {
    const rest = this.#held;
    this.#held = Buffer.alloc(0);
    return this.#masked(rest);
  }

  /** How many bytes are whole: up to the last newline, and before a key that has not ended yet. */
  #ready(): number {
    const held = this.#held;
    let ready = held.lastIndexOf(NEWLINE) + 1;
    const begin = held.lastIndexOf(BEGIN);
    if (begin >= 0 && begin < ready && held.indexOf(END, begin) < 0 && held.length - begin < LONGEST_KEY) {
      ready = held.lastIndexOf(NEWLINE, begin) + 1;
    }
    if (ready > 0 || held.length <= LONGEST_LINE) return ready;
    // A line without end: what is far from the place where it is cut cannot be part of a find across it.
    return lastBlank(held, held.length - OVERLAP) + 1 || held.length - OVERLAP;
  }

  #masked(text: Buffer): Buffer {
    const masked = maskDetected(text, 0, text.length, this.#detection, this.#key);
    if (masked === undefined) return text;
    // A mask of strategy null leaves nothing of a value; of a stream it leaves the lines that hold none.
    return masked ?? this.#withoutFinds(text);
  }

  #withoutFinds(text: Buffer): Buffer {
    const lines = text.toString('latin1').split('\n');
    const kept = lines.map((line) => {
      const bytes = Buffer.from(line, 'latin1');
      const masked = maskDetected(bytes, 0, bytes.length, this.#detection, this.#key);
      return masked === undefined ? line : (masked?.toString('latin1') ?? REDACTED);
    });
    return Buffer.from(kept.join('\n'), 'latin1');
  }
}

function lastBlank(bytes: Buffer, before: number): number {
  return Math.max(bytes.lastIndexOf(0x20, before), bytes.lastIndexOf(0x09, before));
}
