import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { inTime } from '../../../src/secret/keychain.ts';

it('leaves no timer and no rejection behind when the keychain throws at once', async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', note);
  const before = process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length;
  await expect(
    inTime(() => {
      throw new Error('no Secret Service');
    }, 60_000),
  ).rejects.toThrow('no Secret Service');
  await turn();
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
  expect(process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length).toBe(before);
});

it('gives up on a keychain that does not answer', async () => {
  await expect(inTime(() => new Promise(() => {}), 5)).rejects.toThrow('does not answer');
});
