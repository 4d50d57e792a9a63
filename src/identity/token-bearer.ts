import { createHash } from 'node:crypto';
import { LoginNeeded } from '../base/errors.ts';
import { anyMatches, compileGlob } from '../policy/glob.ts';
import type { EndUser, IdentityOrigin } from '../store/store.ts';
import { type ClaimedIdentity, claimedIdentity } from './claim-rules.ts';
import { type Claims, groupsOf } from './claims.ts';
import type { VerifiedToken } from './external-token.ts';
import type { SignInSource } from './issuer-schema.ts';

/** Who comes with a verified token: the identity that acts, and the person for whom it does. */
export interface TokenBearer {
  readonly id: string;
  readonly origin: IdentityOrigin;
  readonly identity: ClaimedIdentity;
  readonly groups: readonly string[];
  readonly endUser: EndUser | undefined;
}

/** The id of an identity of an issuer: the same on every machine, whether it ever signed in there or not. */
export function idOfOrigin({ issuer, subject }: IdentityOrigin): string {
  const digest = createHash('sha256').update(`${issuer}\n${subject}`, 'utf8').digest('hex');
  return `idp-${digest.slice(0, 32)}`;
}

/**
 * Reads a verified token by the claim rules of its issuer. A token with `act` (RFC 8693 section 4.1) stands for
 * its actor, who acts for its subject: the actor gets nothing of the subject's groups and roles.
 * Throws what `claimedIdentity` and `groupsOf` throw, LoginNeeded `token_actor`.
 */
export function bearerOf(
  issuer: SignInSource,
  { actor, claims }: Pick<VerifiedToken, 'actor' | 'claims'>,
): TokenBearer {
  const subject = claimedIdentity(issuer.identities, claims, issuer);
  const groups = [...new Set([...claimedGroups(issuer, claims), ...subject.groups])];
  const subjectOrigin = { issuer: issuer.issuer, subject: subject.subject };
  if (actor === undefined) {
    return {
      id: idOfOrigin(subjectOrigin),
      origin: subjectOrigin,
      identity: subject,
      groups,
      endUser: undefined,
    };
  }
  if (subject.kind !== 'person')
    throw wrongActor('a machine acts for a person, and this token is for a machine');
  if (actor.iss !== undefined && actor.iss !== issuer.issuer)
    throw wrongActor('its actor is of another issuer');
  if (issuer.actors === undefined) throw wrongActor(`the issuer ${issuer.name} has no rules for actors`);
  const identity = claimedIdentity(issuer.actors, actor, issuer);
  const origin = { issuer: issuer.issuer, subject: identity.subject };
  return {
    id: idOfOrigin(origin),
    origin,
    identity,
    groups: identity.groups,
    endUser: { id: idOfOrigin(subjectOrigin), name: subject.name, groups, vouchedBy: 'token' },
  };
}

function claimedGroups(issuer: SignInSource, claims: Claims): readonly string[] {
  if (issuer.groups_claim === undefined) return [];
  const groups = groupsOf(claims, issuer.groups_claim, issuer.groups_optional ?? false);
  const taken = issuer.groups_taken?.map((pattern) => compileGlob(pattern));
  return taken === undefined ? groups : groups.filter((group) => anyMatches(taken, group));
}

function wrongActor(why: string): LoginNeeded {
  return new LoginNeeded(
    'token_actor',
    'the token lets somebody act for another (act) in a way that is refused',
    {
      why,
      next: 'an owner describes who may act under actors of the issuer in the policy',
    },
  );
}
