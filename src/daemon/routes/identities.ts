import { Conflict, NotFound } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import { hashToken, newToken } from '../../identity/token.ts';
import { endUserOf } from '../../session/requester.ts';
import type { IdentityRow } from '../../store/store.ts';
import type { Parts } from '../parts.ts';
import { connectionView, identityView } from '../views.ts';
import type { Handlers } from './handler.ts';

type Routes = Pick<Handlers, 'whoami' | 'identityList' | 'identityCreate' | 'identityRevoke'>;

/** Who may come, and what becomes of their sessions when they may not any more. */
export function identityRoutes(parts: Parts): Routes {
  const { audit, board, clock, endpoints, live, policy, store, targets } = parts;
  return {
    async whoami({ caller }) {
      const rows = await store.connections.list();
      const { signIn } = caller;
      return {
        identity: identityView(caller, clock.now()),
        endUser: signIn?.endUser?.name ?? null,
        signIn: signIn
          ? {
              issuer: signIn.issuerName,
              authTime: signIn.authTime ?? null,
              acr: signIn.acr ?? null,
              checkedAt: signIn.checkedAt,
              expiresAt: signIn.expiresAt,
            }
          : null,
        connections: rows.map((row) => {
          const { name, mayConnect } = connectionView(row, targets.find(row), policy.get(), caller);
          return { name, mayConnect };
        }),
      };
    },

    async identityList() {
      const rows = await store.identities.list();
      return { identities: rows.map((row) => identityView(parts.current.withRoles(row), clock.now())) };
    },

    async identityCreate({ caller, body }) {
      const now = clock.now();
      const token = newToken();
      const row: IdentityRow = {
        id: newId('id', now),
        name: body.name,
        kind: body.kind ?? (body.roles.every((role) => role === 'requester') ? 'machine' : 'person'),
        roles: body.roles,
        groups: body.groups,
        tokenHash: hashToken(token),
        createdAt: new Date(now).toISOString(),
        expiresAt: body.ttl === undefined ? undefined : new Date(now + body.ttl).toISOString(),
        revokedAt: undefined,
      };
      refuseIssuersName(row.name);
      await refuseTwin(row.name);
      const entry = audit.append({
        kind: 'identity.created',
        actor: caller.name,
        facts: {
          identity: row.id,
          name: row.name,
          roles: row.roles,
          groups: row.groups,
          expiresAt: row.expiresAt ?? null,
        },
      });
      await store.identities.create(row);
      return { identity: identityView(row, now), token, auditId: String(entry.seq) };
    },

    async identityRevoke({ caller, param }) {
      const row = await store.identities.find(param('name'));
      if (!row) {
        throw new NotFound('no_such_identity', `there is no identity ${param('name')}`, {
          next: 'hoopctl identity list',
        });
      }
      await refuseLastOwner(row);
      const now = new Date(clock.now()).toISOString();
      const entry = audit.append({
        kind: 'identity.revoked',
        actor: caller.name,
        facts: { identity: row.id, name: row.name },
      });
      if (!(await store.identities.revoke(row.id, now))) {
        throw new Conflict('already_revoked', `${row.name} was revoked before`);
      }
      const reason = `the identity ${row.name} was revoked`;
      const isIts = (identity: IdentityRow) => identity.id === row.id || actsFor(identity, row);
      const cutSessions = live.cut(({ identity }) => isIts(identity), reason);
      endpoints.close(({ identity }) => isIts(identity), reason);
      await parts.recheckSessions();
      await board.withdrawThose(
        ({ card, endUserId, requesterId }) =>
          requesterId === row.id || endUserId === row.id || card.endUser === row.name,
        reason,
      );
      return { auditId: String(entry.seq), cutSessions };
    },
  };

  /** Names that end in an issuer's domain are the issuer's to give. */
  function refuseIssuersName(name: string): void {
    const applied = policy.get();
    const issuer = [...(applied?.issuers ?? []), ...(applied?.saml ?? [])].find(({ domain }) =>
      name.toLowerCase().endsWith(`@${domain}`),
    );
    if (!issuer) return;
    throw new Conflict(
      'name_of_issuer',
      `names that end in @${issuer.domain} are those of the issuer ${issuer.name}`,
      {
        next: 'take a name without it; people of the issuer sign in: hoopctl login',
      },
    );
  }

  /** Names that differ in capitals alone would be taken for each other, by people and by who may decide. */
  async function refuseTwin(name: string): Promise<void> {
    const same = (await store.identities.list()).find(
      (one) => one.revokedAt === undefined && one.name.toLowerCase() === name.toLowerCase(),
    );
    if (same) throw nameTaken(same.name);
  }

  /** Without an owner nobody could ever create one again. */
  async function refuseLastOwner(row: IdentityRow): Promise<void> {
    if (!row.roles.includes('owner') || row.revokedAt !== undefined) return;
    const others = (await store.identities.list()).filter((other) => {
      const lives = other.revokedAt === undefined && other.expiresAt === undefined;
      return other.id !== row.id && lives && other.roles.includes('owner');
    });
    if (others.length > 0) return;
    throw new Conflict('last_owner', `${row.name} is the last owner`, {
      next: 'create another one first: hoopctl identity create NAME --role owner',
    });
  }
}

/** By its identity, or by its name where a machine named it before it ever came. */
function actsFor(identity: IdentityRow, { id, name }: IdentityRow): boolean {
  const endUser = endUserOf(identity);
  return endUser?.id === id || endUser?.name === name;
}

function nameTaken(name: string): Conflict {
  return new Conflict('identity_name_taken', `there is an identity ${name} already`, {
    next: `hoopctl identity revoke ${name}, or take another name`,
  });
}
