import { describe, expect, test } from 'vitest';
import { authenticate, hashToken, newToken } from '../../../src/identity/token.ts';
import type { IdentityRow } from '../../../src/store/store.ts';

const NOW = Date.parse('2026-05-01T10:00:00.000Z');
const TOKEN = newToken();
const ROW: IdentityRow = {
  id: 'id-1',
  name: 'devin',
  kind: 'machine',
  roles: ['requester'],
  groups: [],
  tokenHash: hashToken(TOKEN),
  createdAt: '2026-04-01T10:00:00.000Z',
  expiresAt: undefined,
  revokedAt: undefined,
};

function code(token: string | undefined, change: Partial<IdentityRow> = {}): Promise<string> {
  const row = { ...ROW, ...change };
  const rows = { byTokenHash: async (hash: string) => (hash === ROW.tokenHash ? row : undefined) };
  return authenticate(token, rows, NOW).then(
    (found) => `is ${found.name}`,
    (error: { kind: string; code: string; why?: string }) =>
      `${error.kind} ${error.code} ${error.why ?? ''}`.trim(),
  );
}

describe('a token', () => {
  test('has 256 random bits, its prefix and a checksum', () => {
    expect(TOKEN).toMatch(/^hpt_[A-Za-z0-9_-]{49}$/);
    expect(newToken()).not.toBe(TOKEN);
  });

  test('is found by its hash alone', async () => {
    expect(await code(TOKEN)).toBe('is devin');
    expect(hashToken('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  test('that is missing says so', async () => {
    expect(await code(undefined)).toBe('login-needed token_missing');
    expect(await code('')).toBe('login-needed token_missing');
  });

  test('that nobody has is wrong', async () => {
    expect(await code(newToken())).toBe('login-needed token_wrong');
  });

  test('with a typo is told apart from one that nobody has', async () => {
    const swapped = TOKEN.replace(/^hpt_(.)/, (_, first: string) => `hpt_${first === 'A' ? 'B' : 'A'}`);
    expect(await code(swapped)).toContain('token_wrong its checksum is off');
    expect(await code('password')).toContain('token_wrong a token begins with hpt_');
    expect(await code(TOKEN.slice(0, -1))).toContain('53 characters');
  });

  test('that was revoked or has expired says so, from the very millisecond', async () => {
    expect(await code(TOKEN, { revokedAt: '2026-04-30T00:00:00.000Z' })).toBe('login-needed token_revoked');
    expect(await code(TOKEN, { expiresAt: '2026-05-01T10:00:00.000Z' })).toBe('login-needed token_expired');
    expect(await code(TOKEN, { expiresAt: '2026-05-01T10:00:00.001Z' })).toBe('is devin');
  });

  test('with an unreadable expiry has expired', async () => {
    expect(await code(TOKEN, { expiresAt: 'never' })).toBe('login-needed token_expired');
  });

  test('whose row has another hash is wrong, whatever the look-up gave', async () => {
    const rows = { byTokenHash: async () => ({ ...ROW, tokenHash: hashToken('other') }) };
    await expect(authenticate(TOKEN, rows, NOW)).rejects.toMatchObject({ code: 'token_wrong' });
  });

  test('is never in an error', async () => {
    const error = await authenticate(newToken(), { byTokenHash: async () => undefined }, NOW).catch(
      (e: Error) => e,
    );
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('hpt_');
  });
});
