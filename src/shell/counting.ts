import { child, children, flag, number, type Tree, text, typeOf } from './grammar.ts';

/** `|` and the redirections `<` and `>` in the grammar's numbering. */
const PIPE = 12;
const REDIRECTIONS = { write: 54, read: 56 } as const;

/**
 * True for the inside of a command substitution that gives whole numbers or nothing, whatever it is about:
 * `ls | wc -l`, `date +%s`, `id -u`. What is counted may have any name, so nothing that names it is among these.
 */
export function givesNumber(statements: readonly Tree[]): boolean {
  const [only, ...more] = statements;
  return only !== undefined && more.length === 0 && statementGivesNumber(only);
}

function statementGivesNumber(statement: Tree): boolean {
  if (['Background', 'Negated', 'Coprocess'].some((field) => flag(statement, field))) return false;
  if (!children(statement, 'Redirs').every(keepsQuiet)) return false;
  const command = child(statement, 'Cmd');
  if (command === undefined) return false;
  if (typeOf(command) === 'BinaryCmd') {
    const last = child(command, 'Y');
    return number(command, 'Op') === PIPE && last !== undefined && statementGivesNumber(last);
  }
  if (typeOf(command) !== 'CallExpr' || children(command, 'Assigns').length > 0) return false;
  const words = children(command, 'Args').map(plainText);
  const [name, ...args] = words;
  return name !== undefined && args.every((arg) => arg !== undefined) && counts(name, args);
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
    case 'date':
      return args.length > 0 && args.every((arg) => /^(\+(%[sNYmdHMSju])+|-u)$/.test(arg));
    case 'wc':
      return args.length === 1 && /^-[lcwm]$/.test(args[0] ?? '');
    case 'grep':
      // Of several files it would give the names.
      return (
        /^-[ciEFvwx]*c[ciEFvwx]*$/.test(args[0] ?? '') && args.length <= 3 && args.slice(1).every(isName)
      );
    case 'pgrep':
      return /^-[cfx]*c[cfx]*$/.test(args[0] ?? '') && args.slice(1).every(isName);
    default:
      return false;
  }
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
