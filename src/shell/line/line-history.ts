/** Lines that are brought back, and the length of each. */
const MOST_REMEMBERED = 500;
const LONGEST_REMEMBERED = 4096;

/** The lines that were entered in one session, which is all that is remembered. Mutable. */
export class LineHistory {
  readonly #lines: string[] = [];

  get length(): number {
    return this.#lines.length;
  }

  at(index: number): string | undefined {
    return this.#lines[index];
  }

  remember(line: string): void {
    if (line.trim() === '' || line.length > LONGEST_REMEMBERED || this.#lines.at(-1) === line) return;
    this.#lines.push(line);
    if (this.#lines.length > MOST_REMEMBERED) this.#lines.shift();
  }

  /** The place of the newest line before `end` that has the text in it; -1 for none. */
  findBefore(end: number, text: string): number {
    return this.#lines.findLastIndex((line, index) => index < end && line.includes(text));
  }

  /** The last ones with their numbers, as `history` shows them. */
  listed(most: number): readonly string[] {
    const first = Math.max(0, this.#lines.length - most);
    return this.#lines.slice(first).map((line, index) => `${String(first + index + 1).padStart(5)}  ${line}`);
  }
}
