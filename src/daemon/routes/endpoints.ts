import { UsageError } from '../../base/errors.ts';
import type { Protocol } from '../../protocols/protocol.ts';
import { policyTarget, requireMayConnect } from '../../session/open-desk.ts';
import { requesterOf } from '../../session/requester.ts';
import { findConnection } from '../find-rows.ts';
import type { Parts } from '../parts.ts';
import type { Call, Handlers } from './handler.ts';

/** A listening place for one identity on one connection, as long as its stream is read. */
export function endpointRoutes(parts: Parts): Pick<Handlers, 'endpointOpen'> {
  const { certificate, endpoints, hostKey, policy, store, targets } = parts;
  return {
    async endpointOpen({ caller, body, origin, signal }) {
      requireReachable(body.listen.kind, origin);
      const connection = await findConnection(store, body.connection);
      const may = policy.current().mayConnect(requesterOf(caller), policyTarget(connection));
      requireMayConnect(may, caller.name, connection.name);
      const protocol = targets.protocolOf(connection);
      const lease = await targets.lease(connection);
      try {
        const endpoint = await endpoints.open(
          {
            identity: caller,
            connection,
            protocol,
            lease,
            serverVersion: await lease.target.serverVersion(),
            policyName: policy.row()?.source ?? '',
            listen: body.listen,
            single: body.single,
            // A relayed client is on the requester's machine, its way here is TLS.
            tls: withoutTls(protocol, body.listen.kind) ? undefined : await certificate(),
            hostKey: protocol.hostKey ? await hostKey() : undefined,
            clientKey: body.clientKey,
          },
          signal,
        );
        return endpoint.events;
      } catch (error) {
        lease.release();
        throw error;
      }
    },
  };
}

function withoutTls(protocol: Protocol, listen: 'tcp' | 'unix' | 'relay'): boolean {
  if (protocol.alwaysTls) return false;
  return listen === 'relay' || protocol.hostKey === true;
}

/** A place on the gateway's machine is out of its callers' reach, and nothing for them to open. */
function requireReachable(kind: 'tcp' | 'unix' | 'relay', origin: Call<'endpointOpen'>['origin']): void {
  if ((kind === 'relay') === (origin === 'network')) return;
  throw new UsageError('bad_listen', `an endpoint cannot listen by "${kind}" here`, {
    next: 'use a hoopctl of the same version as the gateway',
  });
}
