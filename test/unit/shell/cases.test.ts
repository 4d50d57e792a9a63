import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { analyzeLine } from '../../../src/shell/analyze.ts';
import { lineScript } from '../../../src/shell/line/line-script.ts';

function cases(name: string): readonly string[] {
  const lines = readFileSync(new URL(`cases/${name}`, import.meta.url), 'utf8').split('\n');
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.replaceAll('␤', '\n'));
}

const effects = (line: string, keyless = false) => [
  ...new Set(analyzeLine(line, { terminal: false, keyless }).actions.map(({ effect }) => effect)),
];

/** Under one test each, since there are thousands; what fails is named. */
const onlyReads = (line: string) => effects(line).every((effect) => effect === 'read');

test('what engineers and agents type to look around only reads', () => {
  const lines = cases('reads.txt');
  expect(lines.length).toBeGreaterThan(1400);
  expect(lines.filter((line) => !onlyReads(line))).toEqual([]);
}, 60_000);

test('what does more than look is not taken for reading', () => {
  const lines = cases('does-more.txt');
  expect(lines.length).toBeGreaterThan(1600);
  expect(lines.filter(onlyReads)).toEqual([]);
}, 60_000);

test('double parentheses calculate where Bash reads the line, and may run something elsewhere', () => {
  const judged = (line: string, bash: boolean) =>
    analyzeLine(line, { terminal: false, bash }).actions.every(({ effect }) => effect === 'read');
  const lines = [
    'i=0; while ((i < 3)); do uptime; ((i++)); done',
    'if (( $(nproc) > 2 )); then echo many; fi',
    '((x = 5)); echo $((x * 2))',
    'n=$(ls | wc -l); (( n > 10 )) && echo many',
  ];
  for (const line of lines)
    expect([line, judged(line, true), judged(line, false)]).toEqual([line, true, false]);
  for (const line of [
    '((x))',
    '((a[0]))',
    'x=$(cat f); ((x > 1))',
    '((PATH = 1))',
    "bash -c '((x))'",
    "sh -c '((1))'",
  ])
    expect([line, judged(line, true)]).toEqual([line, false]);
});

describe('a value that the line gives to a variable', () => {
  test.each([
    'i=0; while [ $i -lt 3 ]; do uptime; i=$((i+1)); done',
    'for ((i=0; i<3; i++)); do echo $((i * 2)); done',
    'DIR=/var/log; find "$DIR" -name "*.log"',
    'cd /srv && DIR=/var/log && find "$DIR" -type f',
    'for f in /var/log/*.log; do sort "$f"; done',
    'f=/etc/hosts; wc -l < "$f"',
    'n=5; sort -k $n x',
    'pid=$!; wait $pid',
  ])('%s reads', (line) => expect(effects(line)).toEqual(['read']));
  test.each([
    "i='a[$(rm x)]'; echo $((i))",
    'false && i=0; echo $((i + 1))',
    'i=0; read -r i < x; echo $((i))',
    'i=0; i=$(cat x); echo $((i))',
    'if ls; then DIR=/x; fi; find "$DIR"',
    'DIR=/x; f() { DIR=-delete; }; f; find "$DIR"',
    'DIR=/x | cat; find "$DIR"',
    'for f in *; do find "$f"; done',
    'for f in /x*; do sort $f; done',
  ])('%s may do more', (line) => expect(effects(line)).toContain('unknown'));
});

test('a program that ends by a key alone does not begin where it would get none', () => {
  expect(effects('less /etc/passwd')).toEqual(['read']);
  expect(effects('less /etc/passwd', true)).toEqual(['unknown']);
  expect(effects('cat /etc/passwd', true)).toEqual(['read']);
});

test('a line that adds to a variable is run by a shell that knows what it was', () => {
  const setting = {
    directory: undefined,
    variables: new Map([['a', { value: '1', exported: false }]]),
    status: 0,
  };
  expect(lineScript('a+=2', setting, 'nonce')).toContain('a=1\n');
});
