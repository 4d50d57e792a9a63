import { characterWidth } from '../../base/text-width.ts';
import { visibleText } from '../../base/visible-text.ts';
import { isUnfinished } from '../grammar.ts';
import type { Completion } from './completion.ts';
import type { Key, KeyName } from './keys.ts';
import { LineHistory } from './line-history.ts';
import { cellOf, drawnLine, type Place } from './line-view.ts';

/** What came of a key. */
export type LineEvent =
  /** Enter on a whole command line. */
  | { readonly kind: 'line'; readonly text: string }
  /** Tab: what stands before the cursor; `completed` is to be called. */
  | { readonly kind: 'complete'; readonly before: string }
  /** Ctrl-C: the line was given up. */
  | { readonly kind: 'interrupt' }
  /** Ctrl-D on an empty line. */
  | { readonly kind: 'end' };

/** In characters: each key may show all of it anew. */
const LONGEST_EDITED = 16_384;
/** Lines that one command may go on for as it is typed: each Enter is a parse of all before it. */
const MOST_CONTINUED = 200;
const BELL = '\x07';
const PASTE_ON = '\x1b[?2004h';
const PASTE_OFF = '\x1b[?2004l';

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
  readonly history = new LineHistory();
  /** Which remembered line is shown; the history's length for the one that is being typed. */
  #shown = 0;
  #typed = '';
  #killed = '';
  /** What Ctrl-R looks for; undefined while nothing is looked for. */
  #sought: string | undefined;
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
    this.#shown = this.history.length;
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

  /** Writes at the cursor what completes the line there, or shows what could. */
  completed({ choices, text }: Completion): void {
    if (text !== '') this.#insert(text);
    else if (choices.length === 0) this.#write(BELL);
    else this.#show(choices);
    this.flush();
  }

  take(key: Key): LineEvent | undefined {
    if (this.#sought !== undefined && this.#searched(key)) return undefined;
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
      case 'complete':
        return { kind: 'complete', before: this.#line.slice(0, this.#at).join('') };
      case 'search':
        this.#typed = this.#line.join('');
        this.#sought = '';
        return this.#draw();
      case 'clear':
        this.#write('\x1b[H\x1b[2J');
        this.#cursor = { row: 0, column: 0 };
        return this.#draw();
      case 'leave-search':
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
    this.history.remember(text);
    return { kind: 'line', text };
  }

  /** Goes below the line; nothing more is written into it. */
  #leave(mark: string): void {
    this.#move(this.#line.length);
    this.flush();
    this.#write(`${mark}${PASTE_OFF}\r\n`);
  }

  #recall(index: number): undefined {
    if (index < 0 || index > this.history.length) {
      this.#write(BELL);
      return;
    }
    if (this.#shown === this.history.length) this.#typed = this.#line.join('');
    this.#shown = index;
    this.#line = [...(this.history.at(index) ?? this.#typed)];
    this.#at = this.#line.length;
    this.#draw();
  }

  /** Takes a key while a line is looked for; false for one that ends that and then does what it does. */
  #searched(key: Key): boolean {
    const sought = this.#sought ?? '';
    const name = key.kind === 'named' ? key.name : undefined;
    if (key.kind !== 'named') this.#seek(sought + key.text.replaceAll('\n', ' '), this.#shown + 1);
    else if (name === 'backspace') this.#seek([...sought].slice(0, -1).join(''), this.history.length);
    else if (name === 'search') this.#seek(sought, this.#shown);
    else {
      this.#sought = undefined;
      this.#draw();
      if (name !== 'leave-search') return false;
      this.#line = [...this.#typed];
      this.#at = this.#line.length;
      this.#shown = this.history.length;
    }
    return true;
  }

  #seek(text: string, before: number): void {
    this.#sought = text;
    this.#draw();
    const found = text === '' ? -1 : this.history.findBefore(before, text);
    if (found < 0) {
      if (text !== '') this.#write(BELL);
      return;
    }
    this.#shown = found;
    this.#line = [...(this.history.at(found) ?? '')];
    this.#at = this.#line.length;
  }

  /** Names in columns below the line, and the line once more. */
  #show(choices: readonly string[]): void {
    this.flush();
    const names = choices.map((name) => visibleText(name).text);
    const width =
      Math.max(...names.map((name) => [...name].reduce((sum, c) => sum + characterWidth(c), 0))) + 2;
    const across = Math.max(1, Math.floor(this.#columns / width));
    const rows: string[] = [];
    for (let at = 0; at < names.length; at += across) {
      rows.push(
        names
          .slice(at, at + across)
          .map((name) => name.padEnd(width))
          .join('')
          .trimEnd(),
      );
    }
    this.#write(`\r\n${rows.join('\r\n')}\r\n`);
    this.#cursor = { row: 0, column: 0 };
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

  /** Shows prompt and line anew from where the prompt began. */
  #drawn(): void {
    const sought = this.#sought === undefined ? undefined : visibleText(this.#sought).text;
    const prompt = sought === undefined ? this.#prompt : `(reverse-i-search)'${sought}': `;
    const { cursor, text } = drawnLine(
      { prompt, line: this.#line, at: this.#at, columns: this.#columns },
      this.#cursor,
    );
    this.#cursor = cursor;
    this.#write(text);
  }
}
