import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isUnfinished } from '../../../../src/shell/grammar.ts';
import {
  assignmentsText,
  type CarriedVariables,
  carriedAfter,
  type LineSetting,
  lineScript,
} from '../../../../src/shell/line/line-script.ts';
import { ReportFilter } from '../../../../src/shell/line/report-filter.ts';

const NONE: CarriedVariables = new Map();
const HOME: LineSetting = { directory: undefined, variables: NONE, status: 0 };
let root: string;
beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'line-script-')));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** What the script of a line prints and reports, by a real shell. */
function run(line: string, setting: LineSetting = HOME, shell = 'bash') {
  const { status, stdout, stderr } = spawnSync(shell, ['-c', lineScript(line, setting, 'n0nce')], {
    cwd: root,
  });
  const filter = new ReportFilter('n0nce');
  const shown = filter.push(stdout).toString() + filter.end().toString();
  return { code: status, shown, stderr: stderr.toString(), directory: filter.reported };
}

describe.each(['bash', 'dash'])('the script of a line, run by %s', (shell) => {
  test('runs the line in its directory with its variables and reports where it ended', () => {
    const directory = join(root, "it's a $(dir)");
    mkdirSync(join(directory, 'in'), { recursive: true });
    const variables = new Map([['a', { value: "x 'y' $z", exported: false }]]);
    expect(
      run('printf "%s|" "$?" "$PWD" "$a"; cd in; exit 7', { directory, variables, status: 42 }, shell),
    ).toEqual({
      code: 7,
      shown: `42|${directory}|x 'y' $z|`,
      stderr: '',
      directory: join(directory, 'in'),
    });
  });

  test('does not run the line where its directory is gone', () => {
    const setting = { directory: join(root, 'gone'), variables: NONE, status: 0 };
    expect(run('echo ran', setting, shell)).toMatchObject({ code: 1, shown: '', directory: '' });
  });

  test.each(['echo "', "echo 'x", '}', ')', 'echo x; }; {', 'cat <<E', 'fi', 'echo \\', '# x'])(
    'gives the line %j no way into what stands before it',
    (line) => {
      const { shown } = run(line, { directory: root, variables: NONE, status: 0 }, shell);
      expect(shown).not.toContain('n0nce');
      expect(shown).not.toContain('PAGER');
    },
  );
});

test('variables that a line sets by themselves are carried, values as they are', () => {
  const after = carriedAfter("a=1 b='x y'", NONE);
  expect([...after]).toEqual([
    ['a', { value: '1', exported: false }],
    ['b', { value: 'x y', exported: false }],
  ]);
  expect([...carriedAfter('export a', after)][0]).toEqual(['a', { value: '1', exported: true }]);
  expect([...carriedAfter('unset a; b=', after)]).toEqual([['b', { value: '', exported: false }]]);
  expect(assignmentsText(carriedAfter("export c='it'\\''s'", NONE))).toBe("export c='it'\\''s'\n");
});

test.each([
  'a=$(id)',
  'a=$b',
  'a=1 ls',
  'a=1 && b=2',
  '(a=1)',
  'a=1 &',
  'a=1 > x',
  'if true; then a=1; fi',
  'f() { a=1; }',
  'a=(1 2)',
  'a[1]=2',
  'unset -f ls',
  'alias ls=rm',
  `a=${'x'.repeat(20_000)}`,
])('what %j sets ends with it', (line) => {
  expect(carriedAfter(line, NONE)).toBe(NONE);
});

test('a value of any text is carried as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (value) => {
      fc.pre(!value.includes('\0'));
      const text = assignmentsText(new Map([['a', { value, exported: false }]]));
      const back = carriedAfter(text, NONE).get('a')?.value;
      expect(back).toBe(value);
    }),
  );
  const odd = 'a\n\'"\\$(id)`id`!!#*';
  const text = assignmentsText(new Map([['a', { value: odd, exported: false }]]));
  expect(execFileSync('bash', ['-c', `${text}printf %s "$a"`]).toString()).toBe(odd);
});

test.each(['ls \\', 'ls "a', 'ls $(x', 'if x; then', 'ls &&', 'cat <<E\nx', 'f() {', "'", '{ ls'])(
  '%j is unfinished',
  (text) => expect(isUnfinished(text)).toBe(true),
);
test.each(['ls', 'ls )', 'ls # \\', 'cat <<E\nx\nE', 'fi', 'ls \\\\', ''])('%j is not unfinished', (text) =>
  expect(isUnfinished(text)).toBe(false),
);

describe('the filter of reports', () => {
  const report = '\x1b]7;n0nce;/srv/app\x07';

  test('takes the report out wherever the output is cut, and leaves all else as it is', () => {
    const piece = fc.constantFrom(
      'text\r\n',
      '\x1b',
      '\x1b]7;',
      '\x1b]7;other;/x\x07',
      '\x07',

      '\x1b[31m',
    );
    fc.assert(
      fc.property(fc.array(piece), fc.array(piece), fc.array(fc.nat(80)), (before, behind, cuts) => {
        const filter = new ReportFilter('n0nce');
        const all = Buffer.from(before.join('') + report + behind.join(''));
        const places = [0, ...cuts.map((cut) => Math.min(cut, all.length)).sort((a, b) => a - b), all.length];
        const shown = places.slice(1).map((end, index) => filter.push(all.subarray(places[index], end)));
        shown.push(filter.end());
        expect(Buffer.concat(shown).toString()).toBe(before.join('') + behind.join(''));
        expect(filter.reported).toBe('/srv/app');
      }),
    );
  });

  test.each(['relative', '/a\nb', '/a\x1b[31m', '/\u202ex', `/${'x'.repeat(5000)}`])(
    'does not believe %j',
    (path) => {
      const filter = new ReportFilter('n0nce');
      filter.push(Buffer.from(`\x1b]7;n0nce;${path}\x07`));
      expect(filter.reported).toBe(undefined);
    },
  );

  test('keeps little of a report that does not end', () => {
    const filter = new ReportFilter('n0nce');
    const shown = filter.push(Buffer.from(`\x1b]7;n0nce;${'x'.repeat(1_000_000)}`));
    expect(shown.length).toBe(1_000_010);
  });
});
