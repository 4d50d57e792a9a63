import { rowsOf, type Tree } from './grammar.ts';

/** What may fail on any row: a value that must not change, or a process that there may not be. */
const ANYWHERE = /\b(readonly|ulimit)\b/;
const DECLARES = /\b(declare|typeset|local)\b/;
const FIXES = /\s-\w*r/;
const CALCULATES = /\(\(|\$\[|\blet\b/;
/** Nothing to divide by, or a sign where none may be; what is put there may be nothing. */
const FAILS = /[/%]|\*\*|<<|>>|\$(?!\(\()/;
/** A digit that there is not in base 8, or several numbers: what programs print may be either. */
const NO_NUMBER = /\b0\d|\$\((?!\()|`/;
/** `${x:1:-9}`; not `${x:-1}` and its kin. */
const SLICES = /\$[^}$]*:[^-+=?}]|\]:[^-+=?}]/;

/** Statements that a shell reads together, before it runs the first of them. */
interface Together {
  readonly statements: readonly Tree[];
  /**
   * Bash may stop in the middle of them and go on with the next: an expansion that fails does not end the script, and
   * what stands behind it on its rows does not run.
   */
  readonly givenUp: boolean;
}

/** Parts statements by the rows of the text that they stand on. */
export function readAtOnce(whole: string, list: readonly Tree[]): readonly Together[] {
  const groups: { statements: Tree[]; from: number; to: number }[] = [];
  for (const one of list) {
    const { first, last } = rowsOf(one);
    const group = groups.at(-1);
    if (group === undefined || first > group.to) groups.push({ statements: [one], from: first, to: last });
    else {
      group.statements.push(one);
      group.to = Math.max(group.to, last);
    }
  }
  const rows = whole.split('\n');
  const anywhere = ANYWHERE.test(whole) || (DECLARES.test(whole) && FIXES.test(whole));
  const noNumber = NO_NUMBER.test(whole);
  return groups.map(({ from, statements }, index) => {
    // With the here-documents behind them.
    const text = rows.slice(from - 1, (groups[index + 1]?.from ?? rows.length + 1) - 1).join('\n');
    return { statements, givenUp: anywhere || mayBeGivenUp(text, noNumber) };
  });
}

function mayBeGivenUp(rows: string, noNumber: boolean): boolean {
  if (SLICES.test(rows)) return true;
  // A row that goes on may hide any of the words.
  const goesOn = rows.includes('\\\n');
  return (CALCULATES.test(rows) || goesOn) && (FAILS.test(rows) || noNumber || goesOn);
}
