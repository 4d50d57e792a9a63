import { child, children, flag, number, type Tree, text, typeOf } from './grammar.ts';
import { literalWord, quoted, type Word } from './word.ts';

/** What a word's inside is told to: commands that its substitutions run, and what cannot be judged. */
export interface WordHost {
  /** Statements of a command or process substitution. */
  substitution(statements: readonly Tree[]): void;
  problem(words: string): void;
}

/** `${x-w}` and its kin, in the grammar's numbering: what follows the sign is a word, and nothing else happens. */
const PLAIN_EXPANSIONS: readonly number[] = [68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79];

interface Reading {
  /** What is known of the beginning. */
  prefix: string;
  /** All of it is known so far. */
  fixed: boolean;
  splits: boolean;
  source: string;
}

/** Reads one word: quote removal where the text fixes it, else what it could become. */
export function readWord(word: Tree, host: WordHost): Word {
  const parts = children(word, 'Parts');
  const [only] = parts;
  // A bracket by itself is the name of a program, not the beginning of a pattern.
  if (only !== undefined && parts.length === 1 && text(only) === '[') return literalWord('[');
  const reading: Reading = { prefix: '', fixed: true, splits: false, source: '' };
  for (const [index, part] of parts.entries()) readPart(part, index === 0, reading, host);
  const mayBeOption =
    reading.prefix === '' && !(reading.fixed && parts.length > 0) ? true : reading.prefix.startsWith('-');
  return {
    text: reading.fixed ? reading.prefix : undefined,
    source: reading.fixed ? quoted(reading.prefix) : reading.source,
    mayBeOption,
    maySplit: reading.splits,
    prefix: reading.prefix,
  };
}

function readPart(part: Tree, first: boolean, reading: Reading, host: WordHost): void {
  switch (typeOf(part)) {
    case 'Lit':
      readBare(text(part), first, reading);
      return;
    case 'SglQuoted':
      // $'…' is read by Bash and taken literally, dollar sign and all, by dash.
      if (flag(part, 'Dollar')) compute(reading, `$'${text(part)}'`, false);
      else fix(reading, text(part), quoted(text(part)));
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
    if ('*?['.includes(c) || c === '{' || (atStart && (c === '~' || c === '=') && value.length > 0)) {
      fix(reading, plain, plain);
      const braces = c === '{' && /[,.]/.test(value.slice(at));
      if (c === '{' && !braces) {
        plain = c;
        continue;
      }
      // A brace expansion makes several words of the whole, each with the same beginning.
      compute(reading, value.slice(at), braces);
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
      // "$@" is several words even in quotes.
      compute(reading, parameterSource(part), bare || text(child(part, 'Param')) === '@');
      return;
    }
    case 'CmdSubst':
      host.substitution(children(part, 'Stmts'));
      compute(reading, '$(…)', bare);
      return;
    case 'ProcSubst':
      host.substitution(children(part, 'Stmts'));
      compute(reading, '<(…)', false);
      return;
    case 'ArithmExp':
      if (!isNumeric(child(part, 'X'))) {
        host.problem('arithmetic over variables can run what a variable holds');
        readArithmetic(child(part, 'X'), host);
      }
      compute(reading, '$((…))', bare);
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
  const odd = ['Excl', 'Width', 'Length'].some((field) => field !== 'Length' && flag(part, field));
  const deep = ['Index', 'Slice', 'Repl'].some((field) => part[field] !== null && part[field] !== undefined);
  const expansion = part.Exp;
  const names = number(part, 'Names') > 0;
  if (typeof expansion === 'object' && expansion !== null) {
    const { Op, Word } = expansion as { readonly Op: number; readonly Word: Tree | null };
    if (!PLAIN_EXPANSIONS.includes(Op)) host.problem('this kind of expansion can run code');
    if (Word !== null) readWord(Word, host);
  }
  if (odd || deep || names) host.problem('indirect, indexed and sliced expansions cannot be judged');
}

function parameterSource(part: Tree): string {
  const name = text(child(part, 'Param'));
  return flag(part, 'Short') ? `$${name}` : `\${${name}${part.Exp === null ? '' : '…'}}`;
}

/** Numbers and signs only: nothing that Bash would look up and evaluate once more. */
function isNumeric(node: Tree | undefined): boolean {
  if (node === undefined) return true;
  if (typeOf(node) === 'Word') {
    const parts = children(node, 'Parts');
    return parts.length === 1 && parts.every((part) => typeOf(part) === 'Lit' && /^\d+$/.test(text(part)));
  }
  return isNumeric(child(node, 'X')) && isNumeric(child(node, 'Y'));
}

/** Finds the substitutions inside of an expression. */
export function readArithmetic(node: Tree | undefined, host: WordHost): void {
  if (node === undefined) return;
  if (typeOf(node) === 'Word') {
    readWord(node, host);
    return;
  }
  readArithmetic(child(node, 'X'), host);
  readArithmetic(child(node, 'Y'), host);
}

function fix(reading: Reading, value: string, source: string): void {
  reading.source += source;
  if (reading.fixed) reading.prefix += value;
}

function compute(reading: Reading, source: string, splits: boolean): void {
  reading.source += source;
  reading.fixed = false;
  reading.splits ||= splits;
}
