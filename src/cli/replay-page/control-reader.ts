/** A control sequence longer than this is none that is known here. */
const LONGEST_SEQUENCE = 256;

/** Who does what a terminal's output says. */
export interface Controlled {
  /** A character to show. */
  put(character: string): void;
  /** One of C0, such as a line feed. */
  control(character: string): void;
  /** ESC and this character. */
  escape(character: string): void;
  /** Designates the character set `name` as the one of `place`: `(`, `)` and so on. */
  charset(place: string, name: string): void;
  /** CSI: its private mark (`?`, or none), its parameters as they stand, its intermediates, its final character. */
  sequence(final: string, mark: string, parameters: string, intermediates: string): void;
}

/**
 * Takes a terminal's output apart as ECMA-48 says; what stands in strings (OSC, DCS, SOS, PM, APC) is passed over.
 * Mutable: a sequence may be spread over several pieces.
 */
export class ControlReader {
  readonly #controlled: Controlled;
  #state: 'ground' | 'escape' | 'sequence' | 'string' | 'charset' = 'ground';
  #pending = '';

  constructor(controlled: Controlled) {
    this.#controlled = controlled;
  }

  read(text: string): void {
    for (const character of text) this.#take(character);
  }

  #take(character: string): void {
    switch (this.#state) {
      case 'ground':
        if (character < ' ' || character === '\x7f') this.#control(character);
        else this.#controlled.put(character);
        return;
      case 'escape':
        return this.#escape(character);
      case 'charset':
        this.#state = 'ground';
        return this.#controlled.charset(this.#pending, character);
      case 'sequence':
        return this.#sequence(character);
      case 'string':
        if (character === '\x07' || character === '\x9c') this.#state = 'ground';
        else if (character === '\x1b') this.#state = 'escape';
        return;
    }
  }

  #control(character: string): void {
    if (character === '\x1b') this.#state = 'escape';
    else this.#controlled.control(character);
  }

  #escape(character: string): void {
    this.#pending = '';
    if (character === '[') this.#state = 'sequence';
    else if (']PX^_'.includes(character)) this.#state = 'string';
    else if ('()*+# %'.includes(character)) {
      this.#state = 'charset';
      this.#pending = character;
    } else {
      this.#state = 'ground';
      this.#controlled.escape(character);
    }
  }

  #sequence(character: string): void {
    // Control characters inside a sequence act as if they stood before it.
    if (character < ' ') return this.#control(character);
    if (character < '@' || character > '~') {
      if (this.#pending.length < LONGEST_SEQUENCE) this.#pending += character;
      return;
    }
    this.#state = 'ground';
    const parts = /^([<-?]?)([0-9:;]*)([ -/]*)$/.exec(this.#pending);
    if (parts === null) return;
    const [, mark = '', parameters = '', intermediates = ''] = parts;
    this.#controlled.sequence(character, mark, parameters, intermediates);
  }
}
