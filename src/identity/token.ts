import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { LoginNeeded } from '../base/errors.ts';
import type { IdentityRow, IdentityRows } from '../store/store.ts';

/** `hpt_`, 43 characters of secret (256 bits), 6 of checksum, all base64url. */
const PREFIX = 'hpt_';
const SECRET_BYTES = 32;
const TOKEN = /^hpt_([A-Za-z0-9_-]{43})([A-Za-z0-9_-]{6})$/;

/** A new identity's token, shown once and never stored; `random` is for tests. */
export function newToken(random: (bytes: number) => Uint8Array = randomBytes): string {
  const secret = Buffer.from(random(SECRET_BYTES)).toString('base64url');
  return `${PREFIX}${secret}${checksum(secret)}`;
}

/** SHA-256 (hex) of the whole token: what the store keeps. Plain hashing is enough for 256 random bits. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('hex');
}

/**
 * Finds whose token it is. `now` is the wall clock in milliseconds. The look-up goes by the token's hash, whose
 * timing tells nothing about the token, and the row found is compared once more in constant time.
 * Throws LoginNeeded `token_missing`, `token_wrong`, `token_revoked`, `token_expired`.
 */
export async function authenticate(
  token: string | undefined,
  identities: Pick<IdentityRows, 'byTokenHash'>,
  now: number,
): Promise<IdentityRow> {
  if (token === undefined || token === '') {
    throw new LoginNeeded('token_missing', 'no identity token was given', {
      next: 'set HOOPCTL_TOKEN, or run hoopctl init on a new machine',
    });
  }
  const malformed = whyMalformed(token);
  if (malformed !== undefined) throw wrong(malformed);
  const hash = hashToken(token);
  const row = await identities.byTokenHash(hash);
  if (row === undefined || !sameHash(row.tokenHash, hash)) throw wrong(undefined);
  requireLive(row, now);
  return row;
}

/**
 * Refuses an identity that no longer counts; live sessions are checked by it as well.
 * Throws LoginNeeded `token_revoked` or `token_expired`.
 */
export function requireLive(row: IdentityRow, now: number): void {
  const again = { next: `an owner creates a new one: hoopctl identity create ${row.name} --role ROLE` };
  if (row.revokedAt !== undefined) {
    throw new LoginNeeded('token_revoked', `the token of ${row.name} was revoked at ${row.revokedAt}`, again);
  }
  // An unreadable time compares as false: written this way round it counts as expired.
  if (row.expiresAt !== undefined && !(now < Date.parse(row.expiresAt))) {
    throw new LoginNeeded('token_expired', `the token of ${row.name} expired at ${row.expiresAt}`, again);
  }
}

function whyMalformed(token: string): string | undefined {
  const match = TOKEN.exec(token);
  if (match === null) return `a token begins with ${PREFIX} and has 53 characters`;
  return checksum(match[1] ?? '') === match[2] ? undefined : 'its checksum is off: it was mistyped or cut';
}

function wrong(why: string | undefined): LoginNeeded {
  return new LoginNeeded('token_wrong', 'the identity token is not known here', {
    ...(why === undefined ? {} : { why }),
    next: 'check HOOPCTL_TOKEN and HOOPCTL_HOME; an owner sees identities with: hoopctl identity list',
  });
}

/** Tells a typo from an unknown token without asking the store; it adds no secrecy. */
function checksum(secret: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(secret));
  return bytes.toString('base64url');
}

function sameHash(a: string, b: string): boolean {
  const left = Buffer.from(a, 'hex');
  const right = Buffer.from(b, 'hex');
  return left.length === right.length && timingSafeEqual(left, right);
}
