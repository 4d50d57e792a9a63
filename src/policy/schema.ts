import { z } from 'zod';
import { issuerSchema, twins } from '../identity/issuer-schema.ts';
import { ROLES } from '../identity/roles.ts';
import { samlProviderSchema } from '../identity/saml-schema.ts';
import { EFFECTS } from '../sql/facts.ts';
import {
  columnPattern,
  connectionPattern,
  count,
  duration,
  identityName,
  LONGEST_LIST,
  listOf,
  nameGlob,
  ownName,
  principal,
  size,
  tablePattern,
} from './field-schemas.ts';
import { requireSchema } from './require-schema.ts';

/** The shape of the policy file. The one place that says which keys there are; types and the editors' JSON Schema derive from it. */

export const DECISIONS = ['allow', 'approve', 'block'] as const;
const STRATEGIES = ['redact', 'partial', 'hash', 'null'] as const;

/** What an approve rule means when it does not say otherwise. */
export const DEFAULT_APPROVALS = 1;
export const DEFAULT_EXPIRES_MS = 15 * 60_000;
/** Locks are held meanwhile. */
export const DEFAULT_COMMIT_EXPIRES_MS = 2 * 60_000;
/** Characters that `partial` leaves readable. */
export const DEFAULT_KEEP_LAST = 4;

export const ruleSchema = z.strictObject({
  name: ownName.describe('Shown to whoever is stopped by it, and in every recording.'),
  who: listOf(principal).optional().describe('Identities, globs or group:NAME. Left out: everyone.'),
  connections: listOf(connectionPattern)
    .optional()
    .describe('Names, globs or labels such as env=prod. Left out: all.'),
  effects: listOf(z.enum(EFFECTS))
    .optional()
    .describe('What a statement does. Left out: all (but only a block rule then covers "unknown").'),
  tables: listOf(tablePattern)
    .optional()
    .describe('Objects touched, as globs over schema.name. Left out: all.'),
  objects: listOf(z.string().min(1).max(512))
    .optional()
    .describe('Things touched other than tables, as globs: "shop/deployments/*", a path. Left out: all.'),
  commands: listOf(z.string().trim().min(1).max(256))
    .optional()
    .describe('Command words, globs allowed: DROP, "ALTER TABLE * DROP *".'),
  when: listOf(z.string()).optional().describe('Named conditions found in the parse tree; any of them.'),
  table_rows_above: count
    .optional()
    .describe('Only where a table touched has more rows than this, by the catalog (or nobody knows).'),
  estimated_rows_above: count
    .optional()
    .describe('Only where the planner expects more rows than this, or cannot tell.'),
  statement_bytes_above: size
    .optional()
    .describe('Only where the text of the statement is longer than this, such as 10KiB.'),
  decision: z.enum(DECISIONS),
  message: z.string().min(1).max(1000).optional().describe('What the requester reads when this rule blocks.'),
  require: requireSchema
    .optional()
    .describe(
      'A reason or a ticket number that the requester must give; without it the statement is refused.',
    ),
  approvers: listOf(principal)
    .optional()
    .describe('Who may decide. Left out: anyone with the role approver or owner.'),
  all_of: listOf(principal)
    .optional()
    .describe('At least one of each must approve, as many different people unless approvals says otherwise.'),
  approvals: z.number().int().min(1).max(20).optional().describe('How many different people must approve.'),
  expires: duration.optional().describe('How long a request waits, such as 15m.'),
  self_approval: z.boolean().optional().describe('Whether the requester may decide its own statement.'),
  rehearse: z
    .boolean()
    .optional()
    .describe('Run it in a transaction that is rolled back, to show the approver real row counts.'),
  at: z
    .enum(['statement', 'commit'])
    .optional()
    .describe('Where it waits: before the statement, or before the COMMIT of its transaction.'),
});
export type PolicyRule = z.infer<typeof ruleSchema>;

export const maskSchema = z.strictObject({
  name: ownName,
  columns: listOf(columnPattern).optional().describe('Globs over schema.table.column.'),
  detect: listOf(z.string())
    .optional()
    .describe('Detectors: mask only what they find, in the columns named or in every text value.'),
  strategy: z.enum(STRATEGIES),
  keep_last: z.number().int().min(0).max(64).optional().describe('partial: characters that stay readable.'),
  except: listOf(principal).optional().describe('Who sees the value in clear.'),
  keep_keys: listOf(
    z
      .string()
      .regex(/^[^.]+(\.[^.]+)*$/, 'write a key, or a path such as "settings.lang"')
      .max(256),
  )
    .optional()
    .describe('json and jsonb: keys by path that stay readable; everything else in the document is masked.'),
  filter: z.enum(['none', 'equality']).optional().describe('Predicates allowed on the column.'),
  min_group: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe('The smallest number that count() of the column may show; below it comes NULL.'),
});
export type PolicyMask = z.infer<typeof maskSchema>;

const delegationSchema = z.strictObject({
  who: listOf(principal).describe('Machines: identities, globs or group:NAME.'),
  acts_for: listOf(nameGlob).describe('Names of people, globs allowed.'),
});

export const functionSchema = z.strictObject({
  name: tablePattern.describe('schema.function, or a glob over it. All functions of that name.'),
  effect: z.enum(['read', 'write', 'ddl', 'admin', 'session']).describe('What a call of it does.'),
  connections: listOf(connectionPattern).optional().describe('Left out: all.'),
});
export type PolicyFunction = z.infer<typeof functionSchema>;

export const limitSchema = z.strictObject({
  name: ownName,
  who: listOf(principal).optional(),
  connections: listOf(connectionPattern).optional(),
  rows_read: count.optional().describe('Rows sent to the client in a session.'),
  rows_written: count.optional().describe('Rows inserted, updated, deleted or copied in.'),
  statements: count.optional().describe('Statements that run.'),
  bytes: size.optional().describe('Bytes of results sent to the client.'),
  denied: count.optional().describe('Attempts that were blocked or denied.'),
  duration: duration.optional().describe('Time since the session began.'),
  sessions: count.optional().describe('Sessions of one identity that are open at the same time.'),
  decision: z
    .enum(['approve', 'block', 'cut'])
    .describe('What everything after it needs or meets; cut ends the session.'),
  message: z.string().min(1).max(1000).optional(),
  approvers: listOf(principal).optional(),
  approvals: z.number().int().min(1).max(20).optional(),
  expires: duration.optional(),
});
export type PolicyLimit = z.infer<typeof limitSchema>;

const roleName = z
  .string()
  .regex(/^[a-z_][a-z0-9_$]{0,62}$/, 'write the name of a role as PostgreSQL stores it');

const grantSchema = z.strictObject({
  privileges: listOf(
    z.enum([
      'select',
      'insert',
      'update',
      'delete',
      'truncate',
      'references',
      'trigger',
      'usage',
      'execute',
      'create',
    ]),
  ),
  tables: listOf(z.string().regex(/^[^.*]+\.([^.*]+|\*)$/, 'write schema.table or schema.*')).optional(),
  sequences: listOf(
    z.string().regex(/^[^.*]+\.([^.*]+|\*)$/, 'write schema.sequence or schema.*'),
  ).optional(),
  schemas: listOf(z.string().min(1).max(63)).optional(),
  functions: listOf(z.string().regex(/^[^.*]+\.\*$/, 'write schema.*')).optional(),
});

export const guardSchema = z.strictObject({
  name: ownName,
  who: listOf(principal).optional(),
  connections: listOf(connectionPattern).optional(),
  read_only: z.literal(true).optional().describe('The session cannot write, whatever a rule says.'),
  statement_timeout: duration.optional(),
  lock_timeout: duration.optional(),
  idle_in_transaction_session_timeout: duration.optional(),
  role: z
    .strictObject({
      template: roleName.optional().describe('The session gets what this role may.'),
      grants: listOf(grantSchema).optional().describe('Privileges it gets besides.'),
      valid_for: duration.describe('The session ends and the role is dropped after this.'),
    })
    .optional()
    .describe('A role made for each session and dropped with it.'),
});
export type PolicyGuard = z.infer<typeof guardSchema>;

export const identitySchema = z
  .strictObject({
    issuers: z
      .array(issuerSchema)
      .max(50)
      .default([])
      .describe('Whose tokens are taken for who somebody is.'),
    saml: z
      .array(samlProviderSchema)
      .max(50)
      .default([])
      .describe('SAML providers through which people sign in.'),
    roles: z
      .partialRecord(z.enum(ROLES), listOf(principal))
      .default({})
      .describe('Who may do what to hoopctl itself, besides the roles that identities bring.'),
    on_behalf_of: z
      .array(delegationSchema)
      .max(LONGEST_LIST)
      .default([])
      .describe('Which machines may say for whom they act. Left out: none.'),
    people: z
      .record(
        ownName,
        listOf(identityName).refine((identities) => identities.length > 1, 'name two identities at least'),
      )
      .default({})
      .describe('Identities that are one person, who counts once and never decides its own statement.'),
  })
  .superRefine(({ issuers, people, saml }, context) => {
    const taken = new Set<string>();
    for (const [person, identities] of Object.entries(people)) {
      for (const [i, identity] of identities.entries()) {
        if (taken.has(identity)) {
          const message = `${identity} is listed before; an identity is one person`;
          context.addIssue({ code: 'custom', message, path: ['people', person, i] });
        }
        taken.add(identity);
      }
    }
    for (const { index, key } of twins([...issuers, ...saml])) {
      const path = index < issuers.length ? ['issuers', index, key] : ['saml', index - issuers.length, key];
      context.addIssue({ code: 'custom', message: 'another issuer has the same', path });
    }
  });

export const policySchema = z.strictObject({
  version: z.literal(1),
  default: z.enum(DECISIONS).default('block').describe('What no rule matches. Never covers "unknown".'),
  groups: z
    .record(ownName, listOf(nameGlob))
    .default({})
    .describe("Groups besides those that an identity's token brings: names and globs."),
  identity: identitySchema
    .default({ issuers: [], saml: [], roles: {}, on_behalf_of: [], people: {} })
    .describe('Who may come: trusted issuers of tokens, and roles.'),
  rules: z.array(ruleSchema).max(LONGEST_LIST).default([]),
  masks: z.array(maskSchema).max(LONGEST_LIST).default([]),
  functions: z
    .array(functionSchema)
    .max(LONGEST_LIST)
    .default([])
    .describe('What functions do that analysis cannot tell, or should be taken for something else.'),
  limits: z.array(limitSchema).max(LONGEST_LIST).default([]).describe('Budgets of a session.'),
  guards: z
    .array(guardSchema)
    .max(LONGEST_LIST)
    .default([])
    .describe('What the database itself enforces, besides the rules.'),
});

/** The file as data, keys in the file's own words; durations are milliseconds. */
export type PolicyDocument = z.infer<typeof policySchema>;
