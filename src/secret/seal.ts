import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { Internal } from '../base/errors.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** A key for one purpose, made of the installation's (HKDF, RFC 5869). */
export function sealingKey(installation: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', installation, new Uint8Array(), purpose, KEY_BYTES));
}

/** Text that only `unseal` with the same key and the same `place` gives back (AES-256-GCM): base64url. */
export function seal(key: Uint8Array, text: string, place: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place));
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url');
}

/** Throws Internal `seal_broken` for anything but what was sealed for this place. */
export function unseal(key: Uint8Array, sealed: string, place: string): string {
  const bytes = Buffer.from(sealed, 'base64url');
  try {
    if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new Error('it is too short');
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    })
      .setAAD(Buffer.from(place))
      .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    const body = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
    return Buffer.concat([body, decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new Internal(
      'seal_broken',
      'what was sealed cannot be opened: it was changed, or the key is another',
      {
        cause,
      },
    );
  }
}
