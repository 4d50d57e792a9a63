import { isNumeric, isNumericPart, type Knowledge, setIn } from './arithmetic.ts';
import { givesNames } from './counting.ts';
import { child, children, flag, number, type Tree, text, typeOf } from './grammar.ts';
import { type Known, knownOfShells } from './known-values.ts';
import { literalWord, quoted, type Word } from './word.ts';

/** What a word's inside is told to: commands that its substitutions run, and what cannot be judged. */
export interface WordHost {
  /** Statements of a command or process substitution. */
  substitution(statements: readonly Tree[]): void;
  problem(words: string): void;
  /** An expansion gives it a value: `${x:=y}`. */
  assigned(name: string): void;
  /** What is known of a variable's value at this place. */
  readonly known: Knowledge;
}

/** `${x-w}` and its kin, in the grammar's numbering: what follows the sign is a word, and nothing else happens. */
const PLAIN_EXPANSIONS: readonly number[] = [68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83];
/** `${x=w}` and `${x:=w}`. */
const ASSIGNING: readonly number[] = [74, 75];

/** What the name of a process substitution begins with; where there is no such directory, another place of the system. */
const PROCESS = '/dev/fd/';
/** How it is written where it is shown. */
export const PROCESS_SUBSTITUTION = '<(…)';

interface Reading {
  /** What is known of the beginning. */
  prefix: string;
  /** All of it is known so far. */
  fixed: boolean;
  splits: boolean;
  /** A pattern stands in it. */
  several: boolean;
  source: string;
  /** It never begins with a dash. */
  operand: boolean;
  /** So far all of it may come to nothing: what follows is the beginning then. */
  empty: boolean;
}

/** Reads one word: quote removal where the text fixes it, else what it could become. */
export function readWord(word: Tree, host: WordHost): Word {
  const parts = children(word, 'Parts');
  const [only] = parts;
  // A bracket by itself is the name of a program, not the beginning of a pattern.
  if (only !== undefined && parts.length === 1 && text(only) === '[') return literalWord('[');
  const reading: Reading = {
    prefix: '',
    fixed: true,
    splits: false,
    several: false,
    source: '',
    operand: false,
    empty: false,
  };
  for (const [index, part] of parts.entries()) readPart(part, index === 0, reading, host);
  const begins = reading.prefix !== '' || (reading.fixed && parts.length > 0);
  const mayBeOption = begins ? reading.prefix.startsWith('-') : !reading.operand;
  return {
    text: reading.fixed ? reading.prefix : undefined,
    source: reading.fixed ? quoted(reading.prefix) : reading.source,
    mayBeOption,
    maySplit: reading.splits,
    several: reading.splits || reading.several,
    numbers: parts.length === 1 && only !== undefined && givesNumbers(only, host),
    prefix: reading.prefix,
  };
}

/** Of what is computed; a name that stands there by itself is no number. */
function givesNumbers(part: Tree, host: WordHost): boolean {
  const [only, ...more] = typeOf(part) === 'DblQuoted' ? children(part, 'Parts') : [part];
  if (only === undefined || more.length > 0 || typeOf(only) === 'Lit') return false;
  return typeOf(only) === 'ArithmExp' || isNumericPart(only, host.known);
}

function readPart(part: Tree, first: boolean, reading: Reading, host: WordHost): void {
  switch (typeOf(part)) {
    case 'Lit':
      readBare(text(part), first, reading);
      return;
    case 'SglQuoted':
      // $'…' is read by Bash and taken literally, dollar sign and all, by dash.
      if (flag(part, 'Dollar')) {
        // There it ends at the quote behind a backslash, and what follows runs.
        if (text(part).includes("\\'"))
          host.problem("$'…' with a quote in it means other things in other shells");
        compute(reading, `$'${text(part)}'`, false);
      } else fix(reading, text(part), quoted(text(part)));
      return;
    case 'DblQuoted':
      if (flag(part, 'Dollar')) compute(reading, '$"', false);
      readDouble(part, reading, host);
      return;
    default:
      readExpansion(part, true, reading, host);
  }
}

/** Text outside quotes: backslashes are taken off; what the shell would expand makes the rest computed. */
function readBare(value: string, first: boolean, reading: Reading): void {
  let plain = '';
  for (let at = 0; at < value.length; at++) {
    const c = value[at] ?? '';
    if (c === '\\') {
      plain += value[++at] ?? '';
      continue;
    }
    const atStart = first && at === 0;
    // `=` at the start is the path of a program in zsh; a tilde is a home directory.
    if ('*?['.includes(c) || c === '{' || (atStart && (c === '~' || (c === '=' && value.length > 1)))) {
      fix(reading, plain, plain);
      const braces = c === '{' && /[,.]/.test(value.slice(at));
      if (c === '{' && !braces) {
        plain = c;
        continue;
      }
      reading.several ||= '*?['.includes(c);
      // A brace expansion makes several words of the whole, each with the same beginning.
      compute(reading, value.slice(at), braces, c === '~' ? { prefix: '~', empty: false } : undefined);
      if (braces) reading.prefix = '';
      return;
    }
    plain += c;
  }
  fix(reading, plain, value);
}

function readDouble(part: Tree, reading: Reading, host: WordHost): void {
  reading.source += '"';
  for (const inner of children(part, 'Parts')) {
    if (typeOf(inner) === 'Lit') {
      const value = text(inner);
      // POSIX 2.2.3: inside double quotes a backslash counts before these only.
      fix(
        reading,
        value.replace(/\\([$`"\\]|\n)/g, (_, c: string) => (c === '\n' ? '' : c)),
        value,
      );
    } else {
      readExpansion(inner, false, reading, host);
    }
  }
  reading.source += '"';
}

function readExpansion(part: Tree, bare: boolean, reading: Reading, host: WordHost): void {
  switch (typeOf(part)) {
    case 'ParamExp': {
      readParameter(part, host);
      const known = knownValue(part, host);
      const splits = severalWords(part) || (bare && known?.plain !== true);
      compute(reading, parameterSource(part), splits, known?.operand === true ? known : undefined);
      return;
    }
    case 'CmdSubst': {
      host.substitution(children(part, 'Stmts'));
      const names = givesNames(children(part, 'Stmts'));
      reading.several ||= bare && names;
      compute(reading, '$(…)', bare && !names, names ? { prefix: '', empty: true } : undefined);
      return;
    }
    case 'ProcSubst':
      host.substitution(children(part, 'Stmts'));
      compute(reading, PROCESS_SUBSTITUTION, false, { prefix: PROCESS, empty: false });
      return;
    case 'ArithmExp':
      if (flag(part, 'Bracket') || !isNumeric(child(part, 'X'), host.known))
        host.problem('arithmetic over variables can run what a variable holds');
      readArithmetic(child(part, 'X'), host);
      compute(reading, '$((…))', false);
      return;
    case 'ExtGlob':
      host.problem('extended patterns run code in some shells');
      compute(reading, '*(…)', bare);
      return;
    default:
      host.problem(`${typeOf(part)} cannot be judged`);
      compute(reading, '…', true);
  }
}

function readParameter(part: Tree, host: WordHost): void {
  const expansion = part.Exp;
  if (typeof expansion === 'object' && expansion !== null) {
    const { Op, Word } = expansion as { readonly Op: number; readonly Word: Tree | null };
    if (!PLAIN_EXPANSIONS.includes(Op)) host.problem('this kind of expansion can run code');
    if (ASSIGNING.includes(Op)) host.assigned(text(child(part, 'Param')));
    if (Word !== null) readWord(Word, host);
  }
  const replaced = part.Repl as { readonly Orig: Tree | null; readonly With: Tree | null } | null | undefined;
  if (replaced?.Orig) readWord(replaced.Orig, host);
  if (replaced?.With) readWord(replaced.With, host);
  const sliced = part.Slice as
    | { readonly Offset: Tree | null; readonly Length: Tree | null }
    | null
    | undefined;
  const places = [sliced?.Offset, sliced?.Length].filter((one) => one !== null && one !== undefined);
  const index = child(part, 'Index');
  const numbers = places.every((one) => isNumeric(one, host.known)) && isHarmlessIndex(index, host);
  for (const one of [...places, index]) readArithmetic(one, host);
  const odd = flag(part, 'Excl') || flag(part, 'Width') || number(part, 'Names') > 0;
  if (odd || !numbers) host.problem('indirect expansions, and an index that is computed, cannot be judged');
}

/** `${a[0]}`, `${a[@]}`. */
function isHarmlessIndex(index: Tree | undefined, host: WordHost): boolean {
  if (index === undefined || isNumeric(index, host.known)) return true;
  const [only, ...more] = children(index, 'Parts');
  return more.length === 0 && only !== undefined && typeOf(only) === 'Lit' && /^[@*]$/.test(text(only));
}

/** Of `$x` and `${#x}`, not of what an expansion makes of it. */
function knownValue(part: Tree, host: WordHost) {
  const bare = ['Index', 'Slice', 'Repl', 'Exp'].every(
    (field) => part[field] === null || part[field] === undefined,
  );
  if (flag(part, 'Length')) return knownOfShells('#');
  if (!bare || flag(part, 'Excl') || flag(part, 'Width')) return undefined;
  return host.known(text(child(part, 'Param')));
}

/** "$@" and "${a[@]}" are several words even in quotes. */
function severalWords(part: Tree): boolean {
  return text(child(part, 'Param')) === '@' || child(part, 'Index') !== undefined;
}

function parameterSource(part: Tree): string {
  const name = text(child(part, 'Param'));
  if (flag(part, 'Short')) return `$${name}`;
  if (flag(part, 'Length')) return `\${#${name}}`;
  const whole = ['Exp', 'Index', 'Repl', 'Slice'].every(
    (field) => part[field] === null || part[field] === undefined,
  );
  return `\${${name}${whole && !flag(part, 'Excl') && !flag(part, 'Width') ? '' : '…'}}`;
}

/** Finds the substitutions inside of an expression, and what it sets. */
export function readArithmetic(node: Tree | undefined | null, host: WordHost): void {
  if (node === undefined || node === null) return;
  for (const name of setIn(node)) host.assigned(name);
  readOperands(node, host);
}

function readOperands(node: Tree | undefined, host: WordHost): void {
  if (node === undefined) return;
  if (typeOf(node) === 'Word') {
    readWord(node, host);
    return;
  }
  readOperands(child(node, 'X'), host);
  readOperands(child(node, 'Y'), host);
}

function fix(reading: Reading, value: string, source: string): void {
  reading.source += source;
  if (reading.fixed) reading.prefix += value;
  else if (reading.empty && value !== '') {
    reading.empty = false;
    if (value.startsWith('-')) mayBeAnything(reading);
  }
}

function mayBeAnything(reading: Reading): void {
  reading.operand = false;
  reading.prefix = '';
}

/** What is computed begins so, if at all, and not with a dash. */
type Beginning = Pick<Known, 'prefix' | 'empty'>;

function compute(reading: Reading, source: string, splits: boolean, begins?: Beginning): void {
  reading.source += source;
  if (reading.fixed && begins !== undefined) {
    if (reading.prefix === '') {
      reading.operand = true;
      reading.empty = begins.empty;
    }
    reading.prefix += begins.prefix;
  } else if (reading.empty) {
    reading.empty = begins?.empty === true;
    if (begins === undefined) mayBeAnything(reading);
  }
  reading.fixed = false;
  reading.splits ||= splits;
}
