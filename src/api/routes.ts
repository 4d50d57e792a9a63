import { z } from 'zod';
import { endpointEventSchema, endpointOpenSchema } from './endpoint-schemas.ts';
import * as s from './schemas.ts';

/**
 * Every call of the API: method, path (`:name` is a parameter), who may make it, and its shapes.
 * CLI and daemon are both checked against this one table. `stream` routes answer NDJSON, one object a line;
 * `rawBody` routes take NDJSON or text as it is. A failed call answers `errorBodySchema` with the status of its
 * kind; a stream that fails after its headers ends with one line of that shape. A stream's headers come at
 * once, its lines when there is something to tell.
 */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** Roles that may call it; `any` for every valid identity; `bootstrap` for the one-time token of a new state directory. */
  readonly allow: readonly s.Role[] | 'any' | 'bootstrap';
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly response: z.ZodType;
  readonly stream?: true;
  readonly rawBody?: true;
}

const done = z.object({ auditId: z.string() });
/** Live sessions that the change ended. */
const doneAndCut = done.extend({ cutSessions: z.number() });
const follow = z.object({ follow: z.enum(['true', 'false']).default('false') });

export const routes = {
  status: { method: 'GET', path: '/v1/status', allow: 'any', response: s.statusSchema },
  init: {
    method: 'POST',
    path: '/v1/init',
    allow: 'bootstrap',
    body: s.initRequestSchema,
    response: s.initResponseSchema,
  },
  whoami: { method: 'GET', path: '/v1/whoami', allow: 'any', response: s.whoamiSchema },
  stop: { method: 'POST', path: '/v1/daemon/stop', allow: ['owner'], response: done },
  logs: {
    method: 'GET',
    path: '/v1/daemon/logs',
    allow: ['owner'],
    query: follow,
    response: z.object({ line: z.string() }),
    stream: true,
  },
  doctor: { method: 'GET', path: '/v1/doctor', allow: 'any', response: s.doctorSchema },
  complete: {
    method: 'GET',
    path: '/v1/complete/:kind',
    allow: 'any',
    response: z.object({ values: z.array(z.object({ value: z.string(), description: z.string() })) }),
  },

  connectionList: {
    method: 'GET',
    path: '/v1/connections',
    allow: 'any',
    response: z.object({ connections: z.array(s.connectionSchema) }),
  },
  connectionAdd: {
    method: 'POST',
    path: '/v1/connections',
    allow: ['owner'],
    body: s.connectionAddSchema,
    response: s.connectionSavedSchema,
  },
  connectionShow: {
    method: 'GET',
    path: '/v1/connections/:name',
    allow: 'any',
    response: s.connectionSchema,
  },
  connectionTest: {
    method: 'POST',
    path: '/v1/connections/:name/test',
    allow: ['owner'],
    response: s.connectionReportSchema,
  },
  connectionEdit: {
    method: 'PATCH',
    path: '/v1/connections/:name',
    allow: ['owner'],
    body: s.connectionEditSchema,
    response: s.connectionSavedSchema,
  },
  connectionRemove: {
    method: 'DELETE',
    path: '/v1/connections/:name',
    allow: ['owner'],
    response: doneAndCut,
  },

  /** The statements of a script as the connection's protocol reads them; null when it cannot. Nothing is run. */
  connectionOutline: {
    method: 'POST',
    path: '/v1/connections/:name/outline',
    allow: 'any',
    body: z.object({ text: z.string() }),
    response: z.object({ statements: z.array(s.scriptStatementSchema).nullable() }),
  },

  endpointOpen: {
    method: 'POST',
    path: '/v1/endpoints',
    allow: ['owner', 'approver', 'requester'],
    body: endpointOpenSchema,
    response: endpointEventSchema,
    stream: true,
  },

  approvalList: {
    method: 'GET',
    path: '/v1/approvals',
    allow: 'any',
    query: z.object({ status: z.enum(['pending', 'all']).default('pending') }),
    response: z.object({ approvals: z.array(s.approvalSchema) }),
  },
  approvalWatch: {
    method: 'GET',
    path: '/v1/approvals/watch',
    allow: 'any',
    response: s.approvalEventSchema,
    stream: true,
  },
  approvalShow: { method: 'GET', path: '/v1/approvals/:id', allow: 'any', response: s.approvalSchema },
  approvalDecide: {
    method: 'POST',
    path: '/v1/approvals/:id/decision',
    allow: 'any',
    body: s.approvalDecisionSchema,
    response: s.approvalDecidedSchema,
  },

  sessionList: {
    method: 'GET',
    path: '/v1/sessions',
    allow: 'any',
    query: s.sessionFilterSchema,
    response: z.object({ sessions: z.array(s.sessionSchema) }),
  },
  sessionShow: { method: 'GET', path: '/v1/sessions/:id', allow: 'any', response: s.sessionSchema },
  sessionKill: { method: 'POST', path: '/v1/sessions/:id/kill', allow: 'any', response: done },
  /** Lines are ReplayEvents (`src/recording/events.ts`). */
  sessionReplay: {
    method: 'GET',
    path: '/v1/sessions/:id/replay',
    allow: 'any',
    response: z.unknown(),
    stream: true,
  },

  policyShow: { method: 'GET', path: '/v1/policy', allow: 'any', response: s.policyCurrentSchema },
  policyCheck: {
    method: 'POST',
    path: '/v1/policy/check',
    allow: 'any',
    body: s.policyCheckRequestSchema,
    response: s.policyCheckSchema,
  },
  policyExplain: {
    method: 'POST',
    path: '/v1/policy/explain',
    allow: 'any',
    body: s.policyExplainRequestSchema,
    response: s.explanationSchema,
  },
  /** Body: one `{"id","statement"}` a line; answer: one explanation a line, in order. */
  policyExplainBulk: {
    method: 'POST',
    path: '/v1/policy/explain-bulk',
    allow: 'any',
    query: z.object({ as: z.string().optional(), connection: z.string() }),
    response: s.explanationSchema,
    stream: true,
    rawBody: true,
  },
  policyTest: {
    method: 'POST',
    path: '/v1/policy/test',
    allow: 'any',
    body: s.policyTestRequestSchema,
    response: s.policyTestSchema,
  },
  policyDiff: {
    method: 'POST',
    path: '/v1/policy/diff',
    allow: ['owner', 'auditor', 'approver'],
    body: s.policyCheckRequestSchema,
    response: s.policyDiffSchema,
  },
  policyApply: {
    method: 'POST',
    path: '/v1/policy/apply',
    allow: ['owner'],
    body: s.policyCheckRequestSchema,
    response: s.policyAppliedSchema,
  },

  identityList: {
    method: 'GET',
    path: '/v1/identities',
    allow: ['owner', 'auditor'],
    response: z.object({ identities: z.array(s.identitySchema) }),
  },
  identityCreate: {
    method: 'POST',
    path: '/v1/identities',
    allow: ['owner'],
    body: s.identityCreateSchema,
    response: s.identityCreatedSchema,
  },
  identityRevoke: {
    method: 'POST',
    path: '/v1/identities/:name/revoke',
    allow: ['owner'],
    response: doneAndCut,
  },

  /** Lines are AuditEntries (`src/audit/entry.ts`). */
  auditTail: {
    method: 'GET',
    path: '/v1/audit/tail',
    allow: ['owner', 'auditor'],
    query: follow.extend({ lines: z.coerce.number().int().min(0).max(100_000).default(20) }),
    response: z.unknown(),
    stream: true,
  },
  auditExport: {
    method: 'GET',
    path: '/v1/audit/export',
    allow: ['owner', 'auditor'],
    query: z.object({ since: z.string().optional(), until: z.string().optional() }),
    response: z.unknown(),
    stream: true,
  },
  auditVerify: {
    method: 'POST',
    path: '/v1/audit/verify',
    allow: ['owner', 'auditor'],
    response: s.auditVerifySchema,
  },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;
