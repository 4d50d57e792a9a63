import { mayBeSet } from './variables.ts';
import { READS, unknown, type Verdict } from './verdict.ts';
import { isOperand, type Word } from './word.ts';

/** Builtins of the shell that set variables, or look them up. */
export const BUILTINS: ReadonlyMap<string, (args: readonly Word[]) => Verdict> = new Map<
  string,
  (args: readonly Word[]) => Verdict
>([
  ['printf', printf],
  ['read', read],
  ['mapfile', mapfile],
  ['readarray', mapfile],
  ['unset', unset],
  ['compgen', compgen],
  ['shopt', shopt],
  ['trap', trap],
  ['source', source],
  ['.', source],
  ['[', test],
  ['test', test],
]);

/** Builtins that neither run a program nor do anything with variables of names of their own. */
export const INDIFFERENT: ReadonlySet<string> = new Set(
  ': cd pwd pushd popd dirs exit break continue return shift times umask ulimit type echo printf test [ true false read unset wait set history jobs'.split(
    ' ',
  ),
);

function isVariable(word: Word | undefined): boolean {
  return word?.text !== undefined && /^[A-Za-z_]\w*$/.test(word.text) && mayBeSet(word.text, false);
}

const SETS = 'it may change a variable that changes what runs';

/** `printf -v NAME` sets a variable, and evaluates an index; Bash's `%n` sets the one that its argument names. */
function printf(args: readonly Word[]): Verdict {
  const sets = args[0]?.text === '-v';
  const [format, ...values] = sets ? args.slice(2) : args;
  if (sets && !isVariable(args[1])) return unknown(SETS);
  if (format === undefined || !isOperand(format)) return unknown('printf may set a variable');
  const counts =
    format.text === undefined || /%[^%a-zA-Z]*[hjlLqtz]*n/.test(format.text.replaceAll('%%', ''));
  return counts && !values.every((word) => word.numbers || isVariable(word) || isNoName(word))
    ? unknown("what %n of printf's format sets may change what runs: write the format out")
    : READS;
}

/** Text that is no variable's name. */
function isNoName({ text }: Word): boolean {
  return text !== undefined && !/^[A-Za-z_]\w*$/.test(text);
}

/** `read -r NAME…`; not `-e`, which has a history and keys of its own. Without a name it sets REPLY. */
function read(args: readonly Word[]): Verdict {
  return setsNames(args, { flags: /^-[rs]+$/, values: /^-[rs]*[pdtnNu]$/, named: /^-[rs]*a$/ });
}

/** Not `-C`, which runs a command. */
function mapfile(args: readonly Word[]): Verdict {
  return setsNames(args, { flags: /^-t$/, values: /^-t?[dnsu]$/ });
}

interface SettingSyntax {
  readonly flags: RegExp;
  /** A value follows; `named`: the name of a variable. */
  readonly values: RegExp;
  readonly named?: RegExp;
}

function setsNames(args: readonly Word[], { flags, named, values }: SettingSyntax): Verdict {
  for (let at = 0; at < args.length; at++) {
    const word = args[at];
    const text = word?.text ?? '';
    if (flags.test(text)) continue;
    if (values.test(text)) {
      const value = args[++at];
      if (value === undefined || value.maySplit || value.several) return unknown(SETS);
    } else if (named?.test(text)) {
      if (!isVariable(args[++at])) return unknown(SETS);
    } else if (!isVariable(word)) return unknown(SETS);
  }
  return READS;
}

function unset(args: readonly Word[]): Verdict {
  return args.every((word) => word.text === '-v' || isVariable(word)) ? READS : unknown(SETS);
}

/** Options by which patterns and pipes work a little differently, and nothing is read in another way. */
const PLAIN_OPTIONS =
  /^(globstar|nullglob|dotglob|nocaseglob|nocasematch|lastpipe|inherit_errexit|checkwinsize|histappend)$/;

function shopt(args: readonly Word[]): Verdict {
  const plain = args.every(({ text }, index) => /^-[supq]+$/.test(text ?? '') === (index === 0));
  const known = args.slice(1).every(({ text }) => PLAIN_OPTIONS.test(text ?? ''));
  return args.length === 0 || (plain && known)
    ? READS
    : unknown('an option of the shell can change what is read');
}

/** Lists names of a kind; not `-C`, `-F` and `-W`, which run what they are given. */
function compgen(args: readonly Word[]): Verdict {
  const [kind, ...rest] = args;
  const lists = /^-[abcdefgjksuv]+$/.test(kind?.text ?? '') && rest.every(isOperand);
  return lists ? READS : unknown('compgen may run what it is given');
}

/** Lists what is set, or lets a signal do what it does by itself, or nothing. */
function trap(args: readonly Word[]): Verdict {
  const [action] = args;
  if (action === undefined || /^(-|-[lp]|)$/.test(action.text ?? '?')) return READS;
  return unknown('what trap has run cannot be told');
}

/** Files of the system that hold settings in a shell's form and nothing else. */
const SETTINGS = /^\/(etc|usr\/lib)\/(os|lsb)-release$/;

function source(args: readonly Word[]): Verdict {
  const known = args.length === 1 && SETTINGS.test(args[0]?.text ?? '');
  return known ? READS : unknown('what stands in the file is not in the command line');
}

/**
 * Bash's `test -v` evaluates its operand, so no operator must be computed. One by itself stays what it is; one beside
 * another word could be `-v` and that its operand.
 */
function test(args: readonly Word[]): Verdict {
  const words = args.at(-1)?.text === ']' ? args.slice(0, -1) : args;
  const shifts = (word: Word) => !word.numbers && (word.maySplit || (word.several && !isOperand(word)));
  if (words.some((word) => shifts(word) || word.text === '-v' || word.text === '-R')) {
    return unknown('test with -v, -R or an unquoted expansion can run what a variable holds: quote it');
  }
  const open = (word: Word | undefined) => word !== undefined && word.text === undefined && !word.numbers;
  const lookedUp = words.some((word, index) => {
    const next = words[index + 1];
    return open(word) && word.mayBeOption && (open(next) || next?.text?.includes('[') === true);
  });
  if (lookedUp) return unknown('an operator of test may be computed');
  const operator =
    words.length === 3 ? words[1] : words.length === 4 && words[0]?.text === '!' ? words[2] : words[0];
  const known = /^(-[a-zA-Z]{1,2}|!?=|==)$/.test(operator?.text ?? '');
  return !words.some(open) || known || words.length === 1
    ? READS
    : unknown('the operator of test is computed');
}
