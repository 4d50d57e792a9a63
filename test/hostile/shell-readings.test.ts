import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { analyzeLine } from '../../src/shell/analyze.ts';

/**
 * What the grammar takes for quoted text, a comment or a here-document must not run in a real shell: lines with a
 * command in such places that are judged to read are given to Bash and dash, where that command tells when it runs.
 */

const directory = mkdtempSync(join(tmpdir(), 'readings-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Lines that are given to one shell at once. */
const BATCH = 400;
const PIECES = [
  ...[
    'probe',
    '\nprobe\n',
    '\n',
    '\\',
    '\\\n',
    "'",
    '"',
    '`',
    '#',
    ' #',
    '}',
    ')',
    '(',
    'E',
    '\nE\n',
    '$',
    ';',
    '|',
  ],
  ...[
    '&',
    ' ',
    'a',
    '$(',
    '${',
    '\\\\',
    '\\"',
    "\\'",
    '!',
    '*',
    '\t',
    '{',
    '<',
    '<<',
    '=',
    '$x',
    '\\`',
    '[',
    ']',
    ';;',
  ],
];
const PLACES: readonly (readonly [before: string, after: string])[] = [
  ["echo '", "'"],
  ['echo "', '"'],
  ['echo a #', ''],
  ['echo a', ''],
  ['#', ''],
  ['cat <<E\n', '\nE\n'],
  ["cat <<'E'\n", '\nE\n'],
  ['cat <<-E\n', '\n\tE\n'],
  ['cat <<E | cat\n', '\nE'],
  ['echo $(cat <<E\n', '\nE\n)'],
  ['cat <<E\n$(echo ', ')\nE'],
  ['cat <<E\n${x:-', '}\nE'],
  ['echo ${x:-', '}'],
  ['echo "${x:-', '}"'],
  ['echo ${x#', '}'],
  ['echo ${x/', '/b}'],
  ['case a in ', ') echo;; esac'],
  ['echo `echo ', '`'],
  ["echo $'", "'"],
  ['echo $"', '"'],
  ['echo $(echo ', ')'],
  ['x=', ''],
  ['x=(', ')'],
  ['[ a = ', ' ]'],
  ['[[ a == ', ' ]]'],
  ['[[ a =~ ', ' ]]'],
  ['[[ -n a && -n ', ' ]]'],
  ['for i in ', '; do echo; done'],
  ['for ((i=0; i<1; i++)); do echo ', '; done'],
  ['echo $((1 + ', '))'],
  ['f() { echo ', '; }'],
];

const line = fc
  .array(
    fc
      .tuple(fc.constantFrom(...PLACES), fc.array(fc.constantFrom(...PIECES), { maxLength: 6 }))
      .map(([[before, after], pieces]) => before + pieces.join('') + after),
    { minLength: 1, maxLength: 2 },
  )
  .map((parts) => parts.join('\n'));

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
const reads = (text: string) =>
  analyzeLine(text, { terminal: false }).actions.every(({ effect }) => effect === 'read');

/** Which of the lines run the command in a shell. */
function running(shell: string, lines: readonly string[]): readonly string[] {
  const told = join(directory, 'told');
  const script = join(directory, 'script');
  rmSync(told, { force: true });
  const calls = lines.map((one, index) => `I=${index}; (eval ${quoted(one)}) </dev/null >/dev/null 2>&1\n`);
  writeFileSync(script, `probe() { echo $I >>${quoted(told)}; }\n${calls.join('')}`);
  spawnSync(shell, [script], { cwd: directory, stdio: 'ignore', timeout: 20_000 });
  const found = existsSync(told) ? readFileSync(told, 'utf8').split('\n') : [];
  return [...new Set(found)].filter((one) => one !== '').map((one) => lines[Number(one)] ?? one);
}

describe.each(['/bin/bash', '/bin/dash'].filter((shell) => existsSync(shell)))('%s', (shell) => {
  test('runs nothing of a line that was not judged', () => {
    const lines = fc
      .sample(line, 8000)
      .filter((one) => one.includes('probe') && reads(one))
      .slice(0, BATCH);
    expect(lines.length).toBeGreaterThan(50);
    expect(running(shell, lines)).toEqual([]);
  }, 30_000);

  test('would tell if it did', () => {
    expect(running(shell, ["echo 'a'", 'echo a #\\\nprobe'])).toEqual(['echo a #\\\nprobe']);
  });
});
