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

test('a sed script that runs or writes is never taken for one that prints', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'sewrpd/|;,!{}[]\\1$ \nag'.split('')), maxLength: 20 }),
      (script) => {
        if (!sedOnlyPrints(script)) return;
        // A command letter that writes or runs can only stand inside of a pattern or a text.
        const bare = script
          .replace(/s(.)(?:\\.|(?!\1)[^\\])*\1(?:\\.|(?!\1)[^\\])*\1/g, 'S')
          .replace(/\/(?:\\.|[^\\/])*\//g, '');
        expect(bare).not.toMatch(/[wera{}]/);
      },
    ),
    { numRuns: 3000 },
  );
});
