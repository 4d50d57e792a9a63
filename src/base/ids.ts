import { randomBytes } from 'node:crypto';

/** Crockford's base 32, lower case: no i, l, o, u to misread. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

function encodeTime(ms: number): string {
  let rest = Math.floor(ms);
  let text = '';
  for (let i = 0; i < 9; i++) {
    text = (ALPHABET[rest % 32] ?? '0') + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

function randomText(length: number): string {
  let text = '';
  for (const byte of randomBytes(length)) text += ALPHABET[byte & 31] ?? '0';
  return text;
}

/** `PREFIX-` + 9 characters of time + 9 random ones (45 bits): sorts by creation time. */
export function newId(
  prefix: 's' | 'id' | 'si' | 'c' | 'p' | 'pw' | 'ev' | 'ep' | 'wh' | 'wd',
  now: number,
): string {
  return `${prefix}-${encodeTime(now)}${randomText(9)}`;
}

/** Short enough to type: `ap-7kq2m`. 25 random bits, so the caller must check that it is free. */
export function newApprovalId(): string {
  return `ap-${randomText(5)}`;
}

/** An unguessable secret of `bytes` random bytes, base64url. */
export function newSecret(bytes = 32): string {
  return randomBytes(bytes).toString('base64url');
}

/** When an id of `newId` was made, milliseconds since 1970 UTC; undefined for text that is no such id. */
export function timeOfId(id: string): number | undefined {
  const match = /^[a-z]{1,2}-([0-9a-hjkmnp-tv-z]{9})[0-9a-hjkmnp-tv-z]{9}$/.exec(id);
  if (!match) return undefined;
  let ms = 0;
  for (const letter of match[1] ?? '') ms = ms * 32 + ALPHABET.indexOf(letter);
  return ms;
}
