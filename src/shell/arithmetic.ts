import { givesNumbers } from './counting.ts';
import { child, children, flag, number, type Tree, text, typeOf } from './grammar.ts';
import type { Known } from './known-values.ts';

/** What is known of a variable at this place. */
export type Knowledge = (name: string) => Known | undefined;

/** `=` in the grammar's numbering, and `+=` to `>>=`; `++` and `--`. */
const ASSIGN = 74;
const ADDING = { first: 44, last: 53 } as const;
const STEPPING = [36, 37];

/**
 * True when an expression holds nothing but numbers: Bash takes the value of a variable as an expression once more, and
 * an index in it (`a[$(rm x)]`) runs commands.
 */
export function isNumeric(node: Tree | undefined, known: Knowledge): boolean {
  if (node === undefined) return true;
  switch (typeOf(node)) {
    case 'Word': {
      const [only, ...more] = children(node, 'Parts');
      return only !== undefined && more.length === 0 && isNumericPart(only, known);
    }
    case 'BinaryArithm': {
      // What is there before is not looked at.
      const sets = number(node, 'Op') === ASSIGN && nameIn(child(node, 'X')) !== undefined;
      return (sets || isNumeric(child(node, 'X'), known)) && isNumeric(child(node, 'Y'), known);
    }
    case 'UnaryArithm':
    case 'ParenArithm':
      return isNumeric(child(node, 'X'), known);
    default:
      return false;
  }
}

/** The same of one part of a word. */
export function isNumericPart(part: Tree, known: Knowledge): boolean {
  switch (typeOf(part)) {
    case 'Lit': {
      const value = text(part);
      return (
        /^(\d+|0x[\da-f]+)$/i.test(value) || (/^[A-Za-z_]\w*$/.test(value) && known(value)?.number === true)
      );
    }
    case 'ParamExp': {
      const bare = ['Index', 'Slice', 'Repl', 'Exp'].every(
        (field) => part[field] === null || part[field] === undefined,
      );
      if (!bare || flag(part, 'Excl') || flag(part, 'Width')) return false;
      return flag(part, 'Length') || known(text(child(part, 'Param')))?.number === true;
    }
    case 'CmdSubst':
      return givesNumbers(children(part, 'Stmts'));
    default:
      return false;
  }
}

/** Variables that an expression gives a value: `x = 1`, `x += 1`, `x++`. */
export function setIn(node: Tree | undefined): readonly string[] {
  if (node === undefined || typeOf(node) === 'Word') return [];
  const operator = number(node, 'Op');
  const sets =
    typeOf(node) === 'BinaryArithm'
      ? operator === ASSIGN || (operator >= ADDING.first && operator <= ADDING.last)
      : typeOf(node) === 'UnaryArithm' && STEPPING.includes(operator);
  const name = sets ? nameIn(child(node, 'X')) : undefined;
  return [...(name === undefined ? [] : [name]), ...setIn(child(node, 'X')), ...setIn(child(node, 'Y'))];
}

/** `x = 1`, and not a part of something larger that may not come to it; what is calculated may fail (`1 / 0`, `08`). */
export function setsAtOnce(node: Tree | undefined): string | undefined {
  if (node === undefined || typeOf(node) !== 'BinaryArithm' || number(node, 'Op') !== ASSIGN)
    return undefined;
  const value = literalIn(child(node, 'Y'));
  return value !== undefined && /^(0|[1-9]\d{0,17})$/.test(value) ? nameIn(child(node, 'X')) : undefined;
}

/** A name that stands there by itself. */
export function nameIn(word: Tree | undefined): string | undefined {
  const name = literalIn(word);
  return name !== undefined && /^[A-Za-z_]\w*$/.test(name) ? name : undefined;
}

function literalIn(word: Tree | undefined): string | undefined {
  if (word === undefined || typeOf(word) !== 'Word') return undefined;
  const [only, ...more] = children(word, 'Parts');
  return only !== undefined && more.length === 0 && typeOf(only) === 'Lit' ? text(only) : undefined;
}
