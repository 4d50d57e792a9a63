import type { Client } from 'ssh2';
import { FieldReader } from '../sftp/packets.ts';
import { CERTIFICATE_SUFFIX } from './certificate.ts';

/** SSH_MSG_KEXDH_REPLY and its kin (RFC 4253, 8; RFC 5656, 4), but that of a group exchange. */
const KEX_REPLY = 31;
const LONGEST_FIELD = 64 * 1024;
const GROUP_EXCHANGE = 'diffie-hellman-group-exchange';

/** What a host that shows a certificate in the key exchange itself is held to. */
export interface CertifiedKey {
  /** Algorithms with the certificate's suffix. */
  readonly algorithms: readonly string[];
  /** The certificate that was checked, in the wire's form, and the key that it is about. */
  readonly certificate: Buffer;
  readonly key: Buffer;
}

interface Offer {
  readonly lists: {
    readonly kex: List;
    readonly serverHostKey: List;
    readonly cs: Readonly<Record<Direction, List>>;
    readonly sc: Readonly<Record<Direction, List>>;
  };
}
type Direction = 'cipher' | 'mac' | 'compress' | 'lang';
interface List {
  readonly array: readonly string[];
}

/** One key exchange of the library. */
interface Exchange {
  readonly negotiated: { serverHostKey: string };
  _hostKey: Buffer | undefined;
  parse(payload: Buffer): unknown;
  finish(serverOnly?: boolean): unknown;
  getPublicKey(): Buffer | undefined;
}

interface Protocol {
  _offer: Offer;
  _kex: Exchange | undefined;
}

/**
 * Has a client that has just been told to connect take this certificate, and nothing else, for the host's key; the
 * library knows no certificates of hosts. It gets to see the key that the certificate is about, under the plain
 * algorithm, and verifies its signature as ever; only the exchange hash is over the certificate (RFC 4253, 8: K_S is
 * what the host has sent). These are inner parts of ssh2 1.17: where they were others, no signature would fit.
 */
export function demandCertificate(
  client: Client,
  { algorithms, certificate, key }: CertifiedKey,
  refused: (shown: Buffer) => void,
): void {
  const protocol = (client as unknown as { readonly _protocol: Protocol })._protocol;
  protocol._offer = withHostKeys(protocol._offer, algorithms);
  let current: Exchange | undefined;
  Object.defineProperty(protocol, '_kex', {
    get: () => current,
    set: (exchange: Exchange | undefined) => {
      current = exchange;
      if (exchange !== undefined) takeCertificate(exchange, { certificate, key, refused });
    },
  });
}

function withHostKeys(offer: Offer, algorithms: readonly string[]): Offer {
  const { cs, kex, sc } = offer.lists;
  const listed = (lists: Readonly<Record<Direction, List>>) => ({
    cipher: lists.cipher.array,
    mac: lists.mac.array,
    compress: lists.compress.array,
    lang: [],
  });
  const Made = offer.constructor as new (lists: object) => Offer;
  return new Made({
    // Its answer has another number, and more fields.
    kex: kex.array.filter((name) => !name.startsWith(GROUP_EXCHANGE)),
    serverHostKey: algorithms,
    cs: listed(cs),
    sc: listed(sc),
  });
}

interface Terms extends Pick<CertifiedKey, 'certificate' | 'key'> {
  /** Told of anything else that the host shows. */
  refused(shown: Buffer): void;
}

function takeCertificate(exchange: Exchange, terms: Terms): void {
  const { certificate, key } = terms;
  const { negotiated } = exchange;
  const parse = exchange.parse.bind(exchange);
  const finish = exchange.finish.bind(exchange);
  const getPublicKey = exchange.getPublicKey.bind(exchange);
  // The host signs by the plain algorithm (PROTOCOL.certkeys).
  negotiated.serverHostKey = negotiated.serverHostKey.slice(0, -CERTIFICATE_SUFFIX.length);
  let finishing = false;
  exchange.parse = (payload) => parse(withKey(payload, terms) ?? payload);
  exchange.finish = (serverOnly) => {
    finishing = true;
    exchange._hostKey = certificate;
    return finish(serverOnly);
  };
  // It is asked for right behind the host's key, as the hash is made; what follows verifies by the key itself.
  exchange.getPublicKey = () => {
    if (finishing) exchange._hostKey = key;
    return getPublicKey();
  };
}

/** The host's answer with its key in the place of the certificate; undefined for anything but that certificate. */
function withKey(payload: Buffer, { certificate, key, refused }: Terms): Buffer | undefined {
  if (payload[0] !== KEX_REPLY) return undefined;
  const reader = new FieldReader(payload, 1);
  const shown = reader.bytes(LONGEST_FIELD);
  if (!shown.equals(certificate)) {
    refused(Buffer.from(shown));
    return undefined;
  }
  const length = Buffer.alloc(4);
  length.writeUInt32BE(key.length);
  return Buffer.concat([payload.subarray(0, 1), length, key, payload.subarray(reader.at)]);
}
