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
/** Lines of the second kind that are made up; a longer run: SHELL_READINGS=20000. */
const MEANINGS = Number(process.env.SHELL_READINGS ?? 500);
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

/** Ways to give a variable or a function a meaning, and to use it where a shell may look further. */
const VALUES = [
  "'a[$(probe)]'",
  '-v',
  '5',
  'y',
  "'1 2'",
  '$(ls | wc -l)',
  '$(cat x)',
  '$((1 + 1))',
  '$(seq 1 3)',
  '$(stat -c %s x)',
  '""',
  '$y',
];
const BODIES = [
  'ls',
  'x=V',
  'echo $((x))',
  '[ "$1" "$2" ]',
  '"$@"',
  'unset f',
  'deploy() { ls; }',
  'read x <<< V',
];
const USES: readonly string[] = [
  ...[
    'x=V',
    'y=V',
    'x+=V',
    'export x=V',
    'x=V y=V',
    'REPLY=V',
    'declare -a x=(V V)',
    'declare x=V',
    'unset x',
  ],
  ...[
    'read x <<< V',
    'read <<< V',
    'IFS=V read -r x y <<< V',
    'read -ra x <<< V',
    'printf -v x %s V',
    'mapfile -t x <<< V',
  ],
  ...[
    'echo $((x))',
    'echo $((x = y))',
    'echo $((REPLY + 1))',
    '((x++))',
    '((x = y + 1))',
    '((y > x))',
    'let x=y',
    'let x+=1',
  ],
  ...[
    '[ $x -gt 3 ]',
    '[ "$x" "$y" ]',
    '[ -n x -a "$x" "$y" ]',
    '[ "$x" = "$y" -a -n "$y" ]',
    '[ $(id -u) -eq $x ]',
    '[ * ]',
  ],
  ...[
    '[[ $x -eq 3 ]]',
    '[[ x -lt y ]]',
    '[[ $(nproc) -ge $x ]]',
    `echo \${y:$x}`,
    `echo \${y[$x]}`,
    'y[$x]=1',
    `echo \${x:=V}`,
  ],
  ...[
    'deploy() { B; }',
    'deploy',
    'deploy V',
    'f() { B; }',
    'f',
    'unset deploy',
    'trap - EXIT',
    'shopt -s nullglob lastpipe',
  ],
  ...[
    'if U; then U; else U; fi',
    'for x in V V; do U; break; done',
    'for ((x=0; x<2; x++)); do U; break; done',
    'while U; do U; break; done',
  ],
  ...[
    'case $x in 5) U;; *) U;; esac',
    '(U; U)',
    '{ U; U; }',
    'U && U',
    'U || U',
    'U | U',
    'echo $(U)',
    'U &',
  ],
  ...[
    'uniq $x',
    'env -u $x ls',
    'timeout $x ls',
    'cat < <(U)',
    'ls > >(U)',
    'compgen -c V',
    'env -u ./t* ls',
    'nice -n ./t* ls',
    'timeout ./t? ls',
    'timeout -k ./t? 5 ls',
    'stdbuf -o ./t? ls',
    'find . -name t*',
  ],
  ...[
    'find 1 ./t1 -maxdepth 0 -exec timeout {} +',
    'find ./t? -exec env -u {} +',
    'find ./a ./b -exec uniq {} +',
    'uniq ./[ab]',
  ],
];
const fill = (use: string, choices: readonly number[], depth = 0): string => {
  let at = 0;
  const next = () => choices[(at++ + depth * 7) % choices.length] ?? 0;
  return use.replace(/\b[VUB]\b/g, (mark) => {
    const choice = next();
    if (mark === 'V') return VALUES[choice % VALUES.length] ?? '5';
    if (mark === 'B') return fill(BODIES[choice % BODIES.length] ?? 'ls', choices.slice(1).concat(choice), 3);
    return depth > 2
      ? 'true'
      : fill(USES[choice % USES.length] ?? 'true', choices.slice(1).concat(choice), depth + 1);
  });
};
const meaning = fc
  .array(fc.tuple(fc.constantFrom(...USES), fc.array(fc.nat(1000), { minLength: 12, maxLength: 12 })), {
    minLength: 1,
    maxLength: 3,
  })
  .map((parts) =>
    parts
      .map(([use, choices]) => fill(use, choices))
      .join('; ')
      .replaceAll('&;', '& '),
  );

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
const reads = (text: string, bash = false) =>
  analyzeLine(text, { terminal: false, bash }).actions.every(({ effect }) => effect === 'read');

/** Which of the lines run the command in a shell. */
function running(shell: string, lines: readonly string[]): readonly string[] {
  const told = join(directory, 'told');
  const script = join(directory, 'script');
  rmSync(told, { force: true });
  const calls = lines.map((one, index) => `I=${index}; (eval ${quoted(one)}) </dev/null >/dev/null 2>&1\n`);
  // Programs of the names that lines give to functions of theirs tell as well, as do those that patterns meet.
  for (const name of ['t1', 't2'])
    writeFileSync(join(directory, name), `#!/bin/sh\necho $I >>${quoted(told)}\n`, { mode: 0o755 });
  for (const name of ['1', 'a', 'b', 'x', '-v', 'a[$(probe)]'])
    writeFileSync(join(directory, name), `${name}\n`);
  const probe = `probe() { echo $I >>${quoted(told)}; }\ndeploy() { probe; }\nf() { probe; }\nexport I\n`;
  writeFileSync(script, `${probe}${calls.join('')}`);
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

  test(
    'takes no value, name or pattern for something else than was judged',
    () => {
      const lines = [...new Set(fc.sample(meaning, MEANINGS))]
        .filter((one) => one.length < 400 && reads(one, shell === '/bin/bash'))
        .slice(0, MEANINGS);
      expect(lines.length).toBeGreaterThan(MEANINGS / 15);
      for (let at = 0; at < lines.length; at += BATCH)
        expect(running(shell, lines.slice(at, at + BATCH))).toEqual([]);
      expect(readFileSync(join(directory, 'b'), 'utf8')).toBe('b\n');
    },
    30_000 + MEANINGS * 100,
  );

  test('would tell if it did', () => {
    expect(running(shell, ['env -u ./t? ls', 'deploy'])).toEqual(['env -u ./t? ls', 'deploy']);
    expect(running(shell, ["echo 'a'", 'echo a #\\\nprobe'])).toEqual(['echo a #\\\nprobe']);
  });
});
