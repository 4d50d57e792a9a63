import { isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { NotReachable, systemCode, UsageError } from '../base/errors.ts';
import { type Environment, openTunnel, proxyFor } from '../network/proxy.ts';

/** Why a gateway's certificate is believed. */
export type GatewayTrust =
  /** The authorities of the system (of Node, and of NODE_EXTRA_CA_CERTS). */
  | { readonly kind: 'system' }
  /** These authorities alone, PEM. */
  | { readonly kind: 'authority'; readonly pem: string }
  /** This certificate alone, whatever its names: SHA-256 of its DER bytes, 64 hexadecimal digits. */
  | { readonly kind: 'fingerprint'; readonly sha256: string };

export interface GatewayAddress {
  /** `https://gateway.example:8443`, nothing behind it. */
  readonly url: string;
  readonly trust: GatewayTrust;
  /** For HTTPS_PROXY and NO_PROXY. */
  readonly environment: Environment;
}

/** From the first packet to the end of the TLS handshake, in milliseconds. */
const DIAL_DEADLINE = 15_000;
/** A silent connection is probed after this long, in milliseconds. */
const KEEP_ALIVE = 30_000;

/** Host and port of a gateway's URL. Throws UsageError `bad_gateway_url`. */
export function hostOf(text: string): { readonly host: string; readonly port: number; readonly url: string } {
  const url = URL.parse(text.includes('://') ? text : `https://${text}`);
  if (url === null || url.protocol !== 'https:' || url.hostname === '' || url.username !== '') {
    throw new UsageError('bad_gateway_url', 'that is no URL of a gateway', {
      why: 'a gateway is reached over https, without a user in its URL',
      next: 'write it as https://gateway.example:8443',
    });
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new UsageError('bad_gateway_url', 'the URL of a gateway ends with its host and port', {
      next: `hoopctl login ${url.origin}`,
    });
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return { host, port: Number(url.port) || 443, url: url.origin };
}

/**
 * A TLS connection to a gateway whose certificate was checked before the first byte of ours goes out.
 * Throws NotReachable `gateway_not_reachable`, `gateway_not_trusted`, `proxy_failed`.
 */
export async function dialGateway(address: GatewayAddress, signal?: AbortSignal): Promise<TLSSocket> {
  const { host, port } = hostOf(address.url);
  const deadline = AbortSignal.timeout(DIAL_DEADLINE);
  const either = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  const proxy = proxyFor(host, port, address.environment);
  const plain = proxy === undefined ? undefined : await openTunnel(proxy, host, port, either);
  const socket = await secured(address, host, port, plain, either);
  socket.setKeepAlive(true, KEEP_ALIVE);
  socket.setNoDelay(true);
  return socket;
}

export interface ShownCertificate {
  readonly sha256: string;
  readonly subject: string;
  readonly validTo: string;
  readonly pem: string;
  /** Nobody but itself vouches for it. */
  readonly selfSigned: boolean;
}

/** The certificate that a gateway shows, believed by nobody yet: for its fingerprint to be confirmed. */
export async function certificateOf(address: Omit<GatewayAddress, 'trust'>): Promise<ShownCertificate> {
  const { host, port } = hostOf(address.url);
  const signal = AbortSignal.timeout(DIAL_DEADLINE);
  const proxy = proxyFor(host, port, address.environment);
  const plain = proxy === undefined ? undefined : await openTunnel(proxy, host, port, signal);
  const anything: GatewayTrust = { kind: 'fingerprint', sha256: '' };
  const socket = await handshake({ ...address, trust: anything }, host, port, plain, signal);
  const certificate = socket.getPeerX509Certificate();
  socket.destroy();
  if (certificate === undefined) throw notReachable(address.url, 'it showed no certificate');
  return {
    sha256: plainFingerprint(certificate.fingerprint256),
    subject: certificate.subject,
    validTo: certificate.validTo,
    pem: certificate.toString(),
    // checkIssued() asks for the key usage of an authority, which a certificate of its own need not have.
    selfSigned: certificate.verify(certificate.publicKey),
  };
}

/** `AB:CD:…` or `abcd…` -> 64 lower-case digits; undefined for anything else. */
export function readFingerprint(text: string): string | undefined {
  const plain = plainFingerprint(text.replace(/^sha-?256[:=]/i, ''));
  return /^[0-9a-f]{64}$/.test(plain) ? plain : undefined;
}

function plainFingerprint(text: string): string {
  return text.replaceAll(':', '').toLowerCase();
}

async function secured(
  address: GatewayAddress,
  host: string,
  port: number,
  plain: Socket | undefined,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const socket = await handshake(address, host, port, plain, signal);
  const { trust } = address;
  if (trust.kind !== 'fingerprint') return socket;
  const shown = plainFingerprint(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
  if (shown !== '' && shown === trust.sha256) return socket;
  socket.destroy();
  throw new NotReachable('gateway_not_trusted', `${address.url} shows another certificate than before`, {
    why: `its SHA-256 is ${shown || 'missing'}, the pinned one is ${trust.sha256}`,
    next: `if the gateway has a new certificate: hoopctl login ${address.url}`,
  });
}

function handshake(
  address: GatewayAddress,
  host: string,
  port: number,
  plain: Socket | undefined,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const { trust } = address;
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      ...(plain === undefined ? { host, port } : { socket: plain }),
      // Server names are names (RFC 6066, section 3); an address is checked against the certificate without one.
      servername: isIP(host) === 0 ? host : '',
      host,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      // With a fingerprint the certificate itself is compared, before anything is sent.
      rejectUnauthorized: trust.kind !== 'fingerprint',
      ...(trust.kind === 'authority' ? { ca: trust.pem } : {}),
    });
    const abort = () => socket.destroy(new Error('it took too long'));
    const settle = (finish: () => void) => {
      signal.removeEventListener('abort', abort);
      socket.off('error', onError);
      // An error before somebody listens again is told by the close that follows.
      socket.on('error', () => {});
      finish();
    };
    const onError = (error: Error) => settle(() => reject(failure(address, error)));
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', onError);
    socket.once('secureConnect', () => settle(() => resolve(socket)));
  });
}

/** OpenSSL's and Node's codes for certificates that are not believed. */
const UNTRUSTED =
  /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)/;

/** Node's own words are about flags of Node. */
const UNTRUSTED_WORDS: Readonly<Record<string, string>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another host',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'nobody but itself vouches for it',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is none that is trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is none that is trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its authority is none that is trusted here',
  CERT_HAS_EXPIRED: 'it has expired',
};

function failure(address: GatewayAddress, error: Error): NotReachable {
  const code = systemCode(error);
  if (code !== undefined && UNTRUSTED.test(code)) {
    return new NotReachable('gateway_not_trusted', `the certificate of ${address.url} is not to be trusted`, {
      why: UNTRUSTED_WORDS[code] ?? error.message,
      next: `hoopctl login ${address.url} --ca FILE, or --fingerprint SHA256 for a self-signed one`,
      cause: error,
    });
  }
  return notReachable(address.url, code ?? error.message, error);
}

function notReachable(url: string, why: string, cause?: Error): NotReachable {
  return new NotReachable('gateway_not_reachable', `the gateway ${url} cannot be reached`, {
    why,
    next: 'hoopctl context list; is its address right, and is it running?',
    retryable: true,
    ...(cause === undefined ? {} : { cause }),
  });
}
