import type { ApprovalView } from '../../../src/api/approval-schemas.ts';
import type { ConnectionView, SessionView } from '../../../src/api/schemas.ts';

export function approvalSample(change: Partial<ApprovalView> = {}): ApprovalView {
  return {
    id: 'ap-7kq2m',
    version: 1,
    status: 'pending',
    session: 's-01jdabc',
    connection: 'prod-db',
    requester: 'devin',
    requesterKind: 'machine',
    requesterGroups: ['agents'],
    clientAddress: '127.0.0.1',
    target: 'PostgreSQL db.internal:5432/shop as app_rw',
    transaction: 'none',
    statement: "update customers set plan = 'pro' where id = 1;",
    parameters: [],
    effects: ['write: customers(plan)'],
    estimate: 'planner expects 1 row of 48112 (Index Scan on customers_pkey)',
    rule: 'writes-need-approval',
    approvers: ['group:dba'],
    approvalsNeeded: 1,
    decisions: [],
    endReason: null,
    createdAt: '2026-11-21T11:59:19Z',
    expiresAt: '2026-11-21T12:14:19Z',
    mayDecide: true,
    mayNotReason: null,
    ...change,
  };
}

export function sessionSample(change: Partial<SessionView> = {}): SessionView {
  return {
    id: 's-01jdabc',
    connection: 'prod-db',
    identity: 'devin',
    protocol: 'postgres',
    client: '127.0.0.1',
    startedAt: '2026-11-21T11:00:00Z',
    endedAt: '2026-11-21T11:30:00Z',
    status: 'closed',
    endReason: 'client closed',
    statements: 4,
    blocked: 1,
    approved: 1,
    denied: 0,
    ...change,
  };
}

export function connectionSample(change: Partial<ConnectionView> = {}): ConnectionView {
  return {
    id: 'c-1',
    name: 'prod-db',
    protocol: 'postgres',
    target: 'PostgreSQL db.internal:5432/shop as app_ro',
    url: 'postgres://app_ro@db.internal:5432/shop',
    labels: { env: 'prod' },
    credential: 'keychain',
    mayConnect: true,
    createdAt: '2026-11-21T11:00:00Z',
    ...change,
  };
}
