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

describe('what engineers and agents type to look around', () => {
  test.each(cases('reads.txt'))('%s only reads', (line) => {
    expect(effects(line).filter((effect) => effect !== 'read')).toEqual([]);
  });
});

describe('what does more than look', () => {
  test.each(cases('does-more.txt'))('%s is not taken for reading', (line) => {
    expect(effects(line).filter((effect) => effect !== 'read')).not.toEqual([]);
  });
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
