import { describe, expect, test } from 'vitest';
import { LoginNeeded, NotReachable } from '../../../src/base/errors.ts';
import { untilReached } from '../../../src/login/until-reached.ts';

const away = () => new NotReachable('gateway_not_reachable', 'the gateway is away', { retryable: true });

/** Fails by each of `failures` in turn, then answers. */
function tried(failures: readonly Error[]) {
  const pauses: number[] = [];
  const told: string[] = [];
  let tries = 0;
  const answer = untilReached(
    async () => {
      const failure = failures[tries++];
      if (failure !== undefined) throw failure;
      return 'there';
    },
    (why) => told.push(why),
    async (milliseconds) => {
      pauses.push(milliseconds);
    },
  );
  return { answer, pauses, told, tries: () => tries };
}

describe('what did not reach the gateway', () => {
  test('is sent again, and its loss told once', async () => {
    const one = tried([away(), away()]);
    expect(await one.answer).toBe('there');
    expect(one.pauses).toEqual([1000, 2000]);
    expect(one.told).toEqual(['the gateway is away']);
  });

  test('is given up after half a minute', async () => {
    const one = tried(Array.from({ length: 9 }, away));
    await expect(one.answer).rejects.toMatchObject({ code: 'gateway_not_reachable' });
    expect(one.tries()).toBe(6);
  });

  test.each([
    ['what the gateway said no to', new LoginNeeded('token_used', 'the token was exchanged before')],
    ['what may have got there', new NotReachable('daemon_gone', 'ended in the middle', { retryable: true })],
    ['a certificate that is not trusted', new NotReachable('gateway_not_trusted', 'another certificate')],
  ])('is not the same as %s, which is not sent again', async (_, failure) => {
    const one = tried([failure]);
    await expect(one.answer).rejects.toBe(failure);
    expect(one.tries()).toBe(1);
  });
});
