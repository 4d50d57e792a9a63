import type { ApprovalView } from '../../api/approval-schemas.ts';
import type { ApprovalRequest } from '../../approval/request.ts';
import { isEnded } from '../../approval/state.ts';
import { NotFound, UsageError } from '../../base/errors.ts';
import { sourceNamed } from '../../identity/current.ts';
import { requireFreshSignIn } from '../../identity/step-up.ts';
import type { IdentityRow } from '../../store/store.ts';
import { EventQueue } from '../event-queue.ts';
import type { Parts } from '../parts.ts';
import { approvalView, seesApproval } from '../views.ts';
import type { Handlers } from './handler.ts';

type Routes = Pick<
  Handlers,
  | 'approvalList'
  | 'approvalWatch'
  | 'approvalFollow'
  | 'approvalShow'
  | 'approvalDecide'
  | 'approvalComment'
  | 'approvalWithdraw'
>;

/** What waits for a decision, and the decision. */
export function approvalRoutes(parts: Parts): Routes {
  const { board, clock, presence, store } = parts;

  async function visible(caller: IdentityRow, id: string): Promise<ApprovalRequest> {
    const request = await board.find(id);
    if (seesApproval(board, caller, request)) return request;
    throw new NotFound('no_such_approval', `there is no approval ${id}`, { next: 'hoopctl approvals' });
  }

  async function listed(caller: IdentityRow, status: 'pending' | undefined): Promise<ApprovalView[]> {
    const rows = await store.approvals.list(status);
    return rows
      .filter((request) => seesApproval(board, caller, request))
      .map((request) => approvalView(board, caller, request));
  }

  /** A person who signed in through an issuer shows it by a fresh sign-in there, others by the passphrase. */
  async function prove(caller: IdentityRow, passphrase: string | undefined): Promise<void> {
    const { signIn } = caller;
    if (signIn && caller.origin) {
      requireFreshSignIn(signIn, sourceNamed(parts.policy.get(), signIn.issuerName), clock.now());
      return;
    }
    if (passphrase !== undefined) return presence.prove(passphrase);
    throw new UsageError('passphrase_missing', 'deciding needs the approver passphrase');
  }

  return {
    async approvalList({ caller, query }) {
      return { approvals: await listed(caller, query.status === 'pending' ? 'pending' : undefined) };
    },

    async approvalWatch({ caller, signal }) {
      const events = new EventQueue<{ type: 'current' | 'changed'; approval: ApprovalView }>(signal, () =>
        stop(),
      );
      const tell = (request: ApprovalRequest) => {
        if (!seesApproval(board, caller, request)) return;
        events.push({ type: 'changed', approval: approvalView(board, caller, request) });
      };
      // Watching begins before the look, so that nothing falls between; the reader may see one twice.
      const stop = board.watch(tell);
      for (const approval of await listed(caller, 'pending')) events.push({ type: 'current', approval });
      return events;
    },

    async approvalFollow({ caller, param, signal }) {
      const { id } = await visible(caller, param('id'));
      const events = new EventQueue<{ type: 'current' | 'changed'; approval: ApprovalView }>(signal, () =>
        stop(),
      );
      const tell = (type: 'current' | 'changed', request: ApprovalRequest) => {
        if (request.id !== id || !seesApproval(board, caller, request)) return;
        events.push({ type, approval: approvalView(board, caller, request) });
        if (isEnded(request.status)) events.end();
      };
      const stop = board.watch((request) => tell('changed', request));
      tell('current', await board.find(id));
      return events;
    },

    async approvalShow({ caller, param }) {
      return approvalView(board, caller, await visible(caller, param('id')));
    },

    async approvalDecide({ caller, param, body }) {
      const { id } = await visible(caller, param('id'));
      const vote = { decision: body.decision, reason: body.reason, version: body.version };
      const { request, entry } = await board.decide(id, caller, vote, async () => {
        await prove(caller, body.passphrase);
        // That took time, in which the caller may have lost its identity or its roles.
        return parts.current.current(caller);
      });
      return { approval: approvalView(board, caller, request), auditId: String(entry.seq) };
    },

    async approvalComment({ caller, param, body }) {
      const { id } = await visible(caller, param('id'));
      const { request, entry } = await board.comment(id, caller, body.text);
      return { approval: approvalView(board, caller, request), auditId: String(entry.seq) };
    },

    async approvalWithdraw({ caller, param }) {
      const { id } = await visible(caller, param('id'));
      return approvalView(board, caller, await parts.requests.withdraw(id, caller));
    },
  };
}
