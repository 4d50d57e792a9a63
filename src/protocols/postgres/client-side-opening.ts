import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { ProtocolViolation } from '../../base/errors.ts';
import { decodeStartupPacket, requireStartupLength, type StartupPacket } from './codec/startup-packet.ts';
import type { HandshakeStream } from './handshake-stream.ts';

export interface ServerTls {
  readonly key: string;
  readonly cert: string;
}

/** What a client opens with, once encryption is settled. */
export type Opening = Exclude<StartupPacket, { kind: 'ssl-request' | 'gssenc-request' }>;

/** First byte of a TLS record that holds a handshake; a startup packet's length never begins with it. */
const TLS_HANDSHAKE = 0x16;
/** The protocol's registered ALPN name (docs 55.2.11). */
export const ALPN = 'postgresql';
const YES = Buffer.from('S');
const NO = Buffer.from('N');

/**
 * Answers SSLRequest and GSSENCRequest, each at most once, or a TLS ClientHello that comes first (direct TLS,
 * docs 55.2.11), and returns the packet behind them. Throws ProtocolViolation; then the socket is to be closed
 * without a word. Bytes behind a request, before its answer, are plaintext that would be taken for ciphertext:
 * the connection is dropped.
 */
export async function readOpening(
  stream: HandshakeStream,
  tls: ServerTls | undefined,
): Promise<{ readonly packet: Opening; readonly tls: boolean }> {
  let encrypted = false;
  let askedTls = false;
  let askedGss = false;
  if ((await stream.peek(1))[0] === TLS_HANDSHAKE) {
    await startTls(stream, tls, true);
    encrypted = true;
  }
  for (;;) {
    const packet = await readPacket(stream);
    switch (packet.kind) {
      case 'ssl-request':
        if (askedTls || encrypted) throw repeated('SSLRequest');
        askedTls = true;
        stream.write(tls === undefined ? NO : YES);
        if (tls === undefined) break;
        await startTls(stream, tls, false);
        encrypted = true;
        break;
      case 'gssenc-request':
        if (askedGss || encrypted) throw repeated('GSSENCRequest');
        askedGss = true;
        stream.write(NO);
        break;
      default:
        return { packet, tls: encrypted };
    }
  }
}

async function readPacket(stream: HandshakeStream): Promise<StartupPacket> {
  const length = (await stream.peek(4)).readInt32BE(0);
  requireStartupLength(length);
  const bytes = await stream.read(length);
  stream.requireEmpty('bytes_too_early', 'the client sent more before it was answered');
  return decodeStartupPacket(bytes);
}

async function startTls(stream: HandshakeStream, tls: ServerTls | undefined, direct: boolean): Promise<void> {
  if (tls === undefined) throw new ProtocolViolation('tls_not_offered', 'this endpoint does not speak TLS');
  const plain = stream.socket;
  const read = stream.detach();
  // Direct TLS: the ClientHello goes back, to be read by the TLS layer. After SSLRequest there is nothing.
  if (read.length > 0) plain.unshift(read);
  const secure = new TLSSocket(plain, {
    isServer: true,
    key: tls.key,
    cert: tls.cert,
    minVersion: 'TLSv1.2',
    ALPNProtocols: [ALPN],
  });
  await secured(secure, plain);
  if (direct && secure.alpnProtocol !== ALPN) {
    secure.destroy();
    throw new ProtocolViolation(
      'alpn_missing',
      'the client began TLS at once without the ALPN name postgresql',
    );
  }
  stream.attach(secure);
}

function secured(secure: TLSSocket, plain: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error: Error | undefined) => {
      secure.off('secure', onSecure);
      secure.off('close', onClose);
      plain.off('close', onClose);
      if (error === undefined) {
        secure.off('error', onError);
        resolve();
        return;
      }
      // Later errors of a socket nobody listens to any more would end the process.
      secure.on('error', () => {});
      secure.destroy();
      plain.destroy();
      reject(error);
    };
    const onSecure = () => settle(undefined);
    const onClose = () =>
      settle(new ProtocolViolation('tls_failed', 'the client closed during the TLS handshake'));
    const onError = (cause: Error) =>
      settle(new ProtocolViolation('tls_failed', 'the TLS handshake failed', { why: cause.message, cause }));
    secure.once('secure', onSecure);
    secure.once('close', onClose);
    plain.once('close', onClose);
    secure.on('error', onError);
  });
}

function repeated(name: string): ProtocolViolation {
  return new ProtocolViolation('repeated_request', `the client sent ${name} out of order`);
}
