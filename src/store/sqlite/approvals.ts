import { z } from 'zod';
import { precedentSchema } from '../../approval/precedent.ts';
import type { ApprovalComment, ApprovalDecision, ApprovalRequest } from '../../approval/request.ts';
import { Conflict } from '../../base/errors.ts';
import type { ApprovalRows } from '../store.ts';
import { json, optional, orNull, time } from './columns.ts';
import type { Database } from './database.ts';

const status = z.enum(['pending', 'approved', 'denied', 'expired', 'withdrawn', 'used']);

const decision: z.ZodType<ApprovalDecision> = z
  .object({
    by: z.string(),
    byName: z.string(),
    standsFor: z.array(z.string()).optional(),
    decision: z.enum(['approve', 'deny']),
    reason: z.string().optional(),
    at: time,
  })
  .transform((given) => ({ ...given, reason: given.reason }));

const comment: z.ZodType<ApprovalComment> = z.object({
  by: z.string(),
  byName: z.string(),
  text: z.string(),
  at: time,
});

const ahead = z.object({
  settings: z.string(),
  meaning: z.string(),
  pieces: z.array(z.object({ start: z.int(), end: z.int(), line: z.int() })),
});

const card = z.object({
  requester: z.string(),
  requesterKind: z.enum(['person', 'machine']),
  requesterGroups: z.array(z.string()),
  endUser: z.string().optional(),
  clientAddress: z.string(),
  target: z.string(),
  transaction: z.enum(['none', 'open', 'failed', 'inapplicable']),
  statement: z.string(),
  parameters: z.array(z.string().nullable()),
  locks: z.array(z.string()).optional(),
  named: z.array(z.object({ name: z.string(), text: z.string() })).optional(),
  effects: z.array(z.string()),
  estimate: z.string(),
  reason: z.string().optional(),
  ticket: z.string().optional(),
  rehearsal: z.array(z.string()).optional(),
});

const terms = z.object({
  approvers: z.array(z.string()),
  alsoAdmittedBy: z.array(z.array(z.string())).optional(),
  approvalsEach: z.array(z.int().positive()).optional(),
  allOf: z.array(z.string()).optional(),
  approvals: z.int().positive(),
  expires: z.number().positive(),
  selfApproval: z.boolean(),
  rehearse: z.literal(true).optional(),
  at: z.literal('commit').optional(),
});

/** What no decision changes, and beside it what may be added: comments, more time. */
const asked = z.object({
  session: z.string().optional(),
  ahead: ahead.optional(),
  comments: z.array(comment).default([]),
  connection: z.string(),
  connectionId: z.string(),
  requesterId: z.string(),
  endUserId: z.string().optional(),
  rule: z.string(),
  policy: z.string(),
  terms,
  card,
  fingerprint: z.string(),
  precedent: precedentSchema.optional(),
  expiresAt: time,
});

const row: z.ZodType<ApprovalRequest> = z
  .object({
    id: z.string(),
    request: json(asked),
    created_at: time,
    status,
    decisions: json(z.array(decision)),
    end_reason: optional(z.string()),
    version: z.int().nonnegative(),
  })
  .transform(({ request, created_at, end_reason, ...rest }) => ({
    ...rest,
    ...request,
    session: request.session,
    createdAt: created_at,
    endReason: end_reason,
  }));

/** Of what a requester asked before: as many, and until as much text (characters of JSON) was read. */
const MOST_EARLIER = 50;
const EARLIER_TEXT = 4 * 1024 * 1024;

export function approvalRows(db: Database): ApprovalRows {
  return {
    async create(request) {
      const { id, createdAt, status, decisions, endReason, version, ...rest } = request;
      db.run(
        `INSERT INTO approvals VALUES (:id, :request, :createdAt, :status, :decisions, :endReason, :version)`,
        {
          id,
          request: JSON.stringify(rest),
          createdAt,
          status,
          decisions: JSON.stringify(decisions),
          endReason: orNull(endReason),
          version,
        },
        (words) => (words.includes('approvals.id') ? idTaken(id) : undefined),
      );
    },
    async find(id) {
      return db.get(row, 'SELECT * FROM approvals WHERE id = :id', { id });
    },
    async list(wanted) {
      return wanted === undefined
        ? db.all(row, 'SELECT * FROM approvals ORDER BY created_at, id')
        : db.all(row, 'SELECT * FROM approvals WHERE status = :wanted ORDER BY created_at, id', { wanted });
    },
    async votedFor({ connectionId, requesterId }) {
      return db.all(
        row,
        `SELECT id, request, created_at, status, decisions, end_reason, version
         FROM (SELECT *, sum(length(request)) OVER (ORDER BY created_at DESC, id DESC) AS total
               FROM (SELECT * FROM approvals
                     WHERE request ->> '$.requesterId' = :requesterId
                       AND request ->> '$.connectionId' = :connectionId
                       AND status <> 'denied' AND decisions <> '[]'
                     ORDER BY created_at DESC, id DESC LIMIT :most))
         WHERE total - length(request) < :text ORDER BY created_at DESC, id DESC`,
        { requesterId, connectionId, most: MOST_EARLIER, text: EARLIER_TEXT },
      );
    },
    async transition(id, expectedVersion, change) {
      const changed = db.run(
        `UPDATE approvals SET version = version + 1, status = :status,
         decisions = coalesce(:decisions, decisions), end_reason = coalesce(:endReason, end_reason),
         request = json_set(request, '$.comments', json(coalesce(:comments, request -> '$.comments', '[]')),
                            '$.expiresAt', coalesce(:expiresAt, request ->> '$.expiresAt'))
         WHERE id = :id AND version = :expectedVersion`,
        {
          id,
          expectedVersion,
          status: change.status,
          decisions: change.decisions === undefined ? null : JSON.stringify(change.decisions),
          endReason: orNull(change.endReason),
          comments: change.comments === undefined ? null : JSON.stringify(change.comments),
          expiresAt: orNull(change.expiresAt),
        },
      );
      return changed > 0;
    },
  };
}

function idTaken(id: string): Conflict {
  return new Conflict('approval_id_taken', `there is an approval ${id}`, { retryable: true });
}
