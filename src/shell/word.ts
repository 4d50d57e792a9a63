/**
 * One word of a command as far as the text tells it. A shell makes a word into none, one or many arguments;
 * what matters here is whether the text fixes it, and what it could turn into where it does not.
 */
export interface Word {
  /** The argument after quote removal; undefined when it is computed as the line runs. */
  readonly text: string | undefined;
  /** As it would be typed; what an approver and a policy's `commands` read. */
  readonly source: string;
  /** It could become an argument that begins with `-`. */
  readonly mayBeOption: boolean;
  /** Field splitting could make several arguments of it, or none. */
  readonly maySplit: boolean;
  /** A pattern: it could become several arguments, each of which begins with `prefix`. */
  readonly several: boolean;
  /** Whatever becomes of it is whole numbers, or nothing. */
  readonly numbers: boolean;
  /** What the computed word begins with at least. */
  readonly prefix: string;
}

export function literalWord(text: string): Word {
  return {
    text,
    source: quoted(text),
    mayBeOption: text.startsWith('-'),
    maySplit: false,
    several: false,
    numbers: false,
    prefix: text,
  };
}

/** A word of which nothing is known but how it is written. */
export function computedWord(source: string): Word {
  return {
    text: undefined,
    source,
    mayBeOption: true,
    maySplit: true,
    several: true,
    numbers: false,
    prefix: '',
  };
}

/** True when the word surely becomes operands and nothing else, whatever it is computed to. */
export function isOperand(word: Word): boolean {
  return !word.mayBeOption && !word.maySplit;
}

/** True when it surely becomes one argument: what follows an option or stands at a place that counts. */
export function staysOne(word: Word): boolean {
  return !word.maySplit && !word.several;
}

/** Plain words stay as they are, others stand in single quotes: two different lists of arguments never read the same. */
export function quoted(text: string): string {
  if (text !== '' && /^[A-Za-z0-9_@%+=:,./~-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

export function wordsText(words: readonly Word[]): string {
  return words.map((word) => word.source).join(' ');
}
