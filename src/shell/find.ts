import type { ShellAction } from './facts.ts';
import { isOperand, staysOne, type Word } from './word.ts';

/** A path that find puts in the place of `{}`: begins as a starting point does, never with a dash of its own. */
const FOUND: Word = {
  text: undefined,
  source: '{}',
  mayBeOption: false,
  maySplit: false,
  several: false,
  numbers: false,
  prefix: '',
};

/** Expressions that take one argument, whatever it looks like. */
const VALUED =
  /^-(amin|anewer|atime|cmin|cnewer|context|ctime|fstype|gid|group|i?lname|i?name|inum|i?path|i?regex|i?wholename|links|maxdepth|mindepth|mmin|mtime|newer..|newer|perm|printf|regextype|samefile|size|type|uid|used|user|xtype)$/;

/** Other words that take the one behind them, so that it need not be an expression itself. */
const TAKING = /^-(D|f|files0-from|fprint|fprint0|fprintf|fls)$/;

/** `find` itself reads; `-delete` and `-fprint…` write; `-exec` and its kin run the command that follows them. */
export function findActions(
  command: string,
  args: readonly Word[],
  run: (words: readonly Word[]) => readonly ShellAction[],
): readonly ShellAction[] {
  const actions: ShellAction[] = [];
  let computed = false;
  for (let at = 0; at < args.length; at++) {
    const word = args[at];
    if (word === undefined) break;
    if (word.text === undefined) {
      computed ||= !isOperand(word);
      continue;
    }
    if (VALUED.test(word.text)) {
      const value = args[at + 1];
      if (value !== undefined && value.text === undefined && !mayBeValue(args, at) && isOneValue(value)) at++;
    } else if (word.text === '-delete' || /^-f(print|print0|printf|ls)$/.test(word.text)) {
      actions.push({ effect: 'write', command });
    } else if (/^-(exec|execdir|ok|okdir)$/.test(word.text)) {
      const end = endOfCommand(args, at + 1);
      if (end === undefined) {
        actions.push({ effect: 'unknown', command, reason: `the command of ${word.text} does not end` });
        break;
      }
      const many = args[end]?.text === '+';
      actions.push(...run(args.slice(at + 1, end).map((one) => filled(one, many))));
      at = end;
    }
  }
  if (computed) {
    const reason = 'an argument of find is computed and could be -delete or -exec';
    actions.push({ effect: 'unknown', command, reason });
  }
  return actions.length === 0 ? [{ effect: 'read', command }] : actions;
}

/**
 * Takes the place behind a word that takes one. What a pattern without quotes comes to beside that is an operand: no
 * expression of find begins as it does, or holds the dot that stands in it.
 */
function isOneValue(word: Word): boolean {
  if (staysOne(word)) return true;
  return !word.maySplit && (/^[\w/.~]/.test(word.prefix) || /\.[\w-]*$/.test(word.source));
}

/** It could be the argument of a word before it; then what follows is none of its own. */
function mayBeValue(args: readonly Word[], at: number): boolean {
  const before = args.slice(Math.max(0, at - 2), at).map(({ text }) => text ?? '');
  return VALUED.test(before.at(-1) ?? '') || before.some((text) => TAKING.test(text));
}

/** With `+` in its place stand all that were found. */
function filled(word: Word, many: boolean): Word {
  if (word.text === '{}') return { ...FOUND, several: many };
  // `{}` inside of a word: the word's own beginning stays.
  if (word.text?.includes('{}')) {
    const prefix = word.text.slice(0, word.text.indexOf('{}'));
    return { ...word, text: undefined, prefix, mayBeOption: prefix.startsWith('-') };
  }
  return word;
}

/** The place of `;`, or of a `+` behind `{}`; undefined when there is none, or a computed word could be one. */
function endOfCommand(args: readonly Word[], from: number): number | undefined {
  for (let at = from; at < args.length; at++) {
    const word = args[at];
    // What is computed could turn out to be the end, and what stands behind it an action of find.
    if (word === undefined) return undefined;
    if (word.text === undefined && (word.maySplit || ['', ';', '+'].includes(word.prefix))) return undefined;
    if (word.text === ';' || (word.text === '+' && args[at - 1]?.text === '{}'))
      return at > from ? at : undefined;
  }
  return undefined;
}
