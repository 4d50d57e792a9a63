import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { ProtocolViolation } from '../../base/errors.ts';

/**
 * What both sides of SCRAM-SHA-256 share (RFC 5802, RFC 7677, PostgreSQL docs 54.3): keys, messages, names.
 * The two sides themselves are `scram-client.ts` and `scram-server.ts`. No sockets here.
 */

export const SCRAM = 'SCRAM-SHA-256';
/** With channel binding, of type tls-server-end-point. */
export const SCRAM_PLUS = 'SCRAM-SHA-256-PLUS';
export const BINDING_TYPE = 'tls-server-end-point';

/** Bytes of SHA-256, and so of every key and signature here. */
export const KEY_LENGTH = 32;

export interface ScramKeys {
  readonly clientKey: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

const pbkdf2Async = promisify(pbkdf2);

/** Keys of a password (RFC 5802, section 3). Costs `iterations` rounds on the thread pool. */
export async function deriveKeys(password: string, salt: Uint8Array, iterations: number): Promise<ScramKeys> {
  const salted = await pbkdf2Async(prepare(password), salt, iterations, KEY_LENGTH, 'sha256');
  const clientKey = hmac(salted, 'Client Key');
  return { clientKey, storedKey: sha256(clientKey), serverKey: hmac(salted, 'Server Key') };
}

export function hmac(key: Uint8Array, text: string | Uint8Array): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

export function sha256(data: Uint8Array): Buffer {
  return createHash('sha256').update(data).digest();
}

/** Both must be of the same length. */
export function xor(a: Uint8Array, b: Uint8Array): Buffer {
  return Buffer.from(a.map((byte, i) => byte ^ (b[i] ?? 0)));
}

/** Compares without telling by its time where two values differ; lengths are no secret. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** 24 printable characters of 18 random bytes, without a comma. */
export function newNonce(): string {
  return randomBytes(18).toString('base64');
}

/**
 * The attributes of a message, which must be exactly those of `letters` in that order. Throws
 * ProtocolViolation `bad_scram_message`; an `m=` attribute (a mandatory extension) is refused like any other.
 */
export function readAttributes(message: string, letters: string): string[] {
  const parts = message.split(',');
  if (parts.length !== letters.length) throw badScram('has the wrong attributes');
  return parts.map((part, i) => {
    if (part.length < 2 || part[0] !== letters[i] || part[1] !== '=')
      throw badScram('has the wrong attributes');
    return part.slice(2);
  });
}

/** Strict base64: what does not encode back to itself is refused. */
export function readBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (text === '' || bytes.toString('base64') !== text) throw badScram('holds bad base64');
  return bytes;
}

/** ASCII without control characters and commas, as RFC 5802 wants a nonce. */
export function isNonce(text: string): boolean {
  return /^[\x21-\x2b\x2d-\x7e]+$/.test(text);
}

export function badScram(what: string): ProtocolViolation {
  return new ProtocolViolation('bad_scram_message', `a SCRAM message ${what}`);
}

/**
 * SASLprep (RFC 4013) as far as passwords need it; like PostgreSQL (`pg_saslprep`), a password it does not
 * allow is taken as it is.
 */
export function prepare(password: string): string {
  if (/^[\x20-\x7e]*$/.test(password)) return password;
  const mapped = password.replace(NON_ASCII_SPACES, ' ').replace(MAPPED_TO_NOTHING, '').normalize('NFKC');
  return mapped === '' || PROHIBITED.test(mapped) ? password : mapped;
}

/** RFC 3454 C.1.2. */
const NON_ASCII_SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
/** RFC 3454 B.1. */
const MAPPED_TO_NOTHING =
  /\u00ad|\u034f|\u1806|\u180b|\u180c|\u180d|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/gu;
/** RFC 3454 C.2 to C.9: controls, private use, non-characters, surrogates, deprecated and tagging characters. */
const PROHIBITED =
  /[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u06dd\u070f\u180e\u200e\u200f\u2028-\u202e\u2061-\u2063\u206a-\u206f\ufff9-\uffff\u2ff0-\u2ffb]/u;
