import { type HashKey, hashText, partialText, REDACTED, type ValueMasking } from './strategies.ts';

/** How a document is masked: every value in it but those under the paths that are kept. */
export interface DocumentMasking extends ValueMasking {
  /** Paths of keys, `theme` or `settings.lang`; `*` is any key, and an array's elements have none of their own. */
  readonly keepKeys: readonly string[];
}

/** Documents nested deeper than this are masked as a whole: PostgreSQL's own parser takes some thousands. */
const DEEPEST = 256;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Masks a json text by value: strings, numbers and booleans outside of the kept paths are replaced, all else stays byte by
 * byte as it is. One pass; null when the text is not json after all, or too deep.
 */
export function maskDocument(
  bytes: Buffer,
  start: number,
  end: number,
  masking: DocumentMasking,
  key: HashKey,
): Buffer | null {
  const text = bytes.toString('utf8', start, end);
  const walk = new DocumentWalk(text, masking, key);
  const masked = walk.run();
  return masked === undefined ? null : Buffer.from(masked);
}

class DocumentWalk {
  readonly #text: string;
  readonly #masking: DocumentMasking;
  readonly #key: HashKey;
  #at = 0;
  #kept = 0;
  #out = '';
  #failed = false;

  constructor(text: string, masking: DocumentMasking, key: HashKey) {
    this.#text = text;
    this.#masking = masking;
    this.#key = key;
  }

  run(): string | undefined {
    this.#value(
      this.#masking.keepKeys.map((path) => path.split('.')),
      0,
    );
    this.#space();
    if (this.#failed || this.#at !== this.#text.length) return undefined;
    return this.#out + this.#text.slice(this.#kept);
  }

  /** `keep`: what of the paths is still to come at this place. */
  #value(keep: readonly (readonly string[])[], depth: number): void {
    this.#space();
    const character = this.#text[this.#at];
    if (depth > DEEPEST || character === undefined) {
      this.#failed = true;
    } else if (character === '{') this.#object(keep, depth);
    else if (character === '[') this.#array(keep, depth);
    else if (character === '"') {
      const from = this.#at;
      const end = this.#stringEnd();
      if (keep.every((path) => path.length > 0)) this.#replace(from, end, this.#string(from, end));
    } else {
      const from = this.#at;
      const word = /[-+.0-9A-Za-z]+/y;
      word.lastIndex = from;
      const found = word.exec(this.#text)?.[0] ?? '';
      this.#at = from + found.length;
      if (found === '') this.#failed = true;
      if (found !== 'null' && keep.every((path) => path.length > 0)) this.#replace(from, this.#at, 'null');
    }
  }

  #object(keep: readonly (readonly string[])[], depth: number): void {
    this.#at++;
    this.#members('}', () => {
      const from = this.#at;
      if (this.#text.charCodeAt(from) !== QUOTE) {
        this.#failed = true;
        return;
      }
      const name = spelled(this.#text.slice(from, this.#stringEnd()));
      this.#space();
      if (this.#text[this.#at++] !== ':' || name === undefined) {
        this.#failed = true;
        return;
      }
      this.#value(below(keep, name), depth + 1);
    });
  }

  #array(keep: readonly (readonly string[])[], depth: number): void {
    this.#at++;
    this.#members(']', () => this.#value(keep, depth + 1));
  }

  #members(close: string, member: () => void): void {
    this.#space();
    if (this.#text[this.#at] === close) {
      this.#at++;
      return;
    }
    while (!this.#failed) {
      this.#space();
      member();
      this.#space();
      const next = this.#text[this.#at++];
      if (next === close) return;
      if (next !== ',') this.#failed = true;
    }
  }

  /** Moves behind the string that begins here. */
  #stringEnd(): number {
    for (let i = this.#at + 1; i < this.#text.length; i++) {
      const code = this.#text.charCodeAt(i);
      if (code === BACKSLASH) i++;
      else if (code === QUOTE) {
        this.#at = i + 1;
        return this.#at;
      }
    }
    this.#failed = true;
    this.#at = this.#text.length;
    return this.#at;
  }

  #string(from: number, end: number): string {
    const { strategy, keepLast } = this.#masking;
    if (strategy === 'null') return 'null';
    if (strategy === 'redact') return `"${REDACTED}"`;
    const value = spelled(this.#text.slice(from, end)) ?? '';
    return JSON.stringify(
      strategy === 'hash' ? hashText(Buffer.from(value), this.#key) : partialText(value, keepLast),
    );
  }

  #replace(from: number, end: number, by: string): void {
    this.#out += this.#text.slice(this.#kept, from) + by;
    this.#kept = end;
  }

  #space(): void {
    while (/[ \t\n\r]/.test(this.#text[this.#at] ?? '')) this.#at++;
  }
}

/** What is kept under a key: an empty path keeps all there is. */
function below(keep: readonly (readonly string[])[], key: string): readonly (readonly string[])[] {
  return keep.flatMap((path) => {
    if (path.length === 0) return [path];
    return path[0] === '*' || path[0] === key ? [path.slice(1)] : [];
  });
}

function spelled(token: string): string | undefined {
  try {
    const value: unknown = JSON.parse(token);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
