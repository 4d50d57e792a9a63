import { isNumeric, type Knowledge } from './arithmetic.ts';
import { child, children, number, type Tree, text, typeOf } from './grammar.ts';

/** Operators in the grammar's numbering: `=`, `==`, `!=`, `=~`, `-nt`, `-ot`, `-ef`. */
const COMPARING = [74, 40, 41, 112, 113, 114, 115];
/** `-eq`, `-ne`, `-le`, `-ge`, `-lt`, `-gt`: what stands beside them is taken as an expression. */
const CALCULATING = [116, 117, 118, 119, 120, 121];
const AND = 10;
const OR = 11;
/** `-v` and `-R` look up an index, which can run code. */
const LOOKING_UP = [110, 111];

/** Words of a `[[ … ]]` that are to be read; undefined where it may mean something else than a test. */
export function testWords(node: Tree | undefined, known: Knowledge): readonly Tree[] | undefined {
  const words: Tree[] = [];
  return node !== undefined && isTest(node, words, known) ? words : undefined;
}

/**
 * In a shell without `[[` it is the name of a command that does not exist, and `&&`, `||`, `<` and `|` end it: what
 * stands behind them would run. So a test by `&&` and `||` goes on with an operator (`-f`), and nothing else does.
 */
function isTest(node: Tree, words: Tree[], known: Knowledge): boolean {
  const x = child(node, 'X');
  const y = child(node, 'Y');
  switch (typeOf(node)) {
    case 'Word':
      words.push(node);
      return isHarmless(node);
    case 'UnaryTest':
      return x !== undefined && !LOOKING_UP.includes(number(node, 'Op')) && isTest(x, words, known);
    case 'BinaryTest': {
      if (x === undefined || y === undefined) return false;
      const operator = number(node, 'Op');
      if (operator === AND || operator === OR) {
        return beginsWithOperator(y) && isTest(x, words, known) && isTest(y, words, known);
      }
      const numeric = isNumeric(x, known) && isNumeric(y, known);
      if (!COMPARING.includes(operator) && !(CALCULATING.includes(operator) && numeric)) return false;
      return isTest(x, words, known) && isTest(y, words, known);
    }
    default:
      return false;
  }
}

function beginsWithOperator(node: Tree): boolean {
  const x = child(node, 'X');
  if (typeOf(node) === 'UnaryTest') return true;
  const operator = typeOf(node) === 'BinaryTest' ? number(node, 'Op') : -1;
  return (operator === AND || operator === OR) && x !== undefined && beginsWithOperator(x);
}

/** Nothing bare in it that another shell would take for an operator. */
function isHarmless(word: Tree): boolean {
  return children(word, 'Parts').every((part) => typeOf(part) !== 'Lit' || !/[|&;<>()\n]/.test(text(part)));
}
