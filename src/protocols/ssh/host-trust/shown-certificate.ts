import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { FieldReader } from '../sftp/packets.ts';
import { stringField } from '../string-field.ts';
import { CERTIFICATE_ALGORITHMS } from './certificate.ts';

/** From the first byte to the certificate, in milliseconds. */
const ANSWER_MS = 10_000;
/** A host's KEXINIT, its reply with a certificate, and a banner before them are smaller, in bytes. */
const MOST_BYTES = 256 * 1024;
const LONGEST_PACKET = 64 * 1024;
const LONGEST_FIELD = 64 * 1024;

/** RFC 4253, RFC 5656 */
const MESSAGE = { ignore: 2, debug: 4, kexinit: 20, kexEcdhInit: 30, kexEcdhReply: 31 } as const;

/** Key exchanges whose first message is a point on a curve (RFC 8731, RFC 5656). */
const EXCHANGES: Readonly<Record<string, () => Buffer>> = {
  'curve25519-sha256': x25519Point,
  'curve25519-sha256@libssh.org': x25519Point,
  'ecdh-sha2-nistp256': p256Point,
};
const CIPHERS =
  'aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr,aes256-ctr';
const MACS = 'hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512';

/** What a host shows. */
export interface Shown {
  /** In the wire's form. */
  readonly certificate: Buffer;
  /** The algorithms by which it proves its keys, those of certificates among them. */
  readonly algorithms: readonly string[];
}

/**
 * The certificate that a host shows for its key; undefined when it shows none. A certificate is a
 * statement that anybody may repeat, so nothing is proved here: the exchange is left as soon as it was read, and the
 * host proves the certified key where it is used. The SSH library itself knows no certificates of hosts. Ends `stream`.
 * Rejects when the host does not speak SSH or says nothing in time.
 */
export function shownCertificate(stream: Duplex): Promise<Shown | undefined> {
  return new Promise((resolve, reject) => {
    const exchange = new Exchange((bytes) => stream.write(bytes));
    const end = (settle: () => void) => {
      clearTimeout(timer);
      stream.off('data', heard);
      stream.on('error', () => {});
      stream.destroy();
      settle();
    };
    const heard = (bytes: Buffer) => {
      try {
        const answer = exchange.push(bytes);
        if (answer !== undefined) end(() => resolve(answer.shown));
      } catch (error) {
        end(() => reject(error));
      }
    };
    const timer = setTimeout(() => end(() => reject(new Error('the host showed no key in time'))), ANSWER_MS);
    stream.on('data', heard);
    stream.once('error', (error) => end(() => reject(error)));
    stream.once('close', () => end(() => reject(new Error('the host hung up'))));
  });
}

/** The client's first steps of a key exchange (RFC 4253 sections 4.2, 6, 7; RFC 5656 section 4), in clear. */
class Exchange {
  readonly #write: (bytes: Buffer) => void;
  #kept: Buffer = Buffer.alloc(0);
  #seen = 0;
  #algorithms: readonly string[] = [];
  #state: 'version' | 'kexinit' | 'reply' = 'version';

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write;
    write(Buffer.from('SSH-2.0-hoopctl\r\n'));
  }

  /** Throws for what no SSH host says. */
  push(bytes: Buffer): { readonly shown: Shown | undefined } | undefined {
    this.#seen += bytes.length;
    if (this.#seen > MOST_BYTES) throw new Error('the host says more than a key exchange');
    this.#kept = Buffer.concat([this.#kept, bytes]);
    if (this.#state === 'version' && !this.#version()) return undefined;
    for (let payload = this.#packet(); payload !== undefined; payload = this.#packet()) {
      const answer = this.#message(payload);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  /** Lines before the version are for people. */
  #version(): boolean {
    for (let end = this.#kept.indexOf(10); end >= 0; end = this.#kept.indexOf(10)) {
      const line = this.#kept.subarray(0, end).toString('latin1');
      this.#kept = this.#kept.subarray(end + 1);
      if (!line.startsWith('SSH-')) continue;
      if (!/^SSH-(2\.0|1\.99)-/.test(line)) throw new Error('the host does not speak SSH 2');
      this.#state = 'kexinit';
      this.#write(packetOf(kexInit()));
      return true;
    }
    return false;
  }

  /** The payload of the next packet: length u32, padding length u8, payload, padding. */
  #packet(): Buffer | undefined {
    if (this.#kept.length < 5) return undefined;
    const length = this.#kept.readUInt32BE(0);
    const padding = this.#kept.readUInt8(4);
    if (length < 2 || length > LONGEST_PACKET || padding > length - 2) throw new Error('no packet of SSH');
    if (this.#kept.length < 4 + length) return undefined;
    const payload = this.#kept.subarray(5, 4 + length - padding);
    this.#kept = this.#kept.subarray(4 + length);
    return payload;
  }

  #message(payload: Buffer): { readonly shown: Shown | undefined } | undefined {
    const type = payload[0];
    if (type === MESSAGE.ignore || type === MESSAGE.debug) return undefined;
    if (this.#state === 'kexinit' && type === MESSAGE.kexinit) {
      const point = pointFor(payload);
      if (point === undefined) return { shown: undefined };
      this.#algorithms = hostKeysIn(payload);
      this.#state = 'reply';
      this.#write(packetOf(Buffer.concat([Buffer.from([MESSAGE.kexEcdhInit]), stringField(point)])));
      return undefined;
    }
    if (this.#state === 'reply' && type === MESSAGE.kexEcdhReply) {
      const certificate = Buffer.from(new FieldReader(payload, 1).bytes(LONGEST_FIELD));
      return { shown: { certificate, algorithms: this.#algorithms } };
    }
    throw new Error('the host leaves the key exchange');
  }
}

/** What to begin with, when the host has a certificate and an exchange of ours; RFC 4253, 7.1: the client's order counts. */
function pointFor(kexinit: Buffer): Buffer | undefined {
  // The type and the cookie stand before the lists.
  const reader = new FieldReader(kexinit, 17);
  const [exchanges, hostKeys] = [names(reader), names(reader)];
  if (!CERTIFICATE_ALGORITHMS.some((algorithm) => hostKeys.includes(algorithm))) return undefined;
  return Object.entries(EXCHANGES).find(([name]) => exchanges.includes(name))?.[1]();
}

function hostKeysIn(kexinit: Buffer): readonly string[] {
  const reader = new FieldReader(kexinit, 17);
  names(reader);
  return names(reader);
}

function names(reader: FieldReader): readonly string[] {
  return reader.bytes(LONGEST_FIELD).toString('latin1').split(',');
}

function kexInit(): Buffer {
  const lists = [
    Object.keys(EXCHANGES).join(','),
    CERTIFICATE_ALGORITHMS.join(','),
    ...[CIPHERS, CIPHERS, MACS, MACS, 'none', 'none', '', ''],
  ];
  return Buffer.concat([
    Buffer.from([MESSAGE.kexinit]),
    randomBytes(16),
    ...lists.map((list) => stringField(Buffer.from(list))),
    // No guess follows; four bytes are reserved.
    Buffer.alloc(5),
  ]);
}

/** RFC 4253, 6: blocks of 8 bytes, 4 bytes of padding at least. */
function packetOf(payload: Buffer): Buffer {
  const padding = 4 + ((16 - ((payload.length + 9) % 8)) % 8);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(1 + payload.length + padding);
  head.writeUInt8(padding, 4);
  return Buffer.concat([head, payload, randomBytes(padding)]);
}

function x25519Point(): Buffer {
  const { publicKey } = generateKeyPairSync('x25519');
  return Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
}

function p256Point(): Buffer {
  const { x = '', y = '' } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
    format: 'jwk',
  });
  return Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}
