import type { ApprovalDraft } from '../../../src/approval/state.ts';
import type { Decider } from '../../../src/approval/stranger.ts';

/** A request of devin's and people to decide it, so that a test names only what it is about. */

export const DRAFT: ApprovalDraft = {
  id: 'ap-7kq2m',
  session: 's-1',
  connection: 'prod-db',
  connectionId: 'c-1',
  requesterId: 'id-devin',
  rule: 'writes',
  policy: 'hash-1',
  terms: { approvers: ['group:dba'], approvals: 1, expires: 900_000, selfApproval: false },
  card: {
    requester: 'devin',
    requesterKind: 'machine',
    requesterGroups: ['agents'],
    clientAddress: '127.0.0.1',
    target: 'PostgreSQL db:5432/shop as app',
    transaction: 'none',
    statement: 'update t set a = 1',
    parameters: [],
    effects: ['write: public.t'],
    estimate: 'none',
  },
  fingerprint: '00',
};

export function decider(name: string): Decider {
  return { id: `id-${name}`, name, hasRole: true, amongApprovers: true };
}
