import { z } from 'zod';
import { ROLES, type Role } from '../identity/roles.ts';
import { type Explanation, explanationSchema } from '../policy/explanation.ts';
import { type ConnectionReport, connectionReportSchema } from '../protocols/connection-report.ts';
import type { ReplayEvent } from '../recording/events.ts';
import { statedSchema } from './approval-schemas.ts';

/** Shapes of what crosses the API. Each has one schema; types derive from it. Times are ISO 8601 UTC, durations milliseconds. */

export type { ConnectionReport, Explanation, ReplayEvent, Role };
export { connectionReportSchema, explanationSchema, ROLES };

const roleSchema = z.enum(ROLES);

export const name = z
  .string()
  .min(1)
  .max(128)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._@+-]*$/,
    'letters, digits and . _ @ + - only, starting with a letter or digit',
  );

export const errorBodySchema = z.object({
  error: z.object({
    kind: z.string(),
    code: z.string(),
    message: z.string(),
    why: z.string().optional(),
    next: z.string().optional(),
    rule: z.string().optional(),
    retryable: z.boolean(),
  }),
});
export type ErrorBody = z.infer<typeof errorBodySchema>;

export const statusSchema = z.object({
  version: z.string(),
  pid: z.number(),
  startedAt: z.string(),
  initialized: z.boolean(),
  sessions: z.number(),
  pendingApprovals: z.number(),
  policy: z.object({ version: z.number(), hash: z.string(), source: z.string() }).nullable(),
  secretBackend: z.enum(['keychain', 'encrypted']),
});

export const initRequestSchema = z.object({ approverPassphrase: z.string().min(8).max(1024) });
export const initResponseSchema = z.object({ owner: z.string(), token: z.string(), auditId: z.string() });

export const identitySchema = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(['person', 'machine']),
  roles: z.array(roleSchema),
  groups: z.array(z.string()),
  createdAt: z.string(),
  expiresAt: z.string().nullable(),
  status: z.enum(['active', 'expired', 'revoked']),
});
export type IdentityView = z.infer<typeof identitySchema>;

export const identityCreateSchema = z.object({
  name,
  roles: z.array(roleSchema).min(1),
  groups: z.array(name).default([]),
  kind: z.enum(['person', 'machine']).optional(),
  ttl: z.number().int().positive().optional(),
});
export const identityCreatedSchema = z.object({
  identity: identitySchema,
  token: z.string(),
  auditId: z.string(),
});

export const whoamiSchema = z.object({
  identity: identitySchema,
  connections: z.array(z.object({ name: z.string(), mayConnect: z.boolean() })),
  /** The person for whom a machine acts. */
  endUser: z.string().nullable().optional(),
  /** How it signed in; null for an identity of this daemon. */
  signIn: z
    .object({
      issuer: z.string(),
      authTime: z.string().nullable(),
      acr: z.string().nullable(),
      checkedAt: z.string(),
      expiresAt: z.string(),
    })
    .nullable()
    .optional(),
});

export const connectionSchema = z.object({
  id: z.string(),
  name: z.string(),
  protocol: z.string(),
  /** `PostgreSQL db.internal:5432/shop as app_ro`. */
  target: z.string(),
  /** The URL without any secret. */
  url: z.string(),
  labels: z.record(z.string(), z.string()),
  /** `keychain`, `encrypted`, `env:NAME`, `file:PATH`, `exec`, or null. Owners only; null for others. */
  credential: z.string().nullable(),
  mayConnect: z.boolean(),
  createdAt: z.string(),
});
export type ConnectionView = z.infer<typeof connectionSchema>;

/** The text of a file that a connection's URL is about, such as a kubeconfig. */
const configuration = z.string().max(1_048_576).optional();

/** What unlocks a private key: itself, to be stored in the vault, or a reference to it. */
const passphrase = {
  passphrase: z.string().max(4096).optional(),
  passphraseRef: z.string().max(4096).optional(),
};

export const connectionAddSchema = z.object({
  configuration,
  name,
  url: z.string().max(8192),
  /** Literal secret to be stored in the vault; exclusive with `secretRef`. */
  secret: z.string().max(65_536).optional(),
  secretRef: z.string().max(4096).optional(),
  ...passphrase,
  labels: z.record(name, z.string().max(256)).default({}),
  /** The fingerprint of a host key that was agreed to, or `first`. */
  acceptHostKey: z.string().max(128).optional(),
  test: z.boolean().default(true),
});
export const connectionEditSchema = z.object({
  configuration,
  url: z.string().max(8192).optional(),
  secret: z.string().max(65_536).optional(),
  secretRef: z.string().max(4096).optional(),
  ...passphrase,
  labels: z.record(name, z.string().max(256)).optional(),
  acceptHostKey: z.string().max(128).optional(),
  test: z.boolean().default(true),
});
export const connectionSavedSchema = z.object({
  connection: connectionSchema,
  report: connectionReportSchema.nullable(),
  /** Where the secret went, with a warning when it is not the keychain. */
  stored: z.object({ backend: z.string(), warning: z.string().nullable() }).nullable(),
  /** Live sessions that an edit ended. */
  cutSessions: z.number(),
  auditId: z.string(),
});

export const sessionSchema = z.object({
  id: z.string(),
  connection: z.string(),
  identity: z.string(),
  /** The person for whom a machine acts. */
  endUser: z.string().nullable().optional(),
  protocol: z.string(),
  client: z.string(),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
  status: z.enum(['open', 'closed', 'interrupted']),
  endReason: z.string().nullable(),
  statements: z.number(),
  blocked: z.number(),
  approved: z.number(),
  denied: z.number(),
});
export type SessionView = z.infer<typeof sessionSchema>;

export const sessionFilterSchema = z.object({
  connection: z.string().optional(),
  identity: z.string().optional(),
  decision: z.enum(['blocked', 'approved', 'denied']).optional(),
  status: z.enum(['open', 'closed', 'interrupted']).optional(),
  text: z.string().optional(),
  since: z.string().optional(),
  until: z.string().optional(),
  limit: z.coerce.number().int().positive().max(10_000).default(200),
});

export const policyProblemSchema = z.object({
  severity: z.enum(['error', 'warning']),
  line: z.number().nullable(),
  column: z.number().nullable(),
  message: z.string(),
});
export const policyCheckRequestSchema = z.object({
  text: z.string().max(1_048_576),
  source: z.string().max(4096),
});
export const policyCheckSchema = z.object({
  ok: z.boolean(),
  hash: z.string().nullable(),
  rules: z.number(),
  masks: z.number(),
  problems: z.array(policyProblemSchema),
});
/** A statement of a script: where it stands (UTF-16 code units, line from 1), how it begins, whether it refuses a transaction. */
export const scriptStatementSchema = z.object({
  start: z.number(),
  end: z.number(),
  line: z.number(),
  begins: z.string(),
  outside: z.boolean(),
});
export type ScriptStatement = z.infer<typeof scriptStatementSchema>;

export const policyExplainRequestSchema = statedSchema.extend({
  as: z.string().optional(),
  connection: z.string(),
  statement: z.string(),
  /** A policy file's text to explain instead of the applied one. */
  policy: z.string().optional(),
});
export const policyTestRequestSchema = z.object({
  tests: z.string().max(1_048_576),
  policy: z.string().optional(),
});
export const policyTestSchema = z.object({
  passed: z.number(),
  failed: z.number(),
  results: z.array(
    z.object({
      as: z.string(),
      connection: z.string(),
      statement: z.string(),
      expect: z.string(),
      got: z.string(),
      rule: z.string().nullable(),
      ok: z.boolean(),
    }),
  ),
});
export const policyDiffSchema = z.object({
  changed: z.boolean(),
  currentHash: z.string().nullable(),
  newHash: z.string(),
  /** Unified diff lines of the text. */
  diff: z.array(z.string()),
  /** In words: `rule agents-read: decision allow -> approve`. */
  summary: z.array(z.string()),
});
export const policyAppliedSchema = z.object({
  version: z.number(),
  hash: z.string(),
  changed: z.boolean(),
  problems: z.array(policyProblemSchema),
  auditId: z.string(),
});
export const policyCurrentSchema = z.object({
  version: z.number(),
  hash: z.string(),
  source: z.string(),
  text: z.string(),
  appliedBy: z.string(),
  appliedAt: z.string(),
});

export const auditVerifySchema = z.object({
  ok: z.boolean(),
  entries: z.number(),
  recordings: z.number(),
  /** The first broken thing, in words and by sequence number or session. */
  firstBroken: z
    .object({ seq: z.number().nullable(), session: z.string().nullable(), message: z.string() })
    .nullable(),
  problems: z.array(z.string()),
  /** Entries after the last signed head (a daemon that was killed leaves some). */
  unsigned: z.number(),
  head: z.object({ seq: z.number(), hash: z.string(), signedAt: z.string() }).nullable(),
});

export const doctorSchema = z.object({
  findings: z.array(
    z.object({
      level: z.enum(['ok', 'note', 'warning', 'problem']),
      topic: z.string(),
      message: z.string(),
      fix: z.string().nullable(),
    }),
  ),
});
