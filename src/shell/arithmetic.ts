import { child, children, flag, type Tree, text, typeOf } from './grammar.ts';
import type { Known } from './known-values.ts';

/** What is known of a variable at this place. */
export type Knowledge = (name: string) => Known | undefined;

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
    case 'BinaryArithm':
      return isNumeric(child(node, 'X'), known) && isNumeric(child(node, 'Y'), known);
    case 'UnaryArithm':
    case 'ParenArithm':
      return isNumeric(child(node, 'X'), known);
    default:
      return false;
  }
}

function isNumericPart(part: Tree, known: Knowledge): boolean {
  if (typeOf(part) === 'Lit') {
    const value = text(part);
    return /^\d+$/.test(value) || (/^[A-Za-z_]\w*$/.test(value) && known(value)?.number === true);
  }
  if (typeOf(part) !== 'ParamExp') return false;
  const bare = ['Index', 'Slice', 'Repl', 'Exp'].every(
    (field) => part[field] === null || part[field] === undefined,
  );
  if (!bare || flag(part, 'Excl') || flag(part, 'Width')) return false;
  return flag(part, 'Length') || known(text(child(part, 'Param')))?.number === true;
}
