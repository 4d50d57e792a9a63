import { characterWidth } from '../../base/text-width.ts';
import { visibleText } from '../../base/visible-text.ts';
import { isUnfinished } from '../grammar.ts';
import type { Key, KeyName } from './keys.ts';

/** What came of a key. */
export type LineEvent =
  /** Enter on a whole command line. */
  | { readonly kind: 'line'; readonly text: string }
  /** Ctrl-C: the line was given up. */
  | { readonly kind: 'interrupt' }
  /** Ctrl-D on an empty line. */
  | { readonly kind: 'end' };

/** In characters: each key may show all of it anew. */
const LONGEST_EDITED = 16_384;
/** Lines that one command may go on for as it is typed: each Enter is a parse of all before it. */
const MOST_CONTINUED = 200;
/** Lines that the arrow keys bring back, and the length of each. */
const MOST_REMEMBERED = 500;
const LONGEST_REMEMBERED = 4096;
const BELL = '\x07';
/** Before the further rows of a line of several. */
const CONTINUATION = '> ';
const PASTE_ON = '\x1b[?2004h';
const PASTE_OFF = '\x1b[?2004l';

/** One character as it stands in the line, as it is shown, and the columns that takes. */
interface Cell {
  readonly shown: string;
  readonly width: number;
}

interface Place {
  readonly row: number;
  readonly column: number;
}

/**
 * Edits one command line on a terminal that echoes nothing itself. What it shows is what the line holds: characters
 * that a terminal would not show stand there as escapes. Mutable: the line, the place in it, and the terminal's width.
 */
export class LineEditor {
  readonly #write: (text: string) => void;
  #columns: number;
  #prompt = '';
  /** The line, a character (code point) each. */
  #line: string[] = [];
  #at = 0;
  /** Where the terminal's cursor is, from where the prompt begins. */
  #cursor: Place = { row: 0, column: 0 };
  readonly #history: string[] = [];
  /** Which remembered line is shown; the history's length for the one that is being typed. */
  #shown = 0;
  #typed = '';
  #killed = '';
  /** What is shown is not what stands here. */
  #stale = false;

  constructor(columns: number, write: (text: string) => void) {
    this.#columns = columns;
    this.#write = write;
  }

  /** Shows the prompt with an empty line behind it. */
  begin(prompt: string): void {
    this.#prompt = visibleText(prompt).text;
    this.#line = [];
    this.#at = 0;
    this.#shown = this.#history.length;
    this.#typed = '';
    this.#cursor = { row: 0, column: 0 };
    this.#write(PASTE_ON);
    this.#draw();
    this.flush();
  }

  /** Shows what keys have changed; to be called when there are no more of them for now. */
  flush(): void {
    if (!this.#stale) return;
    this.#stale = false;
    this.#drawn();
  }

  resize(columns: number): void {
    this.#columns = columns;
  }

  take(key: Key): LineEvent | undefined {
    switch (key.kind) {
      case 'text':
      case 'paste':
        this.#insert(key.text);
        return undefined;
      case 'named':
        return this.#named(key.name);
    }
  }

  #named(name: KeyName): LineEvent | undefined {
    switch (name) {
      case 'enter':
        return this.#enter();
      case 'interrupt':
        this.#leave('^C');
        return { kind: 'interrupt' };
      case 'end-of-input':
        if (this.#line.length > 0) return this.#remove(this.#at, this.#at + 1);
        this.#leave('exit');
        return { kind: 'end' };
      case 'backspace':
        return this.#remove(this.#at - 1, this.#at);
      case 'delete':
        return this.#remove(this.#at, this.#at + 1);
      case 'left':
        return this.#move(this.#at - 1);
      case 'right':
        return this.#move(this.#at + 1);
      case 'word-left':
        return this.#move(this.#wordStart());
      case 'word-right':
        return this.#move(this.#wordEnd());
      case 'home':
        return this.#move(0);
      case 'end':
        return this.#move(this.#line.length);
      case 'up':
        return this.#recall(this.#shown - 1);
      case 'down':
        return this.#recall(this.#shown + 1);
      case 'erase-word':
        return this.#kill(this.#wordStart(), this.#at);
      case 'erase-to-start':
        return this.#kill(0, this.#at);
      case 'erase-to-end':
        return this.#kill(this.#at, this.#line.length);
      case 'yank':
        return this.#insert(this.#killed);
      case 'clear':
        this.#write('\x1b[H\x1b[2J');
        this.#cursor = { row: 0, column: 0 };
        return this.#draw();
      case 'unknown':
        this.#write(BELL);
        return undefined;
    }
  }

  #enter(): LineEvent | undefined {
    const text = this.#line.join('');
    this.#move(this.#line.length);
    if (text.split('\n', MOST_CONTINUED + 1).length <= MOST_CONTINUED && isUnfinished(text)) {
      this.#insert('\n');
      return undefined;
    }
    this.#leave('');
    this.#remember(text);
    return { kind: 'line', text };
  }

  /** Goes below the line; nothing more is written into it. */
  #leave(mark: string): void {
    this.#move(this.#line.length);
    this.flush();
    this.#write(`${mark}${PASTE_OFF}\r\n`);
  }

  #remember(text: string): void {
    if (text.trim() === '' || text.length > LONGEST_REMEMBERED || this.#history.at(-1) === text) return;
    this.#history.push(text);
    if (this.#history.length > MOST_REMEMBERED) this.#history.shift();
  }

  #recall(index: number): undefined {
    if (index < 0 || index > this.#history.length) {
      this.#write(BELL);
      return;
    }
    if (this.#shown === this.#history.length) this.#typed = this.#line.join('');
    this.#shown = index;
    this.#line = [...(this.#history[index] ?? this.#typed)];
    this.#at = this.#line.length;
    this.#draw();
  }

  #insert(text: string): undefined {
    const characters = [...text];
    if (this.#line.length + characters.length > LONGEST_EDITED) {
      this.#write(BELL);
      return;
    }
    const appends = this.#at === this.#line.length;
    // One by one, since a call takes only so many arguments.
    const behind = this.#line.splice(this.#at);
    for (const character of characters) this.#line.push(character);
    this.#at = this.#line.length;
    for (const character of behind) this.#line.push(character);
    if (!appends || !this.#append(characters)) this.#draw();
  }

  /** Most of what is typed goes to the end of a row: then it is only written there. */
  #append(characters: readonly string[]): boolean {
    if (this.#stale) return false;
    const cells = characters.map((character) => cellOf(character));
    if (characters.includes('\n') || cells.some((cell) => cell.width === 0)) return false;
    const width = cells.reduce((sum, cell) => sum + cell.width, 0);
    if (this.#cursor.column + width >= this.#columns) return false;
    this.#write(cells.map(({ shown }) => shown).join(''));
    this.#cursor = { row: this.#cursor.row, column: this.#cursor.column + width };
    return true;
  }

  #remove(from: number, to: number): undefined {
    if (from < 0 || from >= this.#line.length) {
      this.#write(BELL);
      return;
    }
    this.#line.splice(from, to - from);
    this.#at = from;
    this.#draw();
  }

  #kill(from: number, to: number): undefined {
    if (from === to) return;
    this.#killed = this.#line.slice(from, to).join('');
    this.#remove(from, to);
  }

  #move(at: number): undefined {
    const to = Math.max(0, Math.min(this.#line.length, at));
    if (to === this.#at) return;
    this.#at = to;
    this.#draw();
  }

  #wordStart(): number {
    let at = this.#at;
    while (at > 0 && /\s/.test(this.#line[at - 1] ?? '')) at--;
    while (at > 0 && !/\s/.test(this.#line[at - 1] ?? '')) at--;
    return at;
  }

  #wordEnd(): number {
    let at = this.#at;
    while (at < this.#line.length && /\s/.test(this.#line[at] ?? '')) at++;
    while (at < this.#line.length && !/\s/.test(this.#line[at] ?? '')) at++;
    return at;
  }

  #draw(): undefined {
    this.#stale = true;
  }

  /** Shows prompt and line anew from where the prompt began, row by row, and puts the cursor where it belongs. */
  #drawn(): void {
    const up = this.#cursor.row > 0 ? `\x1b[${this.#cursor.row}A` : '';
    let out = `${up}\r\x1b[J`;
    let row = 0;
    let column = 0;
    let cursor: Place = { row, column };
    const put = ({ shown, width }: Cell) => {
      if (column + width > this.#columns) {
        out += '\r\n';
        row++;
        column = 0;
      }
      out += shown;
      column += width;
    };
    for (const character of this.#prompt) put(cellOf(character));
    for (let index = 0; index <= this.#line.length; index++) {
      // At the margin the cursor already stands on the next row.
      if (column >= this.#columns) {
        out += '\r\n';
        row++;
        column = 0;
      }
      if (index === this.#at) cursor = { row, column };
      const character = this.#line[index];
      if (character === undefined) break;
      if (character === '\n') {
        out += '\r\n';
        row++;
        column = 0;
        for (const one of CONTINUATION) put(cellOf(one));
      } else put(cellOf(character));
    }
    if (row > cursor.row) out += `\x1b[${row - cursor.row}A`;
    if (row !== cursor.row || column !== cursor.column) {
      out += `\r${cursor.column > 0 ? `\x1b[${cursor.column}C` : ''}`;
    }
    this.#cursor = cursor;
    this.#write(out);
  }
}

function cellOf(character: string): Cell {
  if (character >= ' ' && character <= '~') return { shown: character, width: 1 };
  // A mark by itself is shown as an escape, behind a letter it stands on it.
  const shown = visibleText(character === '\n' ? '' : character).text;
  if (shown !== character) return { shown, width: shown.length };
  return { shown, width: characterWidth(character) };
}
