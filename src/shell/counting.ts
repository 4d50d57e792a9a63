import { child, children, flag, number, type Tree, text, typeOf } from './grammar.ts';

/** `|` and the redirections `<` and `>` in the grammar's numbering. */
const PIPE = 12;
const REDIRECTIONS = { write: 54, read: 56 } as const;

/**
 * True for the inside of a command substitution that gives whole numbers or nothing, whatever it is about:
 * `ls | wc -l`, `date +%s`, `id -u`. What is counted may have any name, so nothing that names it is among these.
 */
export function givesNumbers(statements: readonly Tree[]): boolean {
  return gives(statements, counts);
}

/** The same of words that begin with a letter or digit and hold nothing that a shell expands: `docker ps -q`. */
export function givesNames(statements: readonly Tree[]): boolean {
  return gives(statements, (name, args) => counts(name, args) || names(name, args));
}

type Kind = (name: string, args: readonly string[]) => boolean;

function gives(statements: readonly Tree[], kind: Kind): boolean {
  const [only, ...more] = statements;
  return only !== undefined && more.length === 0 && statementGives(only, kind);
}

function statementGives(statement: Tree, kind: Kind): boolean {
  if (['Background', 'Negated', 'Coprocess'].some((field) => flag(statement, field))) return false;
  if (!children(statement, 'Redirs').every(keepsQuiet)) return false;
  const command = child(statement, 'Cmd');
  if (command === undefined) return false;
  if (typeOf(command) === 'BinaryCmd') {
    const last = child(command, 'Y');
    return number(command, 'Op') === PIPE && last !== undefined && statementGives(last, kind);
  }
  if (typeOf(command) !== 'CallExpr' || children(command, 'Assigns').length > 0) return false;
  const words = children(command, 'Args').map(plainText);
  const [name, ...args] = words;
  return name !== undefined && args.every((arg) => arg !== undefined) && kind(name, args);
}

/** Input from somewhere else, or messages to nowhere: what a program complains of may name anything. */
function keepsQuiet(redirect: Tree): boolean {
  const operator = number(redirect, 'Op');
  if (operator === REDIRECTIONS.read) return text(child(redirect, 'N')) === '';
  const target = child(redirect, 'Word');
  return (
    operator === REDIRECTIONS.write &&
    text(child(redirect, 'N')) === '2' &&
    target !== undefined &&
    plainText(target) === '/dev/null'
  );
}

function counts(name: string, args: readonly string[]): boolean {
  switch (name) {
    case 'nproc':
      return args.every((arg) => arg === '--all');
    case 'id':
      return args.length > 0 && /^-r?[ug]r?$/.test(args[0] ?? '') && args.slice(1).every(isName);
    // Not `%N`, of which some give the letter, which Bash's arithmetic takes for a variable.
    case 'date':
      return args.length > 0 && args.every((arg) => /^(\+(%[sYmdHMSju])+|-u)$/.test(arg));
    case 'wc':
      return args.length === 1 && /^-[lcwm]$/.test(args[0] ?? '');
    case 'grep':
      // Of several files it would give the names.
      return (
        /^-[ciEFvwx]*c[ciEFvwx]*$/.test(args[0] ?? '') && args.length <= 3 && args.slice(1).every(isName)
      );
    case 'pgrep':
      // Not `-l` and `-a`, which give names.
      return args.every((arg) => isName(arg) || /^-[cfinox]+$/.test(arg));
    case 'pidof':
      return args.every((arg) => isName(arg) || /^-[sx]+$/.test(arg));
    case 'seq':
      return args.every((arg) => /^\d+$/.test(arg));
    case 'stat':
      return args[0] === '-c' && /^%[sYXZughib]$/.test(args[1] ?? '') && args.slice(2).every(isName);
    default:
      return false;
  }
}

/** Ids and names of containers (Docker: `[a-zA-Z0-9][a-zA-Z0-9_.-]+`). */
function names(name: string, args: readonly string[]): boolean {
  const [verb, ...rest] = args;
  if ((name !== 'docker' && name !== 'podman') || verb !== 'ps') return false;
  // With a format there is no other order of things.
  const plain = rest.at(-2) === '--format' && /^\{\{\.(Names|ID)\}\}$/.test(rest.at(-1) ?? '');
  if (plain) return rest.slice(0, -2).every((one) => one === '-a');
  return (
    rest.length > 0 && rest.every((one) => /^-[aq]+$/.test(one)) && rest.some((one) => one.includes('q'))
  );
}

function isName(arg: string): boolean {
  return !arg.startsWith('-');
}

/** A word that nothing is made of as it runs; undefined for any other. */
function plainText(word: Tree): string | undefined {
  const parts = children(word, 'Parts').map((part) => {
    if (typeOf(part) === 'Lit') return /[\\*?[\]{}~]/.test(text(part)) ? undefined : text(part);
    if (typeOf(part) === 'SglQuoted') return flag(part, 'Dollar') ? undefined : text(part);
    if (typeOf(part) !== 'DblQuoted' || flag(part, 'Dollar')) return undefined;
    const inner = children(part, 'Parts');
    const fixed = inner.every((one) => typeOf(one) === 'Lit' && !text(one).includes('\\'));
    return fixed ? inner.map((one) => text(one)).join('') : undefined;
  });
  return parts.includes(undefined) ? undefined : parts.join('');
}
