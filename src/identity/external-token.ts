import { LoginNeeded } from '../base/errors.ts';
import { type Claims, isPlain } from './claims.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import type { Issuer } from './issuer-schema.ts';
import { again, malformed, missing, signedClaims, timeOf, wrongType } from './signed-token.ts';

const LONGEST_SUBJECT = 255;
/** Actors behind actors (RFC 8693 section 4.1); only the first counts. */
const MOST_ACTORS = 5;

/** Header types that may carry an identity: RFC 7519 5.1, RFC 9068 2.1; SPIFFE JWT-SVID 2.2 allows JOSE. */
const TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt', 'application/at+jwt', 'jose']);
/** What identity providers put into a `typ` or `token_use` claim of tokens that stand for somebody. */
const USES: ReadonlySet<string> = new Set(['id', 'access', 'bearer', 'jwt']);

/** What is asked of a token besides what its issuer's part of the policy says. */
export interface TokenExpectation {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The nonce of the request that the token answers, where there was one. */
  readonly nonce?: string | undefined;
}

/** A token whose signature, times and audience hold. */
export interface VerifiedToken {
  readonly claims: Claims;
  readonly subject: string;
  /** Who acts, for a token with `act`. */
  readonly actor: Claims | undefined;
  /** When the person signed in at the issuer, in milliseconds. */
  readonly authTime: number | undefined;
  readonly acr: string | undefined;
  /** The person's session at the issuer (`sid`), which a logout names. */
  readonly session: string | undefined;
  /** What tells it from every other token of the issuer: its `jti`, else what was signed. */
  readonly once: string;
  /** From when on it is refused anyway, in milliseconds since 1970. */
  readonly until: number;
}

/**
 * Verifies a token (RFC 7519, RFC 8725) of an issuer: signature by one of its keys with an algorithm that the
 * policy allows, exact issuer, audience, authorized party, times, type. Says what is wrong, never the token.
 * Throws LoginNeeded with a code for each of these, NotReachable `issuer_unreachable`.
 */
export async function verifyExternalToken(
  token: string,
  issuer: Issuer,
  keys: Pick<IssuerKeys, 'find'>,
  expected: TokenExpectation,
): Promise<VerifiedToken> {
  const claims = await signedClaims(token, issuer, keys, TYPES);
  checkUse(claims);
  checkAudience(claims, issuer);
  const until = checkTimes(claims, issuer, expected.now);
  checkNonce(claims, expected.nonce);
  const authTime = checkSignIn(claims, issuer, expected.now);
  const acr = typeof claims.acr === 'string' ? claims.acr : undefined;
  const session =
    typeof claims.sid === 'string' && claims.sid.length <= LONGEST_SUBJECT ? claims.sid : undefined;
  const once = onceOf(token, claims);
  return { claims, subject: subjectOf(claims), actor: actorOf(claims), authTime, acr, session, once, until };
}

/** Tokens that mean something else: logout and security event tokens, refresh tokens, tokens bound to a key. */
function checkUse(claims: Claims): void {
  if (claims.events !== undefined) throw wrongType();
  for (const use of [claims.typ, claims.token_use]) {
    if (use !== undefined && (typeof use !== 'string' || !USES.has(use.toLowerCase()))) throw wrongType();
  }
  if (claims.cnf !== undefined) {
    throw new LoginNeeded('token_bound', 'the token is bound to a key of its holder (cnf)', {
      why: 'hoopctl takes bearer tokens only, and a bound one must not be used as one',
    });
  }
}

function checkAudience(claims: Claims, issuer: Issuer): void {
  const { aud, azp } = claims;
  const audiences: unknown[] = Array.isArray(aud) ? aud : [aud];
  const wanted = issuer.audiences;
  const readable = audiences.every((one) => typeof one === 'string') && audiences.length <= 100;
  if (!readable || !audiences.some((one) => wanted.includes(String(one)))) {
    throw new LoginNeeded('token_audience', 'the token was issued for somebody else (aud)', {
      why: `hoopctl takes tokens for ${wanted.join(', ')}`,
    });
  }
  const parties = issuer.authorized_parties ?? wanted;
  // OpenID Connect names the client in azp, RFC 9068 in client_id; an ID token's only audience is its client.
  const named = azp ?? (issuer.authorized_parties === undefined ? undefined : claims.client_id);
  const ours = audiences.every((one) => wanted.includes(String(one)));
  if (named === undefined && issuer.authorized_parties === undefined && ours) return;
  const party = named ?? (audiences.length === 1 ? audiences[0] : undefined);
  if (typeof party === 'string' && parties.includes(party)) return;
  throw new LoginNeeded('token_party', 'the token was issued to another client (azp)', {
    why: party === undefined ? 'it does not say which client got it' : 'its client is not a known one',
    next: `an owner lists the client under authorized_parties of the issuer ${issuer.name}`,
  });
}

/** Answers until when it counts. */
function checkTimes(claims: Claims, issuer: Issuer, now: number): number {
  const { leeway, max_token_age: longest } = issuer;
  const expires = timeOf(claims, 'exp');
  const issued = timeOf(claims, 'iat');
  const notBefore = timeOf(claims, 'nbf');
  if (expires === undefined) throw missing('exp');
  if (issued === undefined) throw missing('iat');
  if (now >= expires + leeway) throw new LoginNeeded('token_expired', 'the token has expired', again());
  if (notBefore !== undefined && notBefore > now + leeway) {
    throw new LoginNeeded('token_not_yet', 'the token is not valid yet (nbf): are the clocks right?');
  }
  if (issued > now + leeway) {
    throw new LoginNeeded(
      'token_from_future',
      'the token was issued in the future (iat): are the clocks right?',
    );
  }
  if (expires <= issued) throw malformed('it ends before it begins');
  if (now - issued > longest + leeway) {
    throw new LoginNeeded('token_too_old', 'the token was issued too long ago (iat)', again());
  }
  return Math.min(expires, issued + longest) + leeway;
}

/** The signature itself does not count: who has one ECDSA signature can make a second one of it. */
function onceOf(token: string, { jti }: Claims): string {
  const named = typeof jti === 'string' && jti !== '';
  return named ? `jti ${jti}` : `signed ${token.slice(0, token.lastIndexOf('.'))}`;
}

function checkNonce(claims: Claims, nonce: string | undefined): void {
  if (nonce === undefined || claims.nonce === nonce) return;
  throw new LoginNeeded('token_nonce', 'the token answers another request (nonce)', again());
}

/** When and how the person signed in. Throws LoginNeeded `token_sign_in_age`, `token_acr`. */
function checkSignIn(claims: Claims, issuer: Issuer, now: number): number | undefined {
  const authTime = timeOf(claims, 'auth_time');
  if (authTime !== undefined && authTime > now + issuer.leeway) {
    throw new LoginNeeded('token_from_future', 'the token names a sign-in in the future (auth_time)');
  }
  if (
    issuer.max_age !== undefined &&
    !(authTime !== undefined && now - authTime <= issuer.max_age + issuer.leeway)
  ) {
    const why = authTime === undefined ? 'the token does not say when (auth_time)' : undefined;
    throw new LoginNeeded('token_sign_in_age', 'you signed in at the issuer too long ago', {
      ...(why === undefined ? {} : { why }),
      next: 'hoopctl login --fresh',
    });
  }
  if (issuer.acr !== undefined && !(typeof claims.acr === 'string' && issuer.acr.includes(claims.acr))) {
    throw new LoginNeeded('token_acr', 'you did not sign in the way that is asked for (acr)', {
      why: `one of ${issuer.acr.join(', ')}`,
    });
  }
  return authTime;
}

function subjectOf(claims: Claims): string {
  const { sub } = claims;
  if (typeof sub === 'string' && sub !== '' && sub.length <= LONGEST_SUBJECT && isPlain(sub)) return sub;
  throw malformed('its sub is not a name of up to 255 characters');
}

/** RFC 8693 section 4.1: the outermost `act` is who acts now, those within it acted before. */
function actorOf(claims: Claims): Claims | undefined {
  if (claims.act === undefined) return undefined;
  let depth = 0;
  for (let actor: unknown = claims.act; actor !== undefined; actor = (actor as Claims).act) {
    depth += 1;
    if (typeof actor !== 'object' || actor === null || Array.isArray(actor) || depth > MOST_ACTORS) {
      throw malformed('its act claim is not an actor');
    }
  }
  const actor = claims.act as Claims;
  subjectOf(actor);
  return actor;
}
