import { FieldReader } from '../sftp/packets.ts';
import { stringField } from '../string-field.ts';
import {
  fingerprintOf,
  isSignedBy,
  KEY_TYPES,
  readPublicKey,
  signatureAlgorithms,
  typeOf,
} from './public-key.ts';

/** A host certificate as OpenSSH's PROTOCOL.certkeys describes it; nothing in it is believed before `checkCertificate`. */
export interface Certificate {
  /** `ssh-ed25519` and its like: the type of the key that it is about. */
  readonly keyType: string;
  /** That key in the wire's own form, without the certificate. */
  readonly key: Buffer;
  readonly kind: 'user' | 'host';
  readonly id: string;
  readonly principals: readonly string[];
  /** Seconds since 1970. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly criticalOptions: readonly string[];
  /** The authority's key. */
  readonly authority: Buffer;
  /** What the signature is over, and the signature. */
  readonly signed: Buffer;
  readonly signature: Buffer;
}

export const CERTIFICATE_SUFFIX = '-cert-v01@openssh.com';
/** OpenSSH takes no more of any of them, in bytes; and no more principals (SSHKEY_CERT_MAX_PRINCIPALS). */
const LONGEST_FIELD = 65_536;
const MOST_PRINCIPALS = 256;
const MOST_OPTIONS = 64;

/** The host key algorithms by which a host shows a certificate, best first. */
export const CERTIFICATE_ALGORITHMS: readonly string[] = KEY_TYPES.flatMap((type) =>
  signatureAlgorithms(type).map((algorithm) => `${algorithm}${CERTIFICATE_SUFFIX}`),
);

export function isCertificate(blob: Buffer): boolean {
  return typeOf(blob).endsWith(CERTIFICATE_SUFFIX);
}

/** Reads a certificate. Throws for what is none, is damaged, or goes on behind its end. */
export function readCertificate(blob: Buffer): Certificate {
  const reader = new FieldReader(blob, 0);
  const type = reader.bytes(64).toString('latin1');
  const keyType = type.slice(0, -CERTIFICATE_SUFFIX.length);
  if (!type.endsWith(CERTIFICATE_SUFFIX) || !KEY_TYPES.includes(keyType))
    throw new Error('no certificate of a known type');
  // A nonce, against collisions in the hash.
  reader.bytes(LONGEST_FIELD);
  const begin = reader.at;
  readPublicKey(reader, keyType);
  const key = Buffer.concat([stringField(Buffer.from(keyType)), blob.subarray(begin, reader.at)]);
  // The serial number, for revocation lists.
  reader.u64();
  const kind = kindOf(reader.u32());
  const id = reader.bytes(LONGEST_FIELD).toString('utf8');
  const principals = strings(reader.bytes(LONGEST_FIELD), MOST_PRINCIPALS);
  const [validAfter, validBefore] = [reader.u64(), reader.u64()];
  const options = strings(reader.bytes(LONGEST_FIELD), 2 * MOST_OPTIONS);
  // Extensions say what a user may do; a host's mean nothing. Then a field that is reserved.
  reader.bytes(LONGEST_FIELD);
  reader.bytes(LONGEST_FIELD);
  const authority = Buffer.from(reader.bytes(LONGEST_FIELD));
  const signed = blob.subarray(0, reader.at);
  const signature = reader.bytes(LONGEST_FIELD);
  if (reader.at !== blob.length) throw new Error('something stands behind the certificate');
  const criticalOptions = options.filter((_name, index) => index % 2 === 0);
  const validity = { validAfter, validBefore };
  return { keyType, key, kind, id, principals, ...validity, criticalOptions, authority, signed, signature };
}

export interface CertificateTerms {
  /** The name that the host must go by, in lower case. */
  readonly host: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Fingerprints of keys that sign for hosts. */
  readonly authorities: ReadonlySet<string>;
  /** Fingerprints of keys, of hosts or authorities, that count no more. */
  readonly revoked: ReadonlySet<string>;
}

/**
 * Why a certificate does not show that its key is the host's; undefined when it does. As OpenSSH's client has it,
 * but a certificate without principals, which once stood for every host, stands for none.
 */
export function refusalOf(certificate: Certificate, terms: CertificateTerms): string | undefined {
  const { authority, criticalOptions, key, kind, principals, signature, signed } = certificate;
  const signer = fingerprintOf(authority);
  if (!terms.authorities.has(signer)) return `it is signed by ${signer}, which is no authority for this host`;
  if (terms.revoked.has(signer)) return `its authority ${signer} is revoked`;
  if (terms.revoked.has(fingerprintOf(key))) return `its key ${fingerprintOf(key)} is revoked`;
  if (!isSignedBy(authority, signature, signed)) return 'its signature is not its authority’s';
  if (kind !== 'host') return 'it is a certificate for users, not for hosts';
  const now = BigInt(Math.floor(terms.now / 1000));
  if (now < certificate.validAfter) return `it is valid from ${timeOf(certificate.validAfter)} on`;
  if (now >= certificate.validBefore) return `it expired at ${timeOf(certificate.validBefore)}`;
  if (criticalOptions.length > 0)
    return `it has the critical option "${criticalOptions[0]}", which is not known`;
  if (principals.some((name) => name.toLowerCase() === terms.host)) return undefined;
  const names = principals.length === 0 ? 'no host' : principals.slice(0, 8).join(', ');
  return `it is for ${names}, not for ${terms.host}`;
}

function kindOf(number: number): 'user' | 'host' {
  // SSH2_CERT_TYPE_USER and SSH2_CERT_TYPE_HOST.
  if (number === 1) return 'user';
  if (number === 2) return 'host';
  throw new Error('a certificate of an unknown kind');
}

function strings(packed: Buffer, most: number): readonly string[] {
  const reader = new FieldReader(packed, 0);
  const found: string[] = [];
  while (reader.at < packed.length) {
    if (found.length === most) throw new Error('too many names');
    found.push(reader.bytes(LONGEST_FIELD).toString('utf8'));
  }
  return found;
}

/** The largest value means for ever. */
function timeOf(seconds: bigint): string {
  const ms = Number(seconds) * 1000;
  return ms <= 8.64e15 ? new Date(ms).toISOString() : 'the end of time';
}
