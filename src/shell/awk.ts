/**
 * True when an awk program only reads and prints: nothing in it names what writes, runs or includes (`system`,
 * `getline`, `|`, `@`, …), and `>` compares, which it does outside of `print` alone. What is quoted in the program, and
 * its comments, are read as if they were program.
 */
export function awkOnlyPrints(program: string): boolean {
  if (/[@`]|system|getline|close|fflush|include|load|namespace|ENVIRON|PROCINFO/.test(program)) return false;
  // Or, not a pipe.
  if (program.replaceAll('||', '').includes('|')) return false;
  return everyGreaterCompares(program);
}

/**
 * In `print a > b` the sign opens a file; in parentheses of its own, and in a statement without print, it compares.
 * Where a string or an expression could hide a `print` or a bracket, the answer is false.
 */
function everyGreaterCompares(program: string): boolean {
  if (!program.includes('>')) return true;
  // A sign inside of these could look like one outside.
  if (/[\\#']/.test(program) || /\/[^/]*[;{}()"\n][^/]*\//.test(program)) return false;
  const plain = program.replace(/"[^"\n]*"/g, '""');
  if (plain.replaceAll('""', '').includes('"')) return false;
  // Statements end here; behind a closing parenthesis of `if` or `for` another one may begin, which counts as the same.
  return plain.split(/[;{}]/).every((statement) => {
    const print = /\bprintf?\b/.exec(statement);
    return print === null || !outermost(statement.slice(print.index)).includes('>');
  });
}

/** What stands in no parentheses. */
function outermost(text: string): string {
  let depth = 0;
  let kept = '';
  for (const character of text) {
    if (character === '(') depth++;
    else if (character === ')') depth--;
    else if (depth <= 0) kept += character;
  }
  return depth === 0 ? kept : `${kept}>`;
}
