import { expect, test } from 'vitest';
import { KeptByCatalog } from '../../../src/sql/kept-by-catalog.ts';
import { effectivePath, TextState } from '../../../src/sql/text-state.ts';
import { session, shop } from './sample.ts';

test('facts are kept of each catalog apart, and no more of one than it was made for', () => {
  const kept = new KeptByCatalog<number>(3);
  const [one, other] = [{ ...shop }, { ...shop }];
  kept.set(other, 'a', 7);
  for (const [i, key] of ['a', 'b', 'c', 'd'].entries()) kept.set(one, key, i);
  expect(['a', 'b', 'c', 'd'].map((key) => kept.get(one, key))).toEqual([undefined, undefined, undefined, 3]);
  expect(kept.get(other, 'a')).toBe(7);
});

test('a search path that names a schema many times is the path that names it once', () => {
  const path = (names: readonly string[]) => effectivePath(names, new TextState(session()), shop);
  const many = Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? 'public' : 'pg_temp'));
  expect(path(many)).toEqual(path(['public', 'pg_temp']));
  expect(path(many)).toHaveLength(3);
});
