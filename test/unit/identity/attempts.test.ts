import { describe, expect, test } from 'vitest';
import {
  type Attempts,
  attemptsFromText,
  attemptsToText,
  beginAttempt,
  NO_ATTEMPTS,
  wrongPassphrase,
} from '../../../src/identity/attempts.ts';

const NOW = 1_000_000;

function wrongs(count: number, from: Attempts = NO_ATTEMPTS, now = NOW): Attempts {
  let attempts = from;
  for (let i = 0; i < count; i++) attempts = beginAttempt(attempts, now);
  return attempts;
}

describe('wrong passphrases', () => {
  test('five in a row lock for a minute', () => {
    expect(() => beginAttempt(wrongs(4), NOW)).not.toThrow();
    const locked = wrongs(5);
    expect(() => beginAttempt(locked, NOW)).toThrow(expect.objectContaining({ code: 'passphrase_locked' }));
    expect(() => beginAttempt(locked, NOW + 59_999)).toThrow();
    expect(() => beginAttempt(locked, NOW + 60_000)).not.toThrow();
  });

  test('after the lock there are five again', () => {
    const again = wrongs(4, wrongs(5), NOW + 60_000);
    expect(() => beginAttempt(again, NOW + 60_000)).not.toThrow();
    expect(() => beginAttempt(beginAttempt(again, NOW + 60_000), NOW + 60_001)).toThrow();
  });

  test('count before the comparison, so that guesses in parallel all count', () => {
    expect(beginAttempt(NO_ATTEMPTS, NOW).wrong).toBe(1);
  });

  test('a clock that was set back does not lock for longer', () => {
    expect(() => beginAttempt(wrongs(5), NOW - 86_400_000)).toThrow(
      expect.objectContaining({ next: 'try again in 1m' }),
    );
  });

  test('tell how many tries are left', () => {
    expect(wrongPassphrase(wrongs(3)).next).toContain('2 more tries');
    expect(wrongPassphrase(wrongs(4)).next).toContain('1 more try,');
    expect(wrongPassphrase(wrongs(5)).next).toContain('locked for a minute');
  });

  test('survive being kept as text', () => {
    for (const attempts of [NO_ATTEMPTS, wrongs(3), wrongs(5)]) {
      expect(attemptsFromText(attemptsToText(attempts))).toEqual(attempts);
    }
    expect(attemptsFromText(undefined)).toEqual(NO_ATTEMPTS);
  });

  test.each(['', '{}', '[-1,null]', '["0",null]', '[0,"x"]', 'null'])(
    'that cannot be read leave one try before the lock: %j',
    (text) => {
      const attempts = beginAttempt(attemptsFromText(text), NOW);
      expect(() => beginAttempt(attempts, NOW)).toThrow(
        expect.objectContaining({ code: 'passphrase_locked' }),
      );
    },
  );
});
