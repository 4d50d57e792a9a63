import { policyTarget, requireMayConnect } from '../../session/open-desk.ts';
import { requesterOf, statedBy } from '../../session/requester.ts';
import { findConnection } from '../find-rows.ts';
import type { Parts } from '../parts.ts';
import { approvalView } from '../views.ts';
import type { Handlers } from './handler.ts';

/** Asking for an approval ahead of any session. */
export function requestRoutes(parts: Parts): Pick<Handlers, 'requestCreate'> {
  const { admission, board, policy, requests, store } = parts;
  return {
    async requestCreate({ address, body, caller }) {
      admission.require();
      const connection = await findConnection(store, body.connection);
      const may = policy.current().mayConnect(requesterOf(caller), policyTarget(connection));
      requireMayConnect(may, caller.name, connection.name);
      const { reason, text, ticket } = body;
      const stated = statedBy({ reason, ticket });
      const { decision, request } = await requests.ask({ caller, connection, text, stated, address });
      return {
        decision: request === undefined ? 'allow' : 'approve',
        rule: decision.rule ?? null,
        approval: request === undefined ? null : approvalView(board, caller, request),
      };
    },
  };
}
