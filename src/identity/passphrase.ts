import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { Internal } from '../base/errors.ts';

/** scrypt (RFC 7914) with N = 2^17, r = 8, p = 1: 128 MiB and about 0.3 s a guess. */
const LOG2_N = 17;
const R = 8;
const P = 1;
const KEY_BYTES = 32;
const SALT_BYTES = 16;
/** scrypt takes 128 * N * r bytes; some room above. */
const MAX_MEMORY = 160 * 1024 * 1024;

const STORED = /^scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9_-]{22})\$([A-Za-z0-9_-]{43})$/;

/** The stored form of a passphrase: `scrypt$17$8$1$SALT$KEY`. */
export async function hashPassphrase(
  passphrase: string,
  random: (bytes: number) => Uint8Array = randomBytes,
): Promise<string> {
  const salt = Buffer.from(random(SALT_BYTES));
  const key = await derive(passphrase, salt);
  return `scrypt$${LOG2_N}$${R}$${P}$${salt.toString('base64url')}$${key.toString('base64url')}`;
}

/**
 * Compares in constant time, off the main thread. Throws Internal `passphrase_unreadable` when the stored form
 * is not one that this version writes; a damaged one never counts as a match.
 */
export async function verifyPassphrase(passphrase: string, stored: string): Promise<boolean> {
  const match = STORED.exec(stored);
  const [, log2n, r, p, salt = '', key = ''] = match ?? [];
  if (match === null || Number(log2n) !== LOG2_N || Number(r) !== R || Number(p) !== P) {
    throw new Internal('passphrase_unreadable', 'the stored approver passphrase cannot be read', {
      next: 'set it again: hoopctl init',
    });
  }
  const expected = Buffer.from(key, 'base64url');
  return timingSafeEqual(await derive(passphrase, Buffer.from(salt, 'base64url')), expected);
}

/** Keyboards compose accents differently; NFC makes what looks the same be the same. */
function derive(passphrase: string, salt: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const cost = { N: 2 ** LOG2_N, r: R, p: P, maxmem: MAX_MEMORY };
    scrypt(passphrase.normalize('NFC'), salt, KEY_BYTES, cost, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
