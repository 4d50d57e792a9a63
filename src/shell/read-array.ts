import { isNumeric } from './arithmetic.ts';
import { child, children, type Tree } from './grammar.ts';
import { readArithmetic, readWord, type WordHost } from './read-word.ts';

/** Reads the elements of `a=(x [1]=y)`. */
export function readArray(array: Tree, host: WordHost): void {
  for (const element of children(array, 'Elems')) {
    const value = child(element, 'Value');
    if (value !== undefined) readWord(value, host);
    const index = child(element, 'Index');
    if (index === undefined || isNumeric(index, host.known)) continue;
    host.problem('an array index can run what a variable holds');
    readArithmetic(index, host);
  }
}
