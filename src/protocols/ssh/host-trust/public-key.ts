import { createHash, createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { FieldReader } from '../sftp/packets.ts';

/** Key types that a host or an authority may have, by their curve where they have one (RFC 8709, RFC 5656, RFC 4253). */
const CURVES: Readonly<
  Record<string, { readonly name: string; readonly jwk: string; readonly bytes: number }>
> = {
  'ecdsa-sha2-nistp256': { name: 'nistp256', jwk: 'P-256', bytes: 32 },
  'ecdsa-sha2-nistp384': { name: 'nistp384', jwk: 'P-384', bytes: 48 },
  'ecdsa-sha2-nistp521': { name: 'nistp521', jwk: 'P-521', bytes: 66 },
};
export const KEY_TYPES: readonly string[] = ['ssh-ed25519', ...Object.keys(CURVES), 'ssh-rsa'];

/** How a key of a type may sign; SHA-1 (`ssh-rsa`) is not among them. */
const SIGNATURES: Readonly<Record<string, { readonly type: string; readonly hash: string | undefined }>> = {
  'ssh-ed25519': { type: 'ssh-ed25519', hash: undefined },
  'ecdsa-sha2-nistp256': { type: 'ecdsa-sha2-nistp256', hash: 'sha256' },
  'ecdsa-sha2-nistp384': { type: 'ecdsa-sha2-nistp384', hash: 'sha384' },
  'ecdsa-sha2-nistp521': { type: 'ecdsa-sha2-nistp521', hash: 'sha512' },
  'rsa-sha2-256': { type: 'ssh-rsa', hash: 'sha256' },
  'rsa-sha2-512': { type: 'ssh-rsa', hash: 'sha512' },
};

/** Signature algorithms under which a host proves a key of this type, best first. */
export function signatureAlgorithms(type: string): readonly string[] {
  return Object.entries(SIGNATURES)
    .filter(([, signature]) => signature.type === type)
    .map(([algorithm]) => algorithm)
    .reverse();
}

/** No key field is longer: RSA of 16384 bits, in bytes. */
const LONGEST_FIELD = 4096;
/** OpenSSH's own least size (`RequiredRSASize`), in bits. */
const LEAST_RSA = 1024;

/** The fingerprint of a key as OpenSSH prints it. */
export function fingerprintOf(blob: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** The type that a key's blob begins with; empty for what is none. */
export function typeOf(blob: Buffer): string {
  try {
    return new FieldReader(blob, 0).bytes(64).toString('latin1');
  } catch {
    return '';
  }
}

/** A key in the wire's form (RFC 4253 section 6.6). Throws for a type that is not known and for what is damaged. */
export function publicKeyOf(blob: Buffer): KeyObject {
  const reader = new FieldReader(blob, 0);
  return readPublicKey(reader, reader.bytes(64).toString('latin1'));
}

/** The fields behind the type, as keys and certificates have them. Throws as `publicKeyOf`. */
export function readPublicKey(reader: FieldReader, type: string): KeyObject {
  const field = () => reader.bytes(LONGEST_FIELD);
  if (type === 'ssh-ed25519') {
    const x = field();
    if (x.length !== 32) throw new Error('an Ed25519 key has 32 bytes');
    return fromJwk({ kty: 'OKP', crv: 'Ed25519', x: x.toString('base64url') });
  }
  if (type === 'ssh-rsa') {
    const [e, n] = [magnitude(field()), magnitude(field())];
    const key = fromJwk({ kty: 'RSA', e: e.toString('base64url'), n: n.toString('base64url') });
    if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < LEAST_RSA)
      throw new Error('the RSA key is too short');
    return key;
  }
  const curve = CURVES[type];
  if (curve === undefined) throw new Error('a key of an unknown type');
  const [name, point] = [field().toString('latin1'), field()];
  // SEC 1, 2.3.4: an uncompressed point, the only form that RFC 5656 has.
  if (name !== curve.name || point.length !== 1 + 2 * curve.bytes || point[0] !== 4) {
    throw new Error('the key does not fit its curve');
  }
  const [x, y] = [point.subarray(1, 1 + curve.bytes), point.subarray(1 + curve.bytes)];
  return fromJwk({ kty: 'EC', crv: curve.jwk, x: x.toString('base64url'), y: y.toString('base64url') });
}

/** True when `signature` (algorithm and value, RFC 4253 section 6.6) is one over `data` by this key. */
export function isSignedBy(blob: Buffer, signature: Buffer, data: Buffer): boolean {
  try {
    const reader = new FieldReader(signature, 0);
    const known = SIGNATURES[reader.bytes(64).toString('latin1')];
    const value = reader.bytes(LONGEST_FIELD);
    const type = typeOf(blob);
    if (known === undefined || known.type !== type) return false;
    const key = publicKeyOf(blob);
    const curve = CURVES[type];
    if (curve === undefined) return verify(known.hash ?? null, data, key, value);
    return verify(known.hash, data, { key, dsaEncoding: 'ieee-p1363' }, plainPair(value, curve.bytes));
  } catch {
    return false;
  }
}

/** RFC 5656, 3.1.2: two numbers; as two of fixed length. */
function plainPair(value: Buffer, length: number): Buffer {
  const reader = new FieldReader(value, 0);
  const pair = Buffer.alloc(2 * length);
  for (const end of [length, 2 * length]) {
    const number = magnitude(reader.bytes(LONGEST_FIELD));
    if (number.length > length) throw new Error('a number of the signature is too long');
    number.copy(pair, end - number.length);
  }
  return pair;
}

/** A positive `mpint` without its leading zeros. */
function magnitude(bytes: Buffer): Buffer {
  if (((bytes[0] ?? 0x80) & 0x80) !== 0) throw new Error('a number is not positive');
  let at = 0;
  while (at < bytes.length && bytes[at] === 0) at++;
  return bytes.subarray(at);
}

function fromJwk(key: JsonWebKey): KeyObject {
  return createPublicKey({ key, format: 'jwk' });
}
