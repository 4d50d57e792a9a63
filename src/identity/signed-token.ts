import { type CompactJWSHeaderParameters, compactVerify, decodeProtectedHeader } from 'jose';
import { HoopError, LoginNeeded, systemCode } from '../base/errors.ts';
import type { Claims } from './claims.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import type { Issuer } from './issuer-schema.ts';

/** What every signed token of an issuer has in common (RFC 7515, RFC 7519, RFC 8725), whatever it is for. */

/** A token of an issuer, longer than any that fits a request header. In characters. */
const LONGEST_TOKEN = 16_384;
const LONGEST_HEADER = 4096;

/** Whether a text has the form of a token of an issuer (RFC 7515, section 7.1); it may still be none. */
export function isIssuerToken(text: string): boolean {
  return text.length <= LONGEST_TOKEN && /^eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(text);
}

/** The issuer that a token says it comes from: not believed yet, only for picking the one to verify with. */
export function claimedIssuer(token: string): string {
  if (token.length > LONGEST_TOKEN) throw malformed('it is longer than 16 384 characters');
  const parts = token.split('.');
  if (parts.length === 5) throw malformed('it is encrypted (JWE), which hoopctl does not read');
  if (parts.length !== 3 || !parts.every((part) => /^[A-Za-z0-9_-]+$/.test(part))) {
    throw malformed('it is not three base64url parts');
  }
  const { iss } = jsonObject(Buffer.from(parts[1] ?? '', 'base64url'));
  if (typeof iss !== 'string' || iss === '') throw malformed('it has no iss');
  return iss;
}

/**
 * The claims of a token that one of the issuer's keys has signed with an algorithm that the policy allows; nothing
 * of them is judged yet but the issuer. `types`: the header types that it may have, in small letters.
 * Throws LoginNeeded `token_issuer`, `token_algorithm`, `token_critical`, `token_type`, `token_signature` and
 * their like, NotReachable `issuer_unreachable`.
 */
export async function signedClaims(
  token: string,
  issuer: Issuer,
  keys: Pick<IssuerKeys, 'find'>,
  types: ReadonlySet<string>,
): Promise<Claims> {
  if (claimedIssuer(token) !== issuer.issuer) throw wrongIssuer();
  checkHeader(headerOf(token), issuer, types);
  const claims = await verifiedClaims(token, issuer, keys);
  if (claims.iss !== issuer.issuer) throw wrongIssuer();
  return claims;
}

function headerOf(token: string): CompactJWSHeaderParameters {
  if (token.indexOf('.') > LONGEST_HEADER) throw malformed('its header is too long');
  try {
    return decodeProtectedHeader(token) as CompactJWSHeaderParameters;
  } catch {
    throw malformed('its header cannot be read');
  }
}

function checkHeader(header: CompactJWSHeaderParameters, issuer: Issuer, types: ReadonlySet<string>): void {
  const { alg, crit, kid, typ } = header as Readonly<Record<string, unknown>>;
  if (typeof alg !== 'string' || !(issuer.algorithms as readonly string[]).includes(alg)) {
    throw new LoginNeeded('token_algorithm', 'the token is signed in a way that is not allowed', {
      why: `the issuer ${issuer.name} signs with ${issuer.algorithms.join(', ')}`,
    });
  }
  if (crit !== undefined || (header as Readonly<Record<string, unknown>>).b64 !== undefined) {
    throw new LoginNeeded('token_critical', 'the token demands an extension that hoopctl does not know');
  }
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > 1024))
    throw malformed('its kid is not text');
  if (typ !== undefined && (typeof typ !== 'string' || !types.has(typ.toLowerCase()))) throw wrongType();
}

async function verifiedClaims(
  token: string,
  issuer: Issuer,
  keys: Pick<IssuerKeys, 'find'>,
): Promise<Claims> {
  try {
    const { payload } = await compactVerify(token, (header, jws) => keys.find(header, jws), {
      algorithms: [...issuer.algorithms],
    });
    return jsonObject(payload);
  } catch (error) {
    if (error instanceof HoopError) throw error;
    switch (systemCode(error)) {
      case 'ERR_JWKS_NO_MATCHING_KEY':
        throw new LoginNeeded(
          'token_key_unknown',
          `the issuer ${issuer.name} has no key that signed this token`,
        );
      case 'ERR_JWKS_MULTIPLE_MATCHING_KEYS':
        throw new LoginNeeded('token_key_ambiguous', 'the token does not say which key signed it (kid)');
      case 'ERR_JOSE_ALG_NOT_ALLOWED':
      case 'ERR_JOSE_NOT_SUPPORTED':
        throw new LoginNeeded('token_algorithm', 'the token is signed in a way that is not allowed');
      default:
        throw new LoginNeeded(
          'token_signature',
          'the token was not signed by the issuer, or was changed since',
          {
            cause: error,
          },
        );
    }
  }
}

/** NumericDate (RFC 7519 section 2) in milliseconds; undefined when the claim is not there. */
export function timeOf(claims: Claims, name: string): number | undefined {
  const value = claims[name];
  if (value === undefined) return undefined;
  // Beyond year 9999 it is milliseconds or nonsense.
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0 && value < 253_402_300_800)
    return value * 1000;
  throw malformed(`its ${name} is not a time in seconds`);
}

function jsonObject(bytes: Uint8Array): Claims {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Claims;
  } catch {
    // Told the same way.
  }
  throw malformed('its claims are not a JSON object');
}

export const again = () => ({ next: 'hoopctl login' });

/** What is shown is no token at all, or none that is safe to read. */
export function malformed(why: string): LoginNeeded {
  return new LoginNeeded('token_malformed', 'that is not a token that hoopctl can take', { why, ...again() });
}

/** A claim that has to be there. */
export function missing(claim: string): LoginNeeded {
  return new LoginNeeded('token_claim_missing', `the token has no claim "${claim}"`);
}

/** A token that was made for something else. */
export function wrongType(): LoginNeeded {
  return new LoginNeeded('token_type', 'that token does not stand for an identity', {
    why: 'hoopctl takes ID tokens and access tokens',
  });
}

function wrongIssuer(): LoginNeeded {
  return new LoginNeeded('token_issuer', 'the token is of another issuer');
}
