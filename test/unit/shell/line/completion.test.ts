import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { analyzeLine } from '../../../../src/shell/analyze.ts';
import { completionOf, unfinishedName } from '../../../../src/shell/line/completion.ts';

test.each([
  ['cat /var/lo', 'ls -1Ap -- /var/', 'lo'],
  ['cat fi', 'ls -1Ap', 'fi'],
  ['cat ', 'ls -1Ap', ''],
  ['cat a\\ dir/fi', "ls -1Ap -- 'a dir/'", 'fi'],
  ['ls; cat ~/x', 'ls -1Ap -- ~/.', 'x'],
  ['cat ~/a/x', 'ls -1Ap -- ~/a/', 'x'],
  ['./scri', 'ls -1Ap -- ./', 'scri'],
  ['dd if=/e', 'ls -1Ap -- /', 'e'],
  ['cat < x', 'ls -1Ap', 'x'],
  ['cat -- -x/y', 'ls -1Ap -- -x/', 'y'],
])('behind %j %j lists what %j begins', (before, listing, beginning) => {
  expect(unfinishedName(before)).toEqual({ listing, beginning });
});

test.each([
  'ca',
  'ls; ca',
  "cat 'a",
  'cat "a',
  'cat $X',
  'cat $(ls',
  'cat `ls',
  'cat ~root/x',
  'cat a*',
  'cat {a',
])('behind %j nothing is listed', (before) => expect(unfinishedName(before)).toBeUndefined());

test('what is listed only lists, whatever was typed', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab/ ~\\\'"$(`;&|<-\n{*') }), (typed) => {
      const found = unfinishedName(`cat ${typed}`);
      if (found === undefined) return;
      const actions = analyzeLine(found.listing, { terminal: false }).actions;
      expect(actions.map(({ effect, command }) => [effect, command.split(' ')[0]])).toEqual([['read', 'ls']]);
    }),
  );
});

test('one name is completed, several as far as they agree, and shown when they do no more', () => {
  const names = ['alpha/', 'alpine', 'beta', '.hidden', 'al\x1b[31m'];
  expect(completionOf('b', names)).toEqual({ text: 'eta ', choices: [] });
  expect(completionOf('a', names)).toEqual({ text: 'lp', choices: [] });
  expect(completionOf('alp', names)).toEqual({ text: '', choices: ['alpha/', 'alpine'] });
  expect(completionOf('alph', names)).toEqual({ text: 'a/', choices: [] });
  expect(completionOf('.h', names)).toEqual({ text: 'idden ', choices: [] });
  expect(completionOf('', names).choices).toEqual(['alpha/', 'alpine', 'beta']);
  expect(completionOf('x', names)).toEqual({ text: '', choices: [] });
});

test('a name that is written at the cursor stays that name in a shell', () => {
  const names = fc.sample(fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 12 }), 40);
  const plain = names.filter((name) => !/[/\x7f]|^[.-]/.test(name));
  const words = plain.map((name) => completionOf('', [name]).text);
  const { stdout } = spawnSync('sh', ['-c', `printf '%s\\n' ${words.join(' ')}`], { encoding: 'utf8' });
  expect(stdout.split('\n').slice(0, -1)).toEqual(plain);
});
