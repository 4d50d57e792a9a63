import { StringDecoder } from 'node:string_decoder';

/** Keys that do something other than standing for themselves. */
export type KeyName =
  | 'enter'
  | 'interrupt'
  | 'end-of-input'
  | 'backspace'
  | 'delete'
  | 'left'
  | 'right'
  | 'word-left'
  | 'word-right'
  | 'home'
  | 'end'
  | 'up'
  | 'down'
  | 'erase-word'
  | 'erase-to-start'
  | 'erase-to-end'
  | 'yank'
  | 'clear'
  | 'complete'
  | 'search'
  | 'leave-search'
  /** Any other: it has no meaning here. */
  | 'unknown';

export type Key =
  | { readonly kind: 'text'; readonly text: string }
  /** What a terminal marks as pasted: its line ends are no Enter. */
  | { readonly kind: 'paste'; readonly text: string }
  | { readonly kind: 'named'; readonly name: KeyName };

/** Control characters by code; 0x1b is not among them. */
const CONTROLS: Readonly<Record<number, KeyName>> = {
  1: 'home',
  2: 'left',
  3: 'interrupt',
  4: 'end-of-input',
  5: 'end',
  6: 'right',
  7: 'leave-search',
  8: 'backspace',
  9: 'complete',
  10: 'enter',
  11: 'erase-to-end',
  12: 'clear',
  13: 'enter',
  14: 'down',
  16: 'up',
  18: 'search',
  21: 'erase-to-start',
  23: 'erase-word',
  25: 'yank',
  127: 'backspace',
};

/** What stands behind `ESC [` or `ESC O`, as xterm, rxvt and the Linux console send it. */
const SEQUENCES: Readonly<Record<string, KeyName>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
  '1~': 'home',
  '7~': 'home',
  '3~': 'delete',
  '4~': 'end',
  '8~': 'end',
  '1;5C': 'word-right',
  '1;5D': 'word-left',
  '1;3C': 'word-right',
  '1;3D': 'word-left',
};

const META: Readonly<Record<string, KeyName>> = {
  b: 'word-left',
  f: 'word-right',
  '\x7f': 'erase-word',
  '\x08': 'erase-word',
};

/** A sequence longer than this is none, in characters. */
const LONGEST_SEQUENCE = 64;
/** What is pasted at once, in characters; the rest of it is left out. */
const LONGEST_PASTE = 65_536;
const PASTE_BEGINS = '200~';
const PASTE_ENDS = '\x1b[201~';

type State = 'ground' | 'escape' | 'sequence' | 'single' | 'string' | 'paste';

/**
 * Makes keys of what a terminal sends, cut wherever it may be. A terminal's answers (cursor position, colours, its
 * name: ECMA-48 5.4 and 5.6) are swallowed whole, so that they never become text that somebody seems to have typed.
 */
export class KeyReader {
  readonly #decoder = new StringDecoder('utf8');
  #state: State = 'ground';
  #pending = '';
  /** What is being pasted, a character each, and its last ones. */
  #pasted: string[] = [];
  #tail = '';

  *read(bytes: Uint8Array): Generator<Key, void, void> {
    let text = '';
    for (const character of this.#decoder.write(Buffer.from(bytes))) {
      const printable = this.#state === 'ground' && character >= ' ' && !/[\x7f-\x9f\ufffd]/.test(character);
      if (printable) {
        text += character;
        continue;
      }
      if (text !== '') yield { kind: 'text', text };
      text = '';
      const key = this.#take(character);
      if (key !== undefined) yield key;
    }
    if (text !== '') yield { kind: 'text', text };
  }

  #take(character: string): Key | undefined {
    switch (this.#state) {
      case 'ground':
        return this.#ground(character);
      case 'escape':
        return this.#escape(character);
      case 'sequence':
        return this.#sequence(character);
      case 'single':
        this.#state = 'ground';
        return named(SEQUENCES[character]);
      case 'string':
        return this.#string(character);
      case 'paste':
        return this.#paste(character);
    }
  }

  #ground(character: string): Key | undefined {
    if (character !== '\x1b') return named(CONTROLS[character.charCodeAt(0)]);
    this.#state = 'escape';
    return undefined;
  }

  #escape(character: string): Key | undefined {
    this.#pending = '';
    switch (character) {
      case '\x1b':
        return undefined;
      case '[':
        this.#state = 'sequence';
        return undefined;
      case 'O':
        this.#state = 'single';
        return undefined;
      case ']':
      case 'P':
      case 'X':
      case '^':
      case '_':
        this.#state = 'string';
        return undefined;
      default:
        this.#state = 'ground';
        if (character === '\r' || character === '\n' || character === '\x03') return this.#ground(character);
        return named(META[character]);
    }
  }

  #sequence(character: string): Key | undefined {
    if (character === '\x1b') {
      this.#state = 'escape';
      return undefined;
    }
    if (character < ' ' || character > '~') {
      this.#state = 'ground';
      return this.#ground(character);
    }
    this.#pending += character;
    const ends = character >= '@';
    if (!ends && this.#pending.length < LONGEST_SEQUENCE) return undefined;
    const sequence = this.#pending;
    this.#pending = '';
    this.#state = sequence === PASTE_BEGINS ? 'paste' : 'ground';
    return sequence === PASTE_BEGINS ? undefined : named(SEQUENCES[sequence]);
  }

  /** Up to BEL or ST; Ctrl-C gets out of one that does not end. */
  #string(character: string): Key | undefined {
    if (character === '\x03') {
      this.#state = 'ground';
      return named('interrupt');
    }
    if (character === '\x07' || character === '\x9c') this.#state = 'ground';
    // ST is ESC \: the escape state swallows the backslash.
    if (character === '\x1b') this.#state = 'escape';
    return undefined;
  }

  #paste(character: string): Key | undefined {
    // Behind what is left out the end is still to be found.
    if (this.#pasted.length <= LONGEST_PASTE) this.#pasted.push(character);
    this.#tail = (this.#tail + character).slice(-PASTE_ENDS.length);
    if (this.#tail !== PASTE_ENDS) return undefined;
    const all = this.#pasted.join('');
    const text = all.endsWith(PASTE_ENDS) ? all.slice(0, -PASTE_ENDS.length) : all;
    this.#pasted = [];
    this.#tail = '';
    this.#state = 'ground';
    // A line holds no control characters but these, so that what is shown is what runs.
    return { kind: 'paste', text: text.replace(/\r\n?/g, '\n').replace(/[^\P{Cc}\n\t]|\ufffd/gu, '') };
  }
}

function named(name: KeyName | undefined): Key {
  return { kind: 'named', name: name ?? 'unknown' };
}
