import { isDeepStrictEqual } from 'node:util';
import { LoginNeeded } from '../base/errors.ts';
import type { Role } from '../identity/roles.ts';
import type { IdentityRow } from '../store/store.ts';
import type { LiveSession } from './live-sessions.ts';
import { requesterOf } from './requester.ts';

/** Roles whose holders may have sessions. */
const WORKING: readonly Role[] = ['owner', 'approver', 'requester'];

/**
 * Looks whether the identities of live sessions still are who they were. A session of one that was revoked,
 * signed out, expired, or now belongs to other groups is cut: what was judged for it was judged for somebody
 * else. One that was renewed lives on. `failed` is told what else went wrong; that session is cut as well.
 */
export async function recheckSessions(
  sessions: readonly LiveSession[],
  current: (known: IdentityRow) => Promise<IdentityRow>,
  failed: (error: unknown) => void,
): Promise<void> {
  await Promise.all(
    sessions.map(async (session) => {
      try {
        const now = await current(session.identity);
        const change = changeOf(session.identity, now);
        if (change === undefined) session.extend(now.expiresAt);
        else session.cut(change);
      } catch (error) {
        if (error instanceof LoginNeeded) return session.cut(error.message);
        failed(error);
        session.cut('the identity of the session could not be checked');
      }
    }),
  );
}

function changeOf(then: IdentityRow, now: IdentityRow): string | undefined {
  if (!mayWork(now)) return `${now.name} has no role to work with any more`;
  return changeOfIdentity(then, now);
}

/** Whether an identity may open sessions. */
export function mayWork({ roles }: Pick<IdentityRow, 'roles'>): boolean {
  return roles.some((role) => WORKING.includes(role));
}

/** What was judged for it was judged for somebody else; undefined while it is who it was. */
export function changeOfIdentity(then: IdentityRow, now: IdentityRow): string | undefined {
  if (isDeepStrictEqual(comparable(then), comparable(now))) return undefined;
  return `what is known of ${then.name} changed (name or groups): connect again`;
}

/** The order of groups means nothing. */
function comparable(identity: IdentityRow): unknown {
  const { endUser, groups, ...rest } = requesterOf(identity);
  return [rest, [...groups].sort(), endUser?.id, endUser?.name, [...(endUser?.groups ?? [])].sort()];
}
