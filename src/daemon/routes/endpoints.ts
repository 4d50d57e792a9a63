import { policyTarget, requireMayConnect } from '../../session/open-desk.ts';
import { findConnection } from '../find-rows.ts';
import type { Parts } from '../parts.ts';
import type { Handlers } from './handler.ts';

/** A listening place for one identity on one connection, as long as its stream is read. */
export function endpointRoutes(parts: Parts): Pick<Handlers, 'endpointOpen'> {
  const { certificate, endpoints, policy, store, targets } = parts;
  return {
    async endpointOpen({ caller, body, signal }) {
      const connection = await findConnection(store, body.connection);
      const may = policy.current().mayConnect(caller, policyTarget(connection));
      requireMayConnect(may, caller.name, connection.name);
      const lease = await targets.lease(connection);
      try {
        const endpoint = await endpoints.open(
          {
            identity: caller,
            connection,
            protocol: targets.protocolOf(connection),
            lease,
            serverVersion: await lease.target.serverVersion(),
            policyName: policy.row()?.source ?? '',
            listen: body.listen,
            single: body.single,
            tls: await certificate(),
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
