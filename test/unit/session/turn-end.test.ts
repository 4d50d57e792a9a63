import { expect, test } from 'vitest';
import { TurnEnd } from '../../../src/session/turn-end.ts';

function world(commit: () => void = () => {}) {
  const done: string[] = [];
  let ends: (() => void)[] = [];
  const turnEnd = new TurnEnd(
    () => {
      done.push('commit');
      commit();
    },
    (end) => ends.push(end),
  );
  return {
    done,
    add: (name: string) =>
      turnEnd.add({
        prepare: () => done.push(`prepare ${name}`),
        send: (failure) => done.push(failure === undefined ? `send ${name}` : `fail ${name}`),
      }),
    end() {
      const due = ends;
      ends = [];
      for (const one of due) one();
      return due.length;
    },
  };
}

test('one write serves all that a turn let through, before any of it goes', () => {
  const one = world();
  one.add('a');
  one.add('b');
  expect(one.done).toEqual([]);
  expect(one.end()).toBe(1);
  expect(one.done).toEqual(['prepare a', 'prepare b', 'commit', 'send a', 'send b']);
});

test('nothing goes when the write failed', () => {
  const one = world(() => {
    throw new Error('no space');
  });
  one.add('a');
  one.add('b');
  one.end();
  expect(one.done).toEqual(['prepare a', 'prepare b', 'commit', 'fail a', 'fail b']);
});

test('a new turn begins anew', () => {
  const one = world();
  one.add('a');
  one.end();
  expect(one.end()).toBe(0);
  one.add('a');
  expect(one.end()).toBe(1);
  expect(one.done.filter((what) => what === 'send a')).toHaveLength(2);
});
