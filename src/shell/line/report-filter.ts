/** A report longer than this is none, in bytes: Linux's PATH_MAX and its marks. */
const LONGEST_REPORT = 4096 + 64;

/**
 * Takes out of a program's output what the script of a line reports: `ESC ] 7 ; NONCE ; DIRECTORY BEL`. Whoever knows
 * the nonce can report another directory, no more; so a report is believed only as far as the prompt and the next
 * line's `cd` go, which both say it. Mutable: what may be the beginning of a report is kept until that is clear.
 */
export class ReportFilter {
  readonly #mark: Buffer;
  #kept: Buffer = Buffer.alloc(0);
  /** The last report; undefined before one came, '' when the line's directory is gone. */
  reported: string | undefined;

  constructor(nonce: string) {
    this.#mark = Buffer.from(`\x1b]7;${nonce};`);
  }

  /** What of the output so far is to be shown. */
  push(bytes: Buffer): Buffer {
    let rest = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes]);
    this.#kept = Buffer.alloc(0);
    const shown: Buffer[] = [];
    for (;;) {
      const at = rest.indexOf(this.#mark);
      if (at < 0) break;
      const from = at + this.#mark.length;
      const end = rest.indexOf(7, from);
      if (end < 0 && rest.length - from < LONGEST_REPORT) {
        shown.push(rest.subarray(0, at));
        this.#kept = Buffer.from(rest.subarray(at));
        return Buffer.concat(shown);
      }
      if (end < 0 || end - from >= LONGEST_REPORT) {
        // No report after all.
        shown.push(rest.subarray(0, from));
        rest = rest.subarray(from);
        continue;
      }
      shown.push(rest.subarray(0, at));
      this.#take(rest.subarray(from, end));
      rest = rest.subarray(end + 1);
    }
    const open = this.#beginning(rest);
    shown.push(rest.subarray(0, rest.length - open));
    this.#kept = Buffer.from(rest.subarray(rest.length - open));
    return shown.length === 1 ? (shown[0] ?? Buffer.alloc(0)) : Buffer.concat(shown);
  }

  /** The output has ended: what was kept was no report. */
  end(): Buffer {
    const kept = this.#kept;
    this.#kept = Buffer.alloc(0);
    return kept;
  }

  #take(path: Buffer): void {
    const text = path.toString('utf8');
    const plain = text === '' || (/^\/[^\p{C}]*$/u.test(text) && Buffer.from(text).equals(path));
    if (plain) this.reported = text;
  }

  /** How many bytes at the end could begin a mark. */
  #beginning(bytes: Buffer): number {
    for (let length = Math.min(this.#mark.length - 1, bytes.length); length > 0; length--) {
      if (bytes.subarray(bytes.length - length).equals(this.#mark.subarray(0, length))) return length;
    }
    return 0;
  }
}
