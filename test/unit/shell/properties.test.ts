import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { analyzeLine } from '../../../src/shell/analyze.ts';
import { sedOnlyPrints } from '../../../src/shell/sed.ts';

const facts = (line: string) => analyzeLine(line, { terminal: false }).actions;
const reads = (line: string) => facts(line).every(({ effect }) => effect === 'read');

test('no text makes the analysis throw', () => {
  const piece = fc.constantFrom(
    ...[
      "'",
      '"',
      '`',
      '$(',
      ')',
      `\${`,
      '}',
      '((',
      '))',
      '<<E',
      '\n',
      ';',
      '&',
      '|',
      '>',
      '<',
      '\\',
      'rm',
      'ls',
      ' ',
      '{',
      ',',
      '[',
      '*',
      '~',
      '$',
      '=',
      'E',
      'if',
      'fi',
      'sh -c ',
    ],
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece, { maxLength: 25 }).map((parts) => parts.join('')),
      ),
      (line) => {
        expect(Array.isArray(facts(line))).toBe(true);
      },
    ),
    { numRuns: 800 },
  );
});

test('what writes is found in whatever stands around it', () => {
  const around: readonly ((line: string) => string)[] = [
    (line) => `ls; ${line}`,
    (line) => `${line} && ls`,
    (line) => `ls | ${line}`,
    (line) => `(${line})`,
    (line) => `{ ${line}; }`,
    (line) => `echo $(${line})`,
    (line) => `echo "$(${line})"`,
    (line) => `if ls; then ${line}; fi`,
    (line) => `for x in 1 2; do ${line}; done`,
    (line) => `while ls; do ${line}; done`,
    (line) => `f() { ${line}; }`,
    (line) => `nohup ${line}`,
    (line) => `timeout 5 ${line}`,
    (line) => `${line} &`,
    (line) => `ls\n${line}\nls`,
    (line) => `case x in y) ${line};; esac`,
    (line) => `x=$(${line})`,
    (line) => `cat <(${line})`,
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...around), { maxLength: 4 }), (layers) => {
      const line = layers.reduce((inner, layer) => layer(inner), 'rm x');
      expect(reads(line)).toBe(false);
    }),
    { numRuns: 500 },
  );
});

test('quoting does not hide a name', () => {
  const dressed = fc.array(fc.constantFrom('plain', 'single', 'double', 'backslash', 'empty'), {
    minLength: 2,
    maxLength: 2,
  });
  fc.assert(
    fc.property(dressed, (ways) => {
      const dress = (letter: string, way: string) =>
        ({
          plain: letter,
          single: `'${letter}'`,
          double: `"${letter}"`,
          backslash: `\\${letter}`,
          empty: `''${letter}""`,
        })[way];
      const name = ['r', 'm'].map((letter, index) => dress(letter, ways[index] ?? 'plain')).join('');
      expect(facts(`${name} x`)).toEqual(facts('rm x'));
    }),
  );
});

test('a word that is computed never makes a call look more harmless', () => {
  const programs = [
    'sort',
    'find .',
    'uniq a',
    'date',
    'hostname',
    'systemctl',
    'git',
    'sed',
    'awk',
    'tar',
    'ip addr',
    'sysctl',
    'crontab',
    'sh',
    'env',
    'xargs',
    'sudo',
    'nice',
    'timeout 5',
  ];
  for (const program of programs) {
    for (const word of ['$X', '"$X"', '$(ls)', '*', `\${X:-y}`, '{a,b}', '$@']) {
      const line = `${program} ${word}`;
      expect([line, reads(line)]).toEqual([line, false]);
    }
  }
});

test('a sed script that is taken for one that prints is none that GNU sed keeps in its sandbox', () => {
  const pieces = [
    ...'sewrpdyiactblNq/|;,!{}[]\\1$ \n:=~',
    's/a/b/',
    '/x/',
    '2,3',
    's|[^|]*|b|',
    'y/a/b/',
    ':a',
  ];
  const scripts = fc.sample(
    fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join('')),
    20_000,
  );
  const taken = [...new Set(scripts.filter(sedOnlyPrints))].slice(0, 150);
  expect(taken.length).toBeGreaterThan(100);
  for (const script of taken) {
    const { stderr } = spawnSync('sed', ['--sandbox', '-n', script], { input: '', encoding: 'utf8' });
    expect([script, stderr]).not.toEqual([script, expect.stringContaining('sandbox')]);
  }
});
