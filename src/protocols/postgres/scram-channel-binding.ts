import { createHash } from 'node:crypto';

/**
 * Channel binding data of type tls-server-end-point (RFC 5929, section 4.1): the server's certificate, hashed
 * with the hash of its own signature, or SHA-256 where that is MD5 or SHA-1. Undefined when the signature
 * names no hash (Ed25519) or an unknown one: then there is nothing to bind to.
 */
export function endPointBinding(certificate: Uint8Array): Buffer | undefined {
  const hash = signatureHash(Buffer.from(certificate));
  return hash === undefined ? undefined : createHash(hash).update(certificate).digest();
}

/** DER contents of the object identifiers of signature algorithms. */
const HASH_OF_SIGNATURE: Readonly<Record<string, string>> = {
  // 1.2.840.113549.1.1.x: RSA with MD5, SHA-1, SHA-256, SHA-384, SHA-512, SHA-224
  '2a864886f70d010104': 'sha256',
  '2a864886f70d010105': 'sha256',
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a864886f70d01010e': 'sha224',
  // 1.2.840.10045.4.x: ECDSA with SHA-1, SHA-224, SHA-256, SHA-384, SHA-512
  '2a8648ce3d0401': 'sha256',
  '2a8648ce3d040301': 'sha224',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
};
/** 1.2.840.113549.1.1.10: RSASSA-PSS, whose hash is a parameter (RFC 4055, section 3.1). */
const RSASSA_PSS = '2a864886f70d01010a';
const HASHES: Readonly<Record<string, string>> = {
  '2b0e03021a': 'sha256',
  '608648016503040204': 'sha224',
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
};

const SEQUENCE = 0x30;
const OBJECT_IDENTIFIER = 0x06;
const CONTEXT_0 = 0xa0;

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OBJECT IDENTIFIER, parameters }, … } (RFC 5280, 4.1). */
function signatureHash(der: Buffer): string | undefined {
  const [toBeSigned, algorithm] = children(element(der, 0, SEQUENCE));
  if (toBeSigned === undefined || algorithm?.tag !== SEQUENCE) return undefined;
  const [identifier, parameters] = children(algorithm.contents);
  if (identifier?.tag !== OBJECT_IDENTIFIER) return undefined;
  const name = identifier.contents.toString('hex');
  return name === RSASSA_PSS ? pssHash(parameters) : HASH_OF_SIGNATURE[name];
}

/** RSASSA-PSS-params ::= SEQUENCE { hashAlgorithm [0] AlgorithmIdentifier DEFAULT sha1, … }; SHA-1 stands for SHA-256. */
function pssHash(parameters: Element | undefined): string | undefined {
  if (parameters?.tag !== SEQUENCE) return undefined;
  const tagged = children(parameters.contents)[0];
  if (tagged?.tag !== CONTEXT_0) return 'sha256';
  const identifier = children(element(tagged.contents, 0, SEQUENCE))[0];
  return HASHES[identifier?.contents.toString('hex') ?? ''];
}

interface Element {
  readonly tag: number;
  readonly contents: Buffer;
  readonly end: number;
}

function element(der: Buffer, at: number, tag: number): Buffer {
  const found = elementAt(der, at);
  return found?.tag === tag ? found.contents : Buffer.alloc(0);
}

function children(der: Buffer): Element[] {
  const found: Element[] = [];
  for (let next = elementAt(der, 0); next !== undefined; next = elementAt(der, next.end)) found.push(next);
  return found;
}

/** One DER element; undefined at the end and for what does not fit into the bytes. */
function elementAt(der: Buffer, at: number): Element | undefined {
  const tag = der[at];
  const first = der[at + 1];
  if (tag === undefined || first === undefined) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (lengthBytes > 4 || at + 2 + lengthBytes > der.length) return undefined;
  const length = lengthBytes === 0 ? first & 0x7f : der.readUIntBE(at + 2, lengthBytes);
  const start = at + 2 + lengthBytes;
  if (first === 0x80 || start + length > der.length) return undefined;
  return { tag, contents: der.subarray(start, start + length), end: start + length };
}
