import { z } from 'zod';
import { approvalRoutes } from './approval-routes.ts';
import { statedSchema } from './approval-schemas.ts';
import {
  endpointEventSchema,
  endpointOpenSchema,
  standingEndpointOpenSchema,
  standingEndpointSchema,
} from './endpoint-schemas.ts';
import { passwordCreatedSchema, passwordCreateSchema, passwordSchema } from './password-schemas.ts';
import * as s from './schemas.ts';
import { signInRoutes } from './sign-in-routes.ts';
import * as w from './webhook-schemas.ts';

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
  /**
   * Roles that may call it; `any` for every valid identity; `bootstrap` for the one-time token of a new state
   * directory; `public` for callers without any token, whose bodies are kept small.
   */
  readonly allow: readonly s.Role[] | 'any' | 'bootstrap' | 'public';
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly response: z.ZodType;
  readonly stream?: true;
  /** A stream that tells of sessions, which are cut by themselves when its reader is not who it was. */
  readonly governed?: true;
  readonly rawBody?: true;
  /** Its body is that of an HTML form. */
  readonly form?: true;
  /** Its answer is a page: a browser calls it. */
  readonly page?: true;
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
  ...signInRoutes,
  stop: { method: 'POST', path: '/v1/daemon/stop', allow: ['owner', 'operator'], response: done },
  logs: {
    method: 'GET',
    path: '/v1/daemon/logs',
    allow: ['owner', 'operator'],
    query: follow,
    response: z.object({ line: z.string() }),
    stream: true,
  },
  doctor: {
    method: 'GET',
    path: '/v1/doctor',
    allow: ['owner', 'auditor', 'operator'],
    response: s.doctorSchema,
  },
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
    allow: ['owner', 'operator'],
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
    governed: true,
  },

  standingEndpoint: {
    method: 'POST',
    path: '/v1/standing-endpoints',
    allow: ['owner', 'approver', 'requester'],
    body: standingEndpointOpenSchema,
    response: standingEndpointSchema,
  },

  passwordCreate: {
    method: 'POST',
    path: '/v1/passwords',
    allow: ['owner', 'approver', 'requester'],
    body: passwordCreateSchema,
    response: passwordCreatedSchema,
  },
  /** Owners and auditors see everybody's, others their own. */
  passwordList: {
    method: 'GET',
    path: '/v1/passwords',
    allow: 'any',
    response: z.object({ passwords: z.array(passwordSchema) }),
  },
  passwordRevoke: {
    method: 'POST',
    path: '/v1/passwords/:id/revoke',
    allow: 'any',
    response: doneAndCut,
  },

  ...approvalRoutes,

  sessionList: {
    method: 'GET',
    path: '/v1/sessions',
    allow: ['owner', 'approver', 'requester', 'auditor', 'operator'],
    query: s.sessionFilterSchema,
    response: z.object({ sessions: z.array(s.sessionSchema) }),
  },
  sessionShow: {
    method: 'GET',
    path: '/v1/sessions/:id',
    allow: ['owner', 'approver', 'requester', 'auditor', 'operator'],
    response: s.sessionSchema,
  },
  sessionKill: {
    method: 'POST',
    path: '/v1/sessions/:id/kill',
    allow: ['owner', 'approver', 'requester', 'operator'],
    response: done,
  },
  /** Lines are ReplayEvents (`src/recording/events.ts`). */
  sessionReplay: {
    method: 'GET',
    path: '/v1/sessions/:id/replay',
    allow: ['owner', 'approver', 'requester', 'auditor'],
    response: z.unknown(),
    stream: true,
  },

  policyShow: { method: 'GET', path: '/v1/policy', allow: 'any', response: s.policyCurrentSchema },
  policyCheck: {
    method: 'POST',
    path: '/v1/policy/check',
    allow: ['owner', 'approver', 'requester', 'auditor'],
    body: s.policyCheckRequestSchema,
    response: s.policyCheckSchema,
  },
  policyExplain: {
    method: 'POST',
    path: '/v1/policy/explain',
    allow: ['owner', 'approver', 'requester', 'auditor'],
    body: s.policyExplainRequestSchema,
    response: s.explanationSchema,
  },
  /** Body: one `{"id","statement"}` a line; answer: one explanation a line, in order. */
  policyExplainBulk: {
    method: 'POST',
    path: '/v1/policy/explain-bulk',
    allow: ['owner', 'approver', 'requester', 'auditor'],
    query: statedSchema.extend({ as: z.string().optional(), connection: z.string() }),
    response: s.explanationSchema,
    stream: true,
    rawBody: true,
  },
  policyTest: {
    method: 'POST',
    path: '/v1/policy/test',
    allow: ['owner', 'approver', 'requester', 'auditor'],
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

  webhookList: {
    method: 'GET',
    path: '/v1/webhooks',
    allow: ['owner', 'auditor', 'operator'],
    response: z.object({ webhooks: z.array(w.webhookSchema) }),
  },
  webhookAdd: {
    method: 'POST',
    path: '/v1/webhooks',
    allow: ['owner'],
    body: w.webhookAddSchema,
    response: w.webhookAddedSchema,
  },
  webhookTest: {
    method: 'POST',
    path: '/v1/webhooks/:name/test',
    allow: ['owner', 'operator'],
    response: w.webhookTestedSchema,
  },
  webhookRemove: { method: 'DELETE', path: '/v1/webhooks/:name', allow: ['owner'], response: done },

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
