import { describe, expect, test } from 'vitest';
import { ApproverPresence } from '../../../src/session/approver-presence.ts';
import type { SettingRows } from '../../../src/store/store.ts';
import { ManualClock } from './manual-clock.ts';

function settingsInMemory(): SettingRows {
  const values = new Map<string, string>();
  return {
    get: async (name) => values.get(name),
    set: async (name, value) => void values.set(name, value),
    remove: async (name) => void values.delete(name),
  };
}

const wrong = { code: 'wrong_passphrase' };
const locked = { code: 'passphrase_locked' };

describe('the approver passphrase', () => {
  test('locks for a minute after five wrong ones, and a restart does not unlock', async () => {
    const clock = new ManualClock();
    const settings = settingsInMemory();
    const first = new ApproverPresence(settings, () => clock.now());
    await first.set('the right one');
    for (let i = 0; i < 5; i++) await expect(first.prove('no')).rejects.toMatchObject(wrong);
    const restarted = new ApproverPresence(settings, () => clock.now());
    await expect(restarted.prove('the right one')).rejects.toMatchObject(locked);
    clock.advance(60_000);
    await restarted.prove('the right one');
  });

  test('counts guesses that are made at the same time', async () => {
    const clock = new ManualClock();
    const presence = new ApproverPresence(settingsInMemory(), () => clock.now());
    await presence.set('the right one');
    const guesses = await Promise.allSettled(Array.from({ length: 6 }, () => presence.prove('no')));
    expect(guesses.map((guess) => guess.status === 'rejected' && guess.reason.code)).toEqual([
      ...Array(5).fill('wrong_passphrase'),
      'passphrase_locked',
    ]);
  });

  test('is forgiven by a right one in between', async () => {
    const presence = new ApproverPresence(settingsInMemory(), () => 0);
    await presence.set('the right one');
    for (let i = 0; i < 4; i++) await expect(presence.prove('no')).rejects.toMatchObject(wrong);
    await presence.prove('the right one');
    await expect(presence.prove('no')).rejects.toMatchObject(wrong);
    await presence.prove('the right one');
  });

  test('that was never set approves nothing', async () => {
    const presence = new ApproverPresence(settingsInMemory(), () => 0);
    await expect(presence.prove('')).rejects.toMatchObject({ code: 'no_passphrase' });
  });
});
