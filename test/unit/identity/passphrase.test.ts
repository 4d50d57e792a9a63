import { describe, expect, test } from 'vitest';
import { hashPassphrase, verifyPassphrase } from '../../../src/identity/passphrase.ts';

describe('a passphrase', () => {
  test('is stored as scrypt with N=2^17, r=8, p=1 and a salt of its own', async () => {
    const stored = await hashPassphrase('correct horse');
    expect(stored).toMatch(/^scrypt\$17\$8\$1\$[A-Za-z0-9_-]{22}\$[A-Za-z0-9_-]{43}$/);
    expect(stored).not.toContain('correct horse');
    expect(await hashPassphrase('correct horse')).not.toBe(stored);
  });

  test('matches itself, also when its accents were typed apart, and nothing else', async () => {
    const stored = await hashPassphrase('caf\u00e9 au lait');
    expect(await verifyPassphrase('cafe\u0301 au lait', stored)).toBe(true);
    expect(await verifyPassphrase('cafe au lait', stored)).toBe(false);
    expect(await verifyPassphrase('', stored)).toBe(false);
  });

  test.each(['', 'plain', 'scrypt$1$8$1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'])(
    'is never matched by a stored form that is damaged or cheaper: %j',
    async (stored) => {
      await expect(verifyPassphrase('x', stored)).rejects.toMatchObject({ code: 'passphrase_unreadable' });
    },
  );

  test('is compared off the main thread', async () => {
    const stored = await hashPassphrase('x');
    let turns = 0;
    const turning = setInterval(() => (turns += 1), 5);
    await verifyPassphrase('x', stored);
    clearInterval(turning);
    expect(turns).toBeGreaterThan(2);
  });
});
