import { characterWidth } from '../../base/text-width.ts';
import { ControlReader } from './control-reader.ts';
import { bounded, Grid, type Run } from './grid.ts';
import { LINE_DRAWING } from './line-drawing.ts';
import { type Look, lookAfter, PLAIN } from './look.ts';

interface Cursor {
  readonly row: number;
  readonly column: number;
  readonly look: Look;
}

/**
 * A terminal's screen as ECMA-48 and xterm's control sequences make it: enough for shells, pagers and editors. What
 * it does not know it leaves out; it never answers. Mutable.
 */
export class Screen {
  #grid: Grid;
  #main: Grid | undefined;
  #row = 0;
  #column = 0;
  /** The last column was written: the next character goes to the next row. */
  #wrap = false;
  #look: Look = PLAIN;
  #saved: Cursor = { row: 0, column: 0, look: PLAIN };
  #top = 0;
  #bottom = 0;
  #autowrap = true;
  #drawing = false;
  readonly #reader = new ControlReader({
    put: (character) => this.#put(character),
    control: (character) => this.#control(character),
    escape: (character) => this.#escape(character),
    charset: (place, name) => {
      if (place === '(') this.#drawing = name === '0';
    },
    sequence: (final, mark, parameters, intermediates) => {
      if (mark === '?') this.#mode(final, parameters);
      else if (mark === '' && intermediates === '') this.#perform(final, parameters);
    },
  });

  constructor(columns: number, rows: number) {
    const [width, height] = bounded(columns, rows);
    this.#grid = new Grid(width, height);
    this.#bottom = height - 1;
  }

  resize(columns: number, rows: number): void {
    const [width, height] = bounded(columns, rows);
    this.#row -= this.#grid.resize(width, height, this.#row);
    this.#main?.resize(width, height, 0);
    this.#top = 0;
    this.#bottom = height - 1;
    this.#to(this.#row, this.#column);
  }

  get rows(): number {
    return this.#grid.height;
  }

  /** Rows that have changed since this was asked last. */
  changed(): readonly number[] {
    return this.#grid.changed();
  }

  runs(row: number): readonly Run[] {
    return this.#grid.runs(row);
  }

  /** The screen without colours. */
  text(): string {
    const rows = Array.from({ length: this.rows }, (_, row) => this.runs(row));
    return rows.map((runs) => runs.map(({ text }) => text).join('')).join('\n');
  }

  write(text: string): void {
    this.#reader.read(text);
  }

  #control(character: string): void {
    switch (character) {
      case '\r':
        return this.#to(this.#row, 0);
      case '\n':
      case '\v':
      case '\f':
        return this.#lineFeed();
      case '\b':
        return this.#to(this.#row, this.#column - 1);
      case '\t':
        return this.#to(this.#row, (Math.floor(this.#column / 8) + 1) * 8);
      default:
        return;
    }
  }

  #put(character: string): void {
    if (character >= '\x80' && character <= '\x9f') return;
    const shown = this.#drawing ? (LINE_DRAWING.get(character) ?? character) : character;
    const width = characterWidth(shown);
    if (width === 0) return this.#grid.mark(this.#row, this.#wrap ? this.#column : this.#column - 1, shown);
    if (this.#wrap || this.#column + width > this.#grid.columns) {
      if (this.#autowrap) {
        this.#column = 0;
        this.#lineFeed();
      } else this.#column = Math.max(0, this.#grid.columns - width);
    }
    this.#wrap = false;
    this.#grid.set(this.#row, this.#column, shown, this.#look);
    if (width === 2 && this.#grid.columns > 1) this.#grid.set(this.#row, this.#column + 1, '', this.#look);
    this.#column += width;
    if (this.#column >= this.#grid.columns) {
      this.#column = this.#grid.columns - 1;
      this.#wrap = true;
    }
  }

  #to(row: number, column: number): void {
    this.#row = Math.max(0, Math.min(this.rows - 1, row));
    this.#column = Math.max(0, Math.min(this.#grid.columns - 1, column));
    this.#wrap = false;
  }

  #lineFeed(): void {
    this.#wrap = false;
    if (this.#row === this.#bottom) this.#scroll(this.#top, this.#bottom, 1);
    else if (this.#row < this.rows - 1) this.#row++;
  }

  #escape(character: string): void {
    switch (character) {
      case '7':
        return this.#save();
      case '8':
        this.#restore();
        return;
      case 'D':
        return this.#lineFeed();
      case 'E':
        this.#column = 0;
        return this.#lineFeed();
      case 'M':
        this.#wrap = false;
        if (this.#row === this.#top) this.#scroll(this.#top, this.#bottom, -1);
        else this.#to(this.#row - 1, this.#column);
        return;
      case 'c':
        this.#reset();
        return;
      default:
        return;
    }
  }

  #save(): void {
    this.#saved = { row: this.#row, column: this.#column, look: this.#look };
  }

  #restore(): void {
    this.#look = this.#saved.look;
    this.#to(this.#saved.row, this.#saved.column);
  }

  #reset(): void {
    this.#main = undefined;
    this.#grid = new Grid(this.#grid.columns, this.rows);
    this.#look = PLAIN;
    this.#autowrap = true;
    this.#drawing = false;
    this.#top = 0;
    this.#bottom = this.rows - 1;
    this.#to(0, 0);
  }

  #perform(final: string, digits: string): void {
    const parameters = digits.split(';').map((one) => Math.min(9999, Number.parseInt(one, 10) || 0));
    const first = parameters[0] ?? 0;
    const count = Math.max(1, first);
    switch (final) {
      case 'A':
        return this.#to(this.#inRegion(this.#row - count), this.#column);
      case 'B':
        return this.#to(this.#inRegion(this.#row + count), this.#column);
      case 'C':
        return this.#to(this.#row, this.#column + count);
      case 'D':
        return this.#to(this.#row, this.#column - count);
      case 'E':
        return this.#to(this.#inRegion(this.#row + count), 0);
      case 'F':
        return this.#to(this.#inRegion(this.#row - count), 0);
      case 'G':
        return this.#to(this.#row, count - 1);
      case 'H':
      case 'f':
        return this.#to(count - 1, Math.max(1, parameters[1] ?? 1) - 1);
      case 'd':
        return this.#to(count - 1, this.#column);
      case 'J':
        return this.#grid.eraseScreen(this.#row, this.#column, first, this.#look);
      case 'K':
        return this.#grid.eraseRow(this.#row, this.#column, first, this.#look);
      case 'L':
      case 'M':
        if (this.#row < this.#top || this.#row > this.#bottom) return;
        this.#scroll(this.#row, this.#bottom, final === 'M' ? count : -count);
        return this.#to(this.#row, 0);
      case 'P':
      case '@':
        return this.#shift(final === 'P' ? count : -count);
      case 'X':
        return this.#grid.erase(this.#row, this.#column, this.#column + count, this.#look);
      case 'S':
        return this.#scroll(this.#top, this.#bottom, count);
      case 'T':
        return this.#scroll(this.#top, this.#bottom, -count);
      case 'm':
        this.#look = lookAfter(this.#look, digits);
        return;
      case 'r':
        return this.#region(count - 1, (parameters[1] || this.rows) - 1);
      case 's':
        return this.#save();
      case 'u':
        return this.#restore();
      default:
        return;
    }
  }

  /** DECSET and DECRST of what changes the picture. */
  #mode(final: string, digits: string): void {
    if (final !== 'h' && final !== 'l') return;
    const on = final === 'h';
    for (const mode of digits.split(';')) {
      if (mode === '7') this.#autowrap = on;
      if (mode === '47' || mode === '1047' || mode === '1049') this.#alternate(on, mode === '1049');
    }
  }

  #alternate(on: boolean, cursor: boolean): void {
    if (on === (this.#main !== undefined)) return;
    if (on) {
      if (cursor) this.#save();
      this.#main = this.#grid;
      this.#grid = new Grid(this.#grid.columns, this.rows);
    } else if (this.#main !== undefined) {
      this.#grid = this.#main;
      this.#main = undefined;
      if (cursor) this.#restore();
    }
    this.#grid.touchAll();
  }

  #region(top: number, bottom: number): void {
    const last = Math.min(bottom, this.rows - 1);
    if (top >= last) return;
    this.#top = top;
    this.#bottom = last;
    this.#to(0, 0);
  }

  /** Moving up and down stops at the margins, from inside of them. */
  #inRegion(row: number): number {
    const inside = this.#row >= this.#top && this.#row <= this.#bottom;
    return inside ? Math.max(this.#top, Math.min(this.#bottom, row)) : row;
  }

  #scroll(top: number, bottom: number, count: number): void {
    this.#grid.scroll(top, bottom, count, this.#look);
  }

  #shift(count: number): void {
    this.#grid.shift(this.#row, this.#column, count, this.#look);
    this.#wrap = false;
  }
}
