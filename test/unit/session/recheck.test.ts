import { describe, expect, test } from 'vitest';
import { LoginNeeded } from '../../../src/base/errors.ts';
import type { LiveSession } from '../../../src/session/live-sessions.ts';
import { recheckSessions } from '../../../src/session/recheck.ts';
import type { EndUser, IdentityRow, SignInRow } from '../../../src/store/store.ts';

const ANA: EndUser = { id: 'id-ana', name: 'ana', groups: ['dba'], vouchedBy: 'token' };
const identity = (more: Partial<IdentityRow> = {}, endUser?: EndUser): IdentityRow => ({
  id: 'id-1',
  name: 'devin',
  kind: 'machine',
  roles: ['requester'],
  groups: ['agents', 'night'],
  tokenHash: 'hash',
  createdAt: '2026-01-01T00:00:00.000Z',
  expiresAt: '2026-01-02T00:00:00.000Z',
  revokedAt: undefined,
  ...(endUser === undefined ? {} : { signIn: { endUser } as SignInRow }),
  ...more,
});

async function recheck(then: IdentityRow, now: () => Promise<IdentityRow>) {
  const told: string[] = [];
  const failures: unknown[] = [];
  const session = {
    identity: then,
    cut: (reason: string) => told.push(`cut: ${reason}`),
    extend: (until: string | undefined) => told.push(`until ${until}`),
  };
  await recheckSessions([session as unknown as LiveSession], now, (error) => failures.push(error));
  return { told, failures };
}

describe('a live session', () => {
  test('goes on while its identity is the same, for as long as that now lives', async () => {
    const now = identity({ groups: ['night', 'agents'], expiresAt: '2026-01-03T00:00:00.000Z' });
    expect(await recheck(identity(), async () => now)).toEqual({
      told: ['until 2026-01-03T00:00:00.000Z'],
      failures: [],
    });
    expect((await recheck(identity(), async () => identity({ expiresAt: undefined }))).told).toEqual([
      'until undefined',
    ]);
  });

  test.each([
    ['left a group', identity({ groups: ['agents'] })],
    ['came into a group', identity({ groups: ['agents', 'night', 'banned'] })],
    ['is called otherwise', identity({ name: 'claude' })],
    ['has no role to work with', identity({ roles: ['auditor', 'operator'] })],
    ['acts for somebody now', identity({}, ANA)],
  ])('is cut when its identity %s', async (_, now) => {
    expect((await recheck(identity(), async () => now)).told).toEqual([expect.stringMatching(/^cut: /)]);
  });

  test('is cut when the person it runs for belongs to other groups', async () => {
    const now = identity({}, { ...ANA, groups: [] });
    expect((await recheck(identity({}, ANA), async () => now)).told).toEqual([
      expect.stringMatching(/^cut: /),
    ]);
    expect((await recheck(identity({}, ANA), async () => identity({}, ANA))).told).toEqual([
      expect.stringMatching(/^until/),
    ]);
  });

  test('is cut when its identity is gone', async () => {
    const gone = () => Promise.reject(new LoginNeeded('token_revoked', 'it was revoked'));
    expect(await recheck(identity(), gone)).toEqual({ told: ['cut: it was revoked'], failures: [] });
  });

  test('is cut when nobody can tell, and that is not kept secret', async () => {
    const broken = new Error('the disk is gone');
    expect(await recheck(identity(), () => Promise.reject(broken))).toEqual({
      told: ['cut: the identity of the session could not be checked'],
      failures: [broken],
    });
  });
});
