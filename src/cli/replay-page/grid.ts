import { type Look, PLAIN, sameLook } from './look.ts';

/** Text that looks alike. */
export interface Run {
  readonly text: string;
  readonly look: Look;
}

interface Cell {
  /** '' behind a character of two columns. */
  text: string;
  readonly look: Look;
}

/** What a terminal can be, in columns and rows. */
const MOST_COLUMNS = 500;
const MOST_ROWS = 200;
/** Marks that may stand on one character. */
const MOST_MARKS = 4;

/** The cells of a screen. Mutable; it knows which rows were changed. */
export class Grid {
  #rows: Cell[][] = [];
  readonly #changed = new Set<number>();
  columns: number;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.resize(columns, rows, 0);
  }

  get height(): number {
    return this.#rows.length;
  }

  /** How many rows went away at the top, because the cursor's would not fit otherwise. */
  resize(columns: number, rows: number, cursor: number): number {
    this.columns = columns;
    const gone = Math.max(0, cursor - rows + 1);
    this.#rows.splice(0, gone);
    this.#rows.length = Math.min(this.#rows.length, rows);
    while (this.#rows.length < rows) this.#rows.push([]);
    for (const row of this.#rows) row.length = Math.min(row.length, columns);
    this.touchAll();
    return gone;
  }

  touchAll(): void {
    for (let row = 0; row < this.#rows.length; row++) this.#changed.add(row);
  }

  /** Rows that were changed since this was asked last. */
  changed(): readonly number[] {
    const rows = [...this.#changed].filter((row) => row < this.#rows.length).sort((a, b) => a - b);
    this.#changed.clear();
    return rows;
  }

  /** One row; blanks at its end are left out where they look like nothing. */
  runs(row: number): readonly Run[] {
    const runs: { text: string; look: Look }[] = [];
    for (const { look, text } of this.#rows[row] ?? []) {
      const last = runs.at(-1);
      if (last !== undefined && sameLook(last.look, look)) last.text += text;
      else runs.push({ text, look });
    }
    for (let last = runs.at(-1); last !== undefined; last = runs.at(-1)) {
      if (last.look.background !== undefined || last.look.inverse) break;
      last.text = last.text.trimEnd();
      if (last.text !== '') break;
      runs.pop();
    }
    return runs;
  }

  set(row: number, column: number, text: string, look: Look): void {
    const cells = this.#rows[row];
    if (cells === undefined) return;
    this.#fill(cells, column);
    // Of a character of two columns that is written over by half, the other half is blank.
    const left = cells[column - 1];
    if (cells[column]?.text === '' && text !== '' && left !== undefined) left.text = ' ';
    const right = cells[column + 1];
    if (right?.text === '') right.text = ' ';
    cells[column] = { text, look };
    this.#changed.add(row);
  }

  /** A mark that stands on the character there. */
  mark(row: number, column: number, mark: string): void {
    const cell = this.#rows[row]?.[column];
    if (cell === undefined || cell.text === '' || [...cell.text].length > MOST_MARKS) return;
    cell.text += mark;
    this.#changed.add(row);
  }

  /** Moves the rows between two, both included, up (or down, by a negative count); what comes in is blank. */
  scroll(top: number, bottom: number, count: number, look: Look): void {
    const size = bottom - top + 1;
    const steps = Math.min(Math.abs(count), size);
    const blank = Array.from({ length: steps }, () => this.#blank(this.columns, look));
    const region = this.#rows.slice(top, bottom + 1);
    const moved =
      count > 0 ? [...region.slice(steps), ...blank] : [...blank, ...region.slice(0, size - steps)];
    this.#rows.splice(top, size, ...moved);
    for (let row = top; row <= bottom; row++) this.#changed.add(row);
  }

  /** Blanks columns from one to before another. */
  erase(row: number, from: number, to: number, look: Look): void {
    const cells = this.#rows[row];
    if (cells === undefined) return;
    const end = Math.min(to, this.columns);
    if (end >= cells.length && look.background === undefined) cells.length = Math.min(cells.length, from);
    else {
      this.#fill(cells, from);
      cells.splice(from, end - from, ...this.#blank(end - from, look, true));
    }
    this.#changed.add(row);
  }

  /** ED (ECMA-48 8.3.39): from the cursor on, up to it, or all. */
  eraseScreen(row: number, column: number, what: number, look: Look): void {
    const [from, to] = what === 0 ? [row + 1, this.height] : what === 1 ? [0, row] : [0, this.height];
    for (let at = from; at < to; at++) this.erase(at, 0, this.columns, look);
    if (what === 0 || what === 1) this.eraseRow(row, column, what, look);
  }

  /** EL (ECMA-48 8.3.41), alike. */
  eraseRow(row: number, column: number, what: number, look: Look): void {
    const [from, to] = what === 0 ? [column, this.columns] : what === 1 ? [0, column + 1] : [0, this.columns];
    this.erase(row, from, to, look);
  }

  /** Takes characters out of a row at a column, or puts blanks in by a negative count. */
  shift(row: number, column: number, count: number, look: Look): void {
    const cells = this.#rows[row];
    if (cells === undefined) return;
    this.#fill(cells, column);
    if (count > 0) cells.splice(column, count);
    else cells.splice(column, 0, ...this.#blank(Math.min(-count, this.columns), look, true));
    cells.length = Math.min(cells.length, this.columns);
    this.#changed.add(row);
  }

  #fill(cells: Cell[], to: number): void {
    while (cells.length < to) cells.push({ text: ' ', look: PLAIN });
  }

  /** What is erased takes the background of the moment (xterm's bce). */
  #blank(length: number, { background }: Look, always = false): Cell[] {
    if (background === undefined && !always) return [];
    const look = background === undefined ? PLAIN : { background };
    return Array.from({ length: Math.max(0, length) }, () => ({ text: ' ', look }));
  }
}

/** A size that a client claims, as a screen takes it: what is none is 80 by 24. */
export function bounded(columns: number, rows: number): readonly [number, number] {
  return [
    Math.max(1, Math.min(MOST_COLUMNS, Math.trunc(columns) || 80)),
    Math.max(1, Math.min(MOST_ROWS, Math.trunc(rows) || 24)),
  ];
}
