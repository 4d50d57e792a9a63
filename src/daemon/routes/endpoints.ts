import { UsageError } from '../../base/errors.ts';
import type { Protocol } from '../../protocols/protocol.ts';
import { policyTarget, requireMayConnect } from '../../session/open-desk.ts';
import { requesterOf, statedBy } from '../../session/requester.ts';
import type { ConnectionRow, IdentityRow } from '../../store/store.ts';
import type { Endpoint, EndpointOpening } from '../endpoint.ts';
import { findConnection } from '../find-rows.ts';
import type { Parts } from '../parts.ts';
import { StandingEndpoints } from '../standing-endpoints.ts';
import type { Call, Handlers } from './handler.ts';

/** What a caller says of the endpoint that it wants. */
type Wanted = Pick<EndpointOpening, 'ahead' | 'listen' | 'single' | 'stated' | 'clientKey' | 'trace'>;

/** A listening place for one identity on one connection. */
export function endpointRoutes(parts: Parts): Pick<Handlers, 'endpointOpen' | 'standingEndpoint'> {
  const { certificate, endpoints, hostKey, policy, store, targets } = parts;
  const standing = new StandingEndpoints(parts.clock);

  /** The connection, when the caller may use it. */
  async function admitted(caller: IdentityRow, name: string): Promise<ConnectionRow> {
    const connection = await findConnection(store, name);
    const may = policy.current().mayConnect(requesterOf(caller), policyTarget(connection));
    requireMayConnect(may, caller.name, connection.name);
    return connection;
  }

  async function open(
    identity: IdentityRow,
    connection: ConnectionRow,
    wanted: Wanted,
    signal: AbortSignal,
  ): Promise<Endpoint> {
    const protocol = targets.protocolOf(connection);
    const lease = await targets.lease(connection);
    try {
      return await endpoints.open(
        {
          identity,
          connection,
          protocol,
          lease,
          serverVersion: await lease.target.serverVersion(),
          policyName: policy.row()?.source ?? '',
          ...wanted,
          tls: withoutTls(protocol, wanted.listen.kind) ? undefined : await certificate(),
          hostKey: protocol.hostKey ? await hostKey() : undefined,
        },
        signal,
      );
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  return {
    /** It lives as long as its stream is read. */
    async endpointOpen({ caller, body, origin, signal, trace }) {
      requireReachable(body.listen.kind, origin);
      const connection = await admitted(caller, body.connection);
      const { clientKey, listen, run } = body;
      const ahead = run === undefined ? undefined : await parts.requests.toRun(run, caller, connection);
      const single = body.single || ahead !== undefined;
      const { reason, ticket } = ahead?.card ?? body;
      const stated = statedBy({ reason, ticket });
      const wanted = { ahead, listen, single, stated, clientKey, trace };
      return (await open(caller, connection, wanted, signal)).events;
    },

    /** It lives a while after it was last asked for. */
    async standingEndpoint({ caller, body, origin }) {
      requireReachable('tcp', origin);
      const connection = await admitted(caller, body.connection);
      if (!targets.protocolOf(connection).alwaysTls) {
        throw new UsageError(
          'no_standing_endpoint',
          `${connection.name} has no endpoints that stand by themselves`,
          {
            next: `hoopctl proxy ${connection.name}`,
          },
        );
      }
      const listen = { kind: 'tcp', port: body.port } as const;
      return standing.lend(caller.id, connection.id, body.port, (signal) =>
        open(caller, connection, { listen, single: false, clientKey: undefined }, signal),
      );
    },
  };
}

/** A relayed client is on the requester's machine, and its way here is TLS. */
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
