import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { HoopError, Internal, NotReachable, ProtocolViolation } from '../../base/errors.ts';
import type { Stated } from '../../policy/decision.ts';
import type { EndpointCredentials } from '../protocol.ts';
import { authenticateClient } from './client-side-authentication.ts';
import type { LoginGuard } from './client-side-guard.ts';
import { type Opening, readOpening, type ServerTls } from './client-side-opening.ts';
import { readStartupParameters, type StartupParameters } from './client-side-parameters.ts';
import { ClientRefused, closeGently, fatal, type RefusalText } from './client-side-refusal.ts';
import { AUTHENTICATION_OK, negotiateProtocolVersion } from './codec/backend-builders.ts';
import { PROTOCOL_3_0, PROTOCOL_3_2 } from './codec/startup-packet.ts';
import { HandshakeStream } from './handshake-stream.ts';

export interface ClientSideOptions {
  /** Lets the client in by its user and password, or throws; most often `endpointLogin`. */
  readonly logIn: ClientLogin;
  /** What the endpoint proves itself with; without it SSLRequest is answered `N`. */
  readonly tls: ServerTls | undefined;
  readonly clock: Clock;
  /** A CancelRequest came. Whether it had an effect is never told to whoever sent it. */
  cancel(processId: number, secret: Uint8Array): void;
  /** Told of every client that was turned away, for the books. */
  refused?(error: HoopError): void;
  /** One for all clients of an endpoint or listener. */
  readonly guard: LoginGuard;
  /** Whoever has not begun TLS is told so and turned away; cancel requests still pass, as clients send them plain. */
  readonly requireTls?: boolean;
  /** Milliseconds from the first byte to the client's proof. Default 10 s. */
  readonly deadline?: number;
}

/**
 * Authenticates one client; AuthenticationOk is still to be sent. `certificate`: ours, PEM, where the client came
 * over TLS. Throws ClientRefused, ProtocolViolation.
 */
export type ClientLogin = (
  stream: HandshakeStream,
  parameters: StartupParameters,
  certificate: string | undefined,
) => Promise<void>;

/** A client that has proved the endpoint's password and waits for AuthenticationOk. */
export interface AcceptedClient {
  /** Plain or TLS; in the session's hands after `welcome`, paused, no byte of the session read off it. */
  readonly socket: Socket;
  readonly protocolMinor: 0 | 2;
  /** Startup parameters for the target, checked; `client_encoding` is always UTF8. Without user and database. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly applicationName: string;
  readonly stated: Stated;
  readonly tls: boolean;
  /** Aborted when the client goes away, or says anything, before `welcome`. Its reason is a HoopError. */
  readonly signal: AbortSignal;
  /**
   * Sends AuthenticationOk and hands the socket over; ParameterStatus, BackendKeyData and ReadyForQuery are the
   * session's. The session adds its listeners in the same turn. Throws what `signal` was aborted with.
   */
  welcome(): void;
  /** Sends a FATAL error instead, and closes. */
  reject(text: RefusalText): void;
}

/** PostgreSQL's authentication_timeout is a minute; programs on the same machine need none of it. */
const DEADLINE_MS = 10_000;
/** The longest startup packet is 10 000 bytes, a TLS ClientHello 16 KiB and its header. */
const MOST_BUFFERED = 24 * 1024;

/**
 * Takes a socket from its first byte to the client's proof of the endpoint's password (docs 54.2.1). Never
 * throws; undefined when nobody came in: a cancel request, garbage, a wrong password, a client that took too
 * long. The socket is closed then, or being closed.
 */
export async function acceptClient(
  socket: Socket,
  options: ClientSideOptions,
): Promise<AcceptedClient | undefined> {
  const { guard } = options;
  // An error is also told by `close`; without a listener it would end the process.
  socket.on('error', () => {});
  const stream = new HandshakeStream(socket, MOST_BUFFERED);
  const cutOff = (code: string, message: string) => {
    stream.fail(new NotReachable(code, message));
    socket.destroy();
  };
  const leave = guard.enter(() => cutOff('too_many_handshakes', 'too many clients wait to log in'));
  const stopDeadline = options.clock.after(options.deadline ?? DEADLINE_MS, () =>
    cutOff('handshake_timeout', 'the client did not log in in time'),
  );
  try {
    return await admit(stream, options);
  } catch (error) {
    turnAway(stream, options, asHoopError(error));
    return undefined;
  } finally {
    stopDeadline();
    leave();
  }
}

async function admit(
  stream: HandshakeStream,
  options: ClientSideOptions,
): Promise<AcceptedClient | undefined> {
  const { packet, tls } = await readOpening(stream, options.tls);
  stream.socket.on('error', () => {});
  if (packet.kind === 'cancel-request') {
    options.cancel(packet.processId, packet.secret);
    closeGently(stream.socket, options.clock);
    return undefined;
  }
  if (packet.kind === 'unsupported-version') throw unsupportedVersion(packet);
  if (options.requireTls && !tls) throw tlsRequired();
  const parameters = readStartupParameters(packet.parameters);
  const protocolMinor = negotiate(stream, packet.minor, parameters.protocolOptions);
  await logIn(stream, options, parameters, tls);
  return accepted(stream, options, parameters, protocolMinor, tls);
}

/** 3.0 and 3.2 are spoken; 3.1 was never given out. Others, and options nobody knows, get NegotiateProtocolVersion. */
function negotiate(stream: HandshakeStream, asked: number, options: readonly string[]): 0 | 2 {
  const minor = asked >= 2 ? 2 : 0;
  if (asked !== minor || options.length > 0) {
    stream.write(negotiateProtocolVersion(minor === 2 ? PROTOCOL_3_2 : PROTOCOL_3_0, options));
  }
  return minor;
}

async function logIn(
  stream: HandshakeStream,
  options: ClientSideOptions,
  parameters: StartupParameters,
  tls: boolean,
): Promise<void> {
  const { clock, guard } = options;
  try {
    await options.logIn(stream, parameters, tls ? options.tls?.cert : undefined);
  } catch (error) {
    // A client that hangs up to ask its user for the password has not failed.
    if (isFailedLogin(error)) await pause(clock, guard.failed());
    throw error;
  }
  guard.succeeded();
}

function isFailedLogin(error: unknown): boolean {
  if (error instanceof NotReachable) return false;
  return !(error instanceof ClientRefused) || error.code === 'wrong_password';
}

/** The login of an endpoint: its password by SCRAM, its database by name. */
export function endpointLogin(credentials: EndpointCredentials): ClientLogin {
  return async (stream, parameters, certificate) => {
    await authenticateClient(stream, credentials, parameters.user, certificate);
    if ((parameters.database ?? credentials.database) === credentials.database) return;
    throw new ClientRefused('wrong_database', {
      sqlstate: '3D000',
      message: `database "${parameters.database}" does not exist on this endpoint`,
      hint: `it serves the database "${credentials.database}"`,
    });
  };
}

function tlsRequired(): ClientRefused {
  return new ClientRefused('tls_required', {
    sqlstate: '28000',
    message: 'hoopctl: this listener takes encrypted connections only',
    hint: 'add sslmode=verify-full to the connection string',
  });
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}

function accepted(
  stream: HandshakeStream,
  options: ClientSideOptions,
  parameters: StartupParameters,
  protocolMinor: 0 | 2,
  tls: boolean,
): AcceptedClient {
  const { socket } = stream;
  const gone = new AbortController();
  const end = (error: HoopError) => {
    gone.abort(error);
    socket.destroy();
  };
  const onData = () =>
    end(new ProtocolViolation('bytes_too_early', 'the client sent more before it was let in'));
  const onEnd = () => end(new NotReachable('client_gone', 'the client closed the connection'));
  const stopWatching = () => {
    socket.off('data', onData);
    socket.off('end', onEnd);
    socket.off('close', onEnd);
  };
  if (stream.detach().length > 0) onData();
  socket.on('data', onData);
  socket.on('end', onEnd);
  socket.on('close', onEnd);
  socket.resume();
  if (socket.destroyed) onEnd();
  return {
    socket,
    protocolMinor,
    parameters: parameters.upstream,
    applicationName: parameters.applicationName,
    stated: parameters.stated,
    tls,
    signal: gone.signal,
    welcome() {
      gone.signal.throwIfAborted();
      stopWatching();
      socket.pause();
      socket.write(AUTHENTICATION_OK);
    },
    reject(text) {
      stopWatching();
      closeGently(socket, options.clock, fatal(text));
    },
  };
}

/** Says why where the protocol has words for it, and closes. */
function turnAway(stream: HandshakeStream, options: ClientSideOptions, error: HoopError): void {
  options.refused?.(error);
  stream.detach();
  const { socket } = stream;
  const words = lastWords(error);
  if (words === undefined) socket.destroy();
  else closeGently(socket, options.clock, words);
}

/**
 * Errors that came before a startup packet was understood get no answer: what is at the other end may not
 * speak the protocol at all.
 */
const SILENT: ReadonlySet<string> = new Set([
  'alpn_missing',
  // Whether a cancel request had an effect is never told.
  'bad_cancel_request',
  'bad_startup_length',
  'bytes_too_early',
  'handshake_flood',
  'repeated_request',
  'tls_failed',
  'tls_not_offered',
]);

function lastWords(error: HoopError): Buffer | undefined {
  if (error instanceof VersionRefused) return error.answer;
  if (error instanceof ClientRefused) return fatal(error.text);
  if (error instanceof ProtocolViolation) {
    return SILENT.has(error.code)
      ? undefined
      : fatal({ sqlstate: '08P01', message: `hoopctl: ${error.message}` });
  }
  return undefined;
}

class VersionRefused extends ProtocolViolation {
  readonly answer: Buffer | undefined;

  constructor(message: string, answer: Buffer | undefined) {
    super('unsupported_version', message);
    this.answer = answer;
  }
}

/** Numbers above this are no version but garbage. */
const MOST_PLAUSIBLE_MAJOR = 9;

function unsupportedVersion({
  major,
  minor,
}: Extract<Opening, { kind: 'unsupported-version' }>): VersionRefused {
  const message = `unsupported frontend protocol ${major}.${minor}: hoopctl supports 3.0 and 3.2`;
  if (major < 1 || major > MOST_PLAUSIBLE_MAJOR) return new VersionRefused(message, undefined);
  // Protocol 2.0 and older: 'E', the text, a NUL; no length, no fields.
  const old = major < 3 ? Buffer.from(`EFATAL:  ${message}\n\0`) : fatal({ sqlstate: '0A000', message });
  return new VersionRefused(message, old);
}

function asHoopError(error: unknown): HoopError {
  return error instanceof HoopError
    ? error
    : new Internal('handshake_failed', 'a login failed for a reason of our own', { cause: error });
}
