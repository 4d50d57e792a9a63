import { LoginNeeded } from '../base/errors.ts';
import { type Claims, isPlain } from './claims.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import type { Issuer } from './issuer-schema.ts';
import { malformed, missing, signedClaims, timeOf, wrongType } from './signed-token.ts';

/** OpenID Connect Back-Channel Logout 1.0, section 2.4. */
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const TYPES: ReadonlySet<string> = new Set(['jwt', 'logout+jwt', 'application/logout+jwt']);
/** How old one may be, whatever it says itself: they are sent at once. In milliseconds. */
const OLDEST = 5 * 60_000;
const LONGEST_ID = 255;

/** Whose session has ended at the issuer: that of one `sid`, or all those of `sub`. At least one of them is there. */
export interface LogoutToken {
  readonly subject: string | undefined;
  readonly session: string | undefined;
  /** Its `jti`: it counts once. */
  readonly id: string;
  /** Until when it could be sent again, in milliseconds since 1970. */
  readonly until: number;
}

/**
 * Verifies a logout token (OpenID Connect Back-Channel Logout 1.0, section 2.6): signed by the issuer, for us, of
 * now, about a logout, and no ID token. Throws what `signedClaims` throws, LoginNeeded `token_malformed`,
 * `token_claim_missing`, `token_audience`, `token_expired`, `token_from_future`, `token_type`.
 */
export async function verifyLogoutToken(
  token: string,
  issuer: Issuer,
  keys: Pick<IssuerKeys, 'find'>,
  now: number,
): Promise<LogoutToken> {
  const claims = await signedClaims(token, issuer, keys, TYPES);
  requireLogout(claims);
  requireAudience(claims, issuer);
  const until = requireNow(claims, issuer, now);
  const subject = idOf(claims, 'sub');
  const session = idOf(claims, 'sid');
  if (subject === undefined && session === undefined) throw missing('sub');
  const id = idOf(claims, 'jti');
  if (id === undefined) throw missing('jti');
  return { subject, session, id, until };
}

/** Section 2.4: `events` names the logout, and no `nonce`, so that no ID token can pass for one. */
function requireLogout({ events, nonce }: Claims): void {
  const named =
    typeof events === 'object' && events !== null && !Array.isArray(events) && Object.hasOwn(events, EVENT);
  const event = named ? (events as Claims)[EVENT] : undefined;
  if (typeof event !== 'object' || event === null || Array.isArray(event)) throw wrongType();
  if (nonce !== undefined) throw malformed('a logout token has no nonce');
}

function requireAudience({ aud }: Claims, issuer: Issuer): void {
  const audiences: unknown[] = Array.isArray(aud) ? aud : [aud];
  const wanted = [...issuer.audiences, ...(issuer.client_id === undefined ? [] : [issuer.client_id])];
  if (audiences.length <= 100 && audiences.some((one) => typeof one === 'string' && wanted.includes(one)))
    return;
  throw new LoginNeeded('token_audience', 'the token was issued for somebody else (aud)');
}

function requireNow(claims: Claims, { leeway }: Issuer, now: number): number {
  const issued = timeOf(claims, 'iat');
  const expires = timeOf(claims, 'exp');
  if (issued === undefined) throw missing('iat');
  if (expires === undefined) throw missing('exp');
  if (issued > now + leeway) {
    throw new LoginNeeded(
      'token_from_future',
      'the token was issued in the future (iat): are the clocks right?',
    );
  }
  if (now >= expires + leeway || now - issued > OLDEST + leeway) {
    throw new LoginNeeded('token_expired', 'the token has expired');
  }
  return Math.min(expires, issued + OLDEST) + leeway;
}

function idOf(claims: Claims, name: 'sub' | 'sid' | 'jti'): string | undefined {
  const value = claims[name];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '' && value.length <= LONGEST_ID && isPlain(value)) return value;
  throw malformed(`its ${name} is not a name of up to ${LONGEST_ID} characters`);
}
