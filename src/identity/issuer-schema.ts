import { z } from 'zod';
import { HoopError } from '../base/errors.ts';
import { parseDuration } from '../base/quantities.ts';
import { ROLES } from './roles.ts';

/** Whom to believe about who somebody is: the `identity` part of the policy file. Unknown keys are errors. */

/** RFC 7518 section 3.1 and RFC 8037 without `none` and without shared secrets (HS256 and its like). */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;

/** A session token lives an hour at most, so groups are checked again at least that often. In milliseconds. */
const LONGEST_SESSION = 3_600_000;
const LEAST_SESSION = 60_000;
const LONGEST_AGE = 7 * 86_400_000;
const LONGEST_LEEWAY = 300_000;

const LOOPBACK_HTTP = /^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?(\/|$)/;

function duration(least: number, most: number) {
  return z.string().transform((text, context): number => {
    const problem = (message: string): never => {
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    };
    try {
      const ms = parseDuration(text);
      return ms >= least && ms <= most ? ms : problem(`must be between ${least / 1000}s and ${most / 1000}s`);
    } catch (error) {
      if (error instanceof HoopError) return problem(`${error.message}: ${error.next ?? ''}`);
      throw error;
    }
  });
}

export const listOf = <T extends z.ZodType>(item: T) => z.array(item).min(1).max(1000);
export const text = z.string().min(1).max(1024);
export const domainName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9.-]{0,62}$/,
    'small letters, digits, dots and hyphens, such as "corp" or "example.com"',
  );
const group = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$/, 'a group has letters, digits and . _ @ + - only');
export const url = z
  .string()
  .max(2048)
  .refine((given) => URL.canParse(given) && /^https?:\/\/[^@]+$/.test(given) && !given.includes('#'), {
    message: 'write an https URL without user and fragment',
  });

/** One value of a claim, `*` for any run of characters; or true and false for claims that are. */
const claimPattern = z.union([text, z.boolean(), listOf(text)]);

export const claimRuleSchema = z.strictObject({
  match: z
    .record(text, claimPattern)
    .refine((match) => Object.keys(match).length > 0, { message: 'name at least one claim' })
    .describe('Claims that must all fit: a value, a glob, or a list of which one fits.'),
  name: z
    .string()
    .min(1)
    .max(256)
    .describe('Who it is then: plain text, or claims in braces such as "{email}". Ends in @DOMAIN.'),
  subject: text
    .optional()
    .describe(
      'What makes it the same identity each time. Left out: {sub}, or the name where that is plain text.',
    ),
  kind: z.enum(['person', 'machine']),
  groups: listOf(group).optional().describe('Groups besides those of the groups claim.'),
  roles: z.array(z.enum(ROLES)).min(1).max(ROLES.length).default(['requester']),
});
export type ClaimRule = z.infer<typeof claimRuleSchema>;

const stepUpSchema = z.strictObject({
  max_age: duration(1000, 3_600_000)
    .default(300_000)
    .describe('How long ago an approver may have signed in to decide. Left out: 5m.'),
  acr: listOf(text).optional().describe('How it must have signed in: one of these acr values.'),
});

const livenessSchema = z.strictObject({
  check: z
    .enum(['userinfo', 'introspection', 'none'])
    .default('userinfo')
    .describe(
      'How the issuer is asked whether somebody still is there: people by UserInfo, or people and machines by introspection of their token.',
    ),
  every: duration(5000, 3_600_000)
    .default(45_000)
    .describe('How often, while the person has sessions. Left out: 45s.'),
  outage: duration(0, 3_600_000)
    .default(300_000)
    .describe('For how long an issuer that does not answer is borne with. Left out: 5m.'),
  required: z
    .literal(true)
    .optional()
    .describe(
      'Who signs in without an access token to ask with is refused. Left out: is let in for `unasked`.',
    ),
  unasked: duration(LEAST_SESSION, LONGEST_SESSION)
    .default(LEAST_SESSION)
    .describe(
      'How long the session of a person lives until the next fresh token whom nobody can ask for. Left out: 1m.',
    ),
});
const LIVENESS = { check: 'userinfo', every: 45_000, outage: 300_000, unasked: LEAST_SESSION } as const;

const introspectionSchema = z.strictObject({
  client_id: text.describe(
    'Its secret is in HOOPCTL_INTROSPECTION_SECRET_NAME, NAME being the issuer in capitals.',
  ),
  uri: url.optional().describe('Where it is asked. Left out: as its discovery says.'),
});

/** What holds for whoever signs in, wherever. */
export const sessionFields = {
  leeway: duration(0, LONGEST_LEEWAY).default(30_000).describe('How far clocks may differ. Left out: 30s.'),
  session: duration(LEAST_SESSION, LONGEST_SESSION)
    .default(LONGEST_SESSION)
    .describe('How long a session token lives until the issuer is asked again. At most 1h.'),
  step_up: stepUpSchema
    .default({ max_age: 300_000 })
    .describe('What an approver must have shown the issuer to decide.'),
};

export const groupsTaken = listOf(text)
  .optional()
  .describe('Which groups of the claim count, by name or glob. Left out: all that it names.');

const issuerFields = {
  name: domainName.describe('How hoopctl calls it.'),
  issuer: url.describe('Its URL, exactly as its tokens spell it in iss.'),
  domain: domainName.describe(
    'What the names of its identities end in, after an @. No other issuer may have it.',
  ),
  audiences: listOf(text).describe('aud: tokens for others are refused.'),
  authorized_parties: listOf(text)
    .optional()
    .describe('azp: clients that tokens may have been issued to. Left out: the audiences.'),
  algorithms: z.array(z.enum(ALGORITHMS)).min(1).max(ALGORITHMS.length).default(['RS256', 'ES256', 'EdDSA']),
  client_id: text.optional().describe('What `hoopctl login` signs in with.'),
  scopes: listOf(text).optional().describe('What `hoopctl login` asks for. Left out: openid.'),
  jwks_uri: url.optional().describe('Where its keys are, for an issuer without discovery.'),
  userinfo_uri: url
    .optional()
    .describe('Where it says who an access token stands for, for an issuer without discovery.'),
  allow_http_loopback: z.literal(true).optional().describe('For trials: plain http on a loopback address.'),
  groups_claim: text
    .optional()
    .describe('Where groups stand in its tokens, such as groups or realm_access.roles.'),
  groups_optional: z
    .literal(true)
    .optional()
    .describe('A token without the groups claim then means no groups; otherwise it is refused.'),
  groups_taken: groupsTaken,
  trust_email: z
    .literal(true)
    .optional()
    .describe('Its email claim counts although there is no email_verified.'),
  max_token_age: duration(1000, LONGEST_AGE)
    .default(86_400_000)
    .describe('How long ago a token may have been issued. Left out: 24h.'),
  max_age: duration(1000, LONGEST_AGE)
    .optional()
    .describe('How long ago a person may have signed in at the issuer (auth_time). Left out: not looked at.'),
  acr: listOf(text).optional().describe('How it must have signed in: one of these acr values.'),
  liveness: livenessSchema
    .default(LIVENESS)
    .describe('People who are disabled at the issuer lose their sessions by this, within a minute.'),
  introspection: introspectionSchema
    .optional()
    .describe(
      'As which client the issuer is asked about tokens (RFC 7662), for liveness: {check: introspection}.',
    ),
  reusable_tokens: z
    .literal(true)
    .optional()
    .describe('Its tokens may be exchanged again until they expire, as where pods share a file.'),
  ...sessionFields,
  identities: listOf(claimRuleSchema).describe('Who its tokens stand for. The first rule that fits counts.'),
  actors: listOf(claimRuleSchema)
    .optional()
    .describe('Who acts, for tokens with an act claim (RFC 8693), read from that claim. Left out: refused.'),
};

export const issuerSchema = z.strictObject(issuerFields).superRefine((issuer, context) => {
  for (const key of ['issuer', 'jwks_uri', 'userinfo_uri'] as const) {
    const given = issuer[key];
    if (given === undefined || given.startsWith('https://')) continue;
    if (issuer.allow_http_loopback && LOOPBACK_HTTP.test(given)) continue;
    const message = LOOPBACK_HTTP.test(given)
      ? 'plain http needs allow_http_loopback: true'
      : 'must be https: plain http is for loopback addresses only';
    context.addIssue({ code: 'custom', message, path: [key] });
  }
  if (issuer.liveness.check === 'introspection' && issuer.introspection === undefined) {
    const message = 'introspection needs a client: introspection: {client_id: …}';
    context.addIssue({ code: 'custom', message, path: ['liveness', 'check'] });
  }
  const asked = issuer.introspection?.uri;
  if (asked !== undefined && !asked.startsWith('https://')) {
    if (!issuer.allow_http_loopback || !LOOPBACK_HTTP.test(asked)) {
      const message = 'must be https: plain http is for loopback addresses only';
      context.addIssue({ code: 'custom', message, path: ['introspection', 'uri'] });
    }
  }
  for (const key of ['identities', 'actors'] as const) {
    for (const [i, rule] of (issuer[key] ?? []).entries()) {
      const problem = ruleProblem(rule, key === 'actors');
      if (problem)
        context.addIssue({ code: 'custom', message: problem.message, path: [key, i, problem.key] });
    }
  }
});
export type Issuer = z.infer<typeof issuerSchema>;

/** What signing in needs of an issuer of tokens, or of a SAML provider. */
export type SignInSource = Pick<
  Issuer,
  | 'name'
  | 'issuer'
  | 'domain'
  | 'leeway'
  | 'session'
  | 'step_up'
  | 'trust_email'
  | 'groups_claim'
  | 'groups_optional'
  | 'groups_taken'
  | 'identities'
  | 'actors'
> &
  Partial<Pick<Issuer, 'liveness' | 'introspection'>>;

function ruleProblem(rule: ClaimRule, actor: boolean): { key: string; message: string } | undefined {
  for (const key of ['name', 'subject'] as const) {
    const template = rule[key];
    if (template !== undefined && /[{}]/.test(template.replaceAll(/\{[^{}]+\}/g, ''))) {
      return { key, message: 'braces stand around the name of a claim: "{email}"' };
    }
  }
  if (actor && rule.kind !== 'machine') return { key: 'kind', message: 'an actor is a machine' };
  // A name for everybody whom a pattern fits would make one person of many.
  if (rule.kind === 'person' && !rule.name.includes('{')) {
    return { key: 'name', message: 'a person\'s name comes from a claim, such as "{email}"' };
  }
  return undefined;
}

/** No two may be taken for each other: names, URLs and domains tell them apart. */
export function twins(sources: readonly Pick<Issuer, 'name' | 'issuer' | 'domain'>[]): {
  readonly index: number;
  readonly key: 'name' | 'issuer' | 'domain';
}[] {
  return (['name', 'issuer', 'domain'] as const).flatMap((key) =>
    sources.flatMap((source, index) => {
      const first = sources.findIndex((other) => other[key] === source[key]);
      return first < index ? [{ index, key }] : [];
    }),
  );
}
