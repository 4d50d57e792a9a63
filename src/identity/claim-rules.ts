import { LoginNeeded } from '../base/errors.ts';
import { compileGlob } from '../policy/glob.ts';
import { type Claims, claimAt, claimText, isPlain } from './claims.ts';
import type { ClaimRule, Issuer } from './issuer-schema.ts';
import type { Role } from './roles.ts';

/** Who a token stands for, by the rules of its issuer. */
export interface ClaimedIdentity {
  readonly name: string;
  /** With the issuer what makes it the same identity each time. */
  readonly subject: string;
  readonly kind: 'person' | 'machine';
  /** Those that the rule itself gives. */
  readonly groups: readonly string[];
  readonly roles: readonly Role[];
}

/** What an identity of an issuer may be called: the policy's names, in small letters, with `/`. */
const NAME = /^[a-z0-9][a-z0-9._@+/-]{0,127}$/;
const CLAIM = /\{([^{}]+)\}/g;
const LONGEST_SUBJECT = 255;

/**
 * The identity of the first rule that fits. `matched` are the claims that rules look at: a token's, or those of
 * its actor. Throws LoginNeeded `token_no_rule`, `token_claim_missing`, `token_email_unverified`, `token_name`.
 */
export function claimedIdentity(
  rules: readonly ClaimRule[],
  claims: Claims,
  issuer: Pick<Issuer, 'name' | 'domain' | 'trust_email'>,
): ClaimedIdentity {
  const rule = rules.find((candidate) => fits(candidate, claims));
  if (!rule) {
    throw new LoginNeeded('token_no_rule', `no claim rule of the issuer ${issuer.name} fits this token`, {
      next: `an owner adds one under identity, issuers, ${issuer.name} in the policy`,
    });
  }
  refuseUnverifiedEmail(rule, claims, issuer);
  const plain = !rule.name.includes('{');
  const template = rule.subject ?? (plain ? rule.name : '{sub}');
  const subject = filled(template, claims);
  if (subject.length > LONGEST_SUBJECT * 4 || !isPlain(subject)) {
    throw badName('its subject is too long, or holds characters that cannot be shown');
  }
  return {
    name: nameOf(filled(rule.name, claims), issuer.domain),
    // Two templates must never make one identity of two: no sub has a line break.
    subject: template === '{sub}' ? subject : `${template}\n${subject}`,
    kind: rule.kind,
    groups: rule.groups ?? [],
    roles: rule.roles,
  };
}

function fits(rule: ClaimRule, claims: Claims): boolean {
  return Object.entries(rule.match).every(([path, pattern]) => {
    const value = claimAt(claims, path);
    if (typeof pattern === 'boolean') return value === pattern;
    const globs = [pattern].flat().map((glob) => compileGlob(glob));
    const values = Array.isArray(value) ? value : [claimText(claims, path)];
    return values.some((text) => typeof text === 'string' && globs.some((glob) => glob.matches(text)));
  });
}

/** An email that nobody verified is anybody's to choose. */
function refuseUnverifiedEmail(rule: ClaimRule, claims: Claims, issuer: Pick<Issuer, 'trust_email'>): void {
  const used = [rule.name, rule.subject ?? ''].some((template) => template.includes('{email}'));
  if (!used && !Object.hasOwn(rule.match, 'email')) return;
  const verified = claims.email_verified;
  if (verified === true || verified === 'true') return;
  if (verified === undefined && issuer.trust_email) return;
  throw new LoginNeeded(
    'token_email_unverified',
    'the issuer does not say that the email address was verified',
    {
      next: 'let it send email_verified: true, or name identities by another claim',
    },
  );
}

function filled(template: string, claims: Claims): string {
  return template.replaceAll(CLAIM, (_, path: string) => {
    const value = claimText(claims, path);
    if (value !== undefined && value !== '') return value;
    throw new LoginNeeded('token_claim_missing', `the token has no claim "${path}"`, {
      why: 'the claim rule that fits makes the name or the subject of it',
    });
  });
}

/** Every name of an issuer ends in its domain, so none is ever that of a local identity or of another issuer. */
function nameOf(text: string, domain: string): string {
  const folded = text.toLowerCase();
  const name = folded.includes('@') ? folded : `${folded}@${domain}`;
  if (!NAME.test(name)) throw badName('names have letters, digits and . _ @ + / - only, 128 at most');
  const at = name.indexOf('@');
  if (at !== name.lastIndexOf('@') || name.slice(at + 1) !== domain) {
    throw badName(`names of this issuer end in @${domain}`);
  }
  return name;
}

function badName(why: string): LoginNeeded {
  return new LoginNeeded('token_name', 'the name that the claim rule makes of this token cannot be used', {
    why,
  });
}
