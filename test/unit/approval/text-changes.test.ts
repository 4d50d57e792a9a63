import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type TextChange, textChanges } from '../../../src/approval/text-changes.ts';

/** The earlier text, by the later one and what is said to differ. */
function undone(after: string, changes: readonly TextChange[]): string {
  return changes.reduceRight(
    (text, { length, start, was }) => text.slice(0, start) + was + text.slice(start + length),
    after,
  );
}

const word = fc.constantFrom(
  'update',
  't',
  ' ',
  '  ',
  '\n',
  '1',
  '11',
  "'",
  '(',
  ')',
  'é',
  '😀',
  '\ud83d',
  '\u202e',
);
const text = fc.array(word, { maxLength: 60 }).map((words) => words.join(''));

test('whatever two texts are, what differs and nothing else lies in the places that are named', () => {
  fc.assert(
    fc.property(text, text, (before, after) => {
      const changes = textChanges(before, after);
      expect(undone(after, changes)).toBe(before);
      expect(changes.length === 0).toBe(before === after);
      for (const { length, was } of changes) expect(length + was.length).toBeGreaterThan(0);
    }),
  );
});

test('one byte among many is found, and no more than it', () => {
  const ids = Array.from({ length: 200_000 }, (_, i) => i).join(',');
  const before = `UPDATE t SET a = 1 WHERE id IN (${ids}) OR id = 1`;
  const start = before.length - 1;
  expect(textChanges(before, `${before}1`)).toEqual([{ start: start + 1, length: 1, was: '' }]);
  expect(textChanges(before, before.replace('(0,1,', '(0,7,').replace(/1$/, '2'))).toHaveLength(1);
});

test('two changes far apart are two places, not all that lies between', () => {
  const text = (n: number, id: number) => `/* run ${n} */ UPDATE t SET plan = 'pro' WHERE id = ${id}`;
  expect(textChanges(text(17, 1), text(18, 2)).map(({ was }) => was)).toEqual(['7', '1']);
});
