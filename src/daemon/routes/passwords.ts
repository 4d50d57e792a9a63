import { Conflict, NotPermitted, UsageError } from '../../base/errors.ts';
import { formatDuration } from '../../base/quantities.ts';
import { policyTarget, requireMayConnect } from '../../session/open-desk.ts';
import { requesterOf } from '../../session/requester.ts';
import { findConnection } from '../find-rows.ts';
import { DEFAULT_TTL, isWorking, LONGEST_TTL } from '../gateway/short-passwords.ts';
import type { Parts } from '../parts.ts';
import { hasRole } from '../views.ts';
import type { Handlers } from './handler.ts';

type Routes = Pick<Handlers, 'passwordCreate' | 'passwordList' | 'passwordRevoke'>;

/** Short-lived passwords: an identity's own, for one connection each. */
export function passwordRoutes(parts: Parts): Routes {
  const { clock, hostKey, native, passwords, policy, store, targets } = parts;
  return {
    async passwordCreate({ caller, body }) {
      const connection = await findConnection(store, body.connection);
      const may = policy.current().mayConnect(requesterOf(caller), policyTarget(connection));
      requireMayConnect(may, caller.name, connection.name);
      const protocol = targets.protocolOf(connection);
      const place = native.place(protocol.name);
      if (place === undefined || protocol.native === undefined) {
        throw new Conflict(
          'no_native_access',
          `nothing listens for ${protocol.name} clients without hoopctl`,
          {
            why: `it takes a gateway whose configuration has "${protocol.name}"`,
            next: `hoopctl proxy ${connection.name}`,
          },
        );
      }
      const ttl = body.ttl ?? DEFAULT_TTL;
      if (ttl > LONGEST_TTL) {
        throw new NotPermitted('ttl_too_long', `a password works for ${formatDuration(LONGEST_TTL)} at most`);
      }
      const { clientKey } = body;
      if (clientKey !== undefined && !protocol.native.takesKeys) {
        throw new UsageError('no_key_access', `${connection.name} takes no SSH keys`, {
          next: `hoopctl credential ${connection.name}`,
        });
      }
      const made = await passwords.create(caller, connection, ttl, protocol.native, clientKey);
      const { row, password, auditId } = made;
      const credentials = { user: row.id, password, connection: connection.name };
      const shown = protocol.hostKey ? (await hostKey()).public.trim() : undefined;
      return {
        id: row.id,
        connection: connection.name,
        protocol: protocol.name,
        url: protocol.native.url(place.host, place.port, credentials),
        ...place,
        user: protocol.native.user(credentials),
        password,
        database: connection.name,
        ...(shown === undefined ? {} : { knownHost: `[${place.host}]:${place.port} ${shown}` }),
        expiresAt: row.expiresAt,
        auditId,
      };
    },

    async passwordList({ caller }) {
      const rows = await store.passwords.list(hasRole(caller, 'owner', 'auditor') ? undefined : caller.id);
      const views = rows.map(async (row) => {
        const identity = await store.identities.find(row.identityId);
        const connection = await store.connections.find(row.connectionId);
        const working = isWorking(row, clock.now());
        return {
          id: row.id,
          identity: identity?.name ?? row.identityId,
          connection: connection?.name ?? row.connectionId,
          createdAt: row.createdAt,
          expiresAt: row.expiresAt,
          status: working
            ? ('active' as const)
            : row.revokedAt === undefined
              ? ('expired' as const)
              : ('revoked' as const),
        };
      });
      return { passwords: await Promise.all(views) };
    },

    async passwordRevoke({ caller, param }) {
      return passwords.revoke(param('id'), caller, hasRole(caller, 'owner'));
    },
  };
}
