import { connect, type Socket } from 'node:net';
import { readingInto } from '../../base/chunks.ts';
import type { Clock } from '../../base/clock.ts';
import { HoopError, NotReachable, ProtocolViolation } from '../../base/errors.ts';
import { sslRequest } from './codec/startup-packet.ts';
import { hostText, isUnixSocket, type PostgresSettings, type TargetHost } from './connection.ts';
import { HandshakeStream } from './handshake-stream.ts';
import { networkReason } from './target-side-errors.ts';
import { bytesBeforeTls, secureTarget } from './target-side-tls.ts';

/** A connected socket, encrypted or not, on which nothing of the protocol was said yet. */
export interface Dialled {
  readonly stream: HandshakeStream;
  /** `TLSv1.3`, or null. */
  readonly tls: string | null;
  readonly binding: Buffer | undefined;
}

export interface DialBounds {
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs `work` on a new socket to `host`. At the deadline, or when `signal` is aborted, the socket is destroyed
 * and whatever `work` waits for fails; the error thrown then says so. The socket is destroyed when `work` throws.
 */
export async function withSocket<Result>(
  settings: PostgresSettings,
  host: TargetHost,
  bounds: DialBounds,
  work: (socket: Socket) => Promise<Result>,
): Promise<Result> {
  const { clock, signal } = bounds;
  signal?.throwIfAborted();
  const socket = open(host);
  let timedOut = false;
  const stop = clock.after(settings.connectTimeout * 1000, () => {
    timedOut = true;
    socket.destroy();
  });
  const onAbort = () => socket.destroy();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await connected(socket, host);
    socket.setNoDelay(true);
    if (settings.keepalives) socket.setKeepAlive(true, settings.keepalivesIdle * 1000);
    const result = await work(socket);
    // What `work` made of a socket that was cut under it does not count.
    signal?.throwIfAborted();
    if (timedOut) throw timeoutError(settings);
    return result;
  } catch (error) {
    socket.destroy();
    signal?.throwIfAborted();
    if (timedOut) throw timeoutError(settings);
    throw error;
  } finally {
    stop();
    signal?.removeEventListener('abort', onAbort);
  }
}

/**
 * Settles encryption as `wanted` says: none, TLS, or TLS if the target has it. Throws NotReachable
 * `target_no_tls`, `target_tls_failed`; ProtocolViolation.
 */
export async function encrypt(
  socket: Socket,
  settings: PostgresSettings,
  host: TargetHost,
  wanted: 'plain' | 'tls' | 'tls-if-offered',
): Promise<Dialled> {
  const stream = new HandshakeStream(socket);
  if (wanted === 'plain') return { stream, tls: null, binding: undefined };
  if (settings.sslnegotiation !== 'direct') {
    stream.write(sslRequest());
    const answer = (await stream.read(1))[0];
    stream.requireEmpty(bytesBeforeTls().code, bytesBeforeTls().message);
    if (answer === NO) {
      if (wanted === 'tls-if-offered') return { stream, tls: null, binding: undefined };
      throw new NotReachable('target_no_tls', 'the target does not speak TLS', {
        why: `sslmode=${settings.sslmode}, and the target answered that it has no TLS`,
        next: 'turn TLS on at the server, or use sslmode=prefer on a network you trust',
      });
    }
    if (answer !== YES) {
      throw new ProtocolViolation(
        'bad_tls_answer',
        'the target answered the request for TLS with neither S nor N',
      );
    }
  }
  stream.detach();
  const secured = await secureTarget(socket, settings, host);
  stream.attach(secured.socket);
  return { stream, tls: secured.version, binding: secured.binding };
}

const YES = 0x53;
const NO = 0x4e;

function open(host: TargetHost): Socket {
  const where = isUnixSocket(host)
    ? { path: socketPath(host) }
    : { port: host.port, host: host.address ?? host.host };
  const socket: Socket = connect({ ...where, onread: readingInto(() => socket) });
  // Errors are told by `close` and by whoever waits; without a listener one would end the process.
  socket.on('error', () => {});
  return socket;
}

/** The path of a server's socket in its directory; `@` marks Linux's abstract name space (docs 34.1.2, host). */
function socketPath(host: TargetHost): string {
  const path = `${host.host}/.s.PGSQL.${host.port}`;
  return path.startsWith('@') ? `\0${path.slice(1)}` : path;
}

function connected(socket: Socket, host: TargetHost): Promise<void> {
  return new Promise((resolve, reject) => {
    let reason = 'closed';
    socket.once('connect', () => {
      socket.off('error', onError).off('close', onClose);
      resolve();
    });
    const onError = (error: Error) => {
      reason = networkReason(error);
    };
    const onClose = () =>
      reject(new NotReachable('target_not_reachable', `${hostText(host)}: ${reason}`, { why: reason }));
    socket.once('error', onError).once('close', onClose);
  });
}

function timeoutError(settings: PostgresSettings): NotReachable {
  return new NotReachable('target_timeout', 'the target did not answer in time', {
    why: `no answer in ${settings.connectTimeout} s`,
    retryable: true,
  });
}

/** An error of our own as it is; anything else as NotReachable. */
export function asTargetError(error: unknown): HoopError {
  if (error instanceof HoopError) return error;
  const why = error instanceof Error ? networkReason(error) : undefined;
  return new NotReachable('target_not_reachable', 'the target could not be reached', {
    ...(why === undefined ? {} : { why }),
    cause: error,
  });
}
