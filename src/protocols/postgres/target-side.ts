import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { type HoopError, NotReachable, ProtocolViolation } from '../../base/errors.ts';
import { cancelRequest, PROTOCOL_3_0, startupMessage } from './codec/startup-packet.ts';
import { hostText, isUnixSocket, type PostgresSettings, type TargetHost } from './connection.ts';
import { fitsAttributes, passesOf } from './target-side-attributes.ts';
import { logIn } from './target-side-authentication.ts';
import { asTargetError, type Dialled, encrypt, withSocket } from './target-side-dial.ts';
import { startupError } from './target-side-errors.ts';
import { readSessionStart } from './target-side-session-start.ts';

export interface TargetOptions {
  readonly clock: Clock;
  /** Startup parameters the client asked for, already checked; they win over the connection's own. */
  readonly parameters?: ReadonlyMap<string, string>;
  /** Wins over the one in `parameters` and the connection's. */
  readonly applicationName?: string;
  /** Breaks the attempt off, for example since the client is gone; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/** A session at the target that has said ReadyForQuery for the first time. */
export interface TargetConnection {
  /** Plain or TLS, paused, with no byte read ahead. Errors have a listener; `close` tells the end. */
  readonly socket: Socket;
  /** What the target has reported by ParameterStatus. */
  readonly serverParameters: Map<string, string>;
  readonly processId: number;
  readonly secretKey: Buffer;
  readonly protocolMinor: 0 | 2;
  /** `16.4`. */
  readonly serverVersion: string;
  /** `TLSv1.3`, or null for plaintext and Unix sockets. */
  readonly tls: string | null;
  readonly host: TargetHost;
  /** Sends a CancelRequest for this session, over TLS when the session has it. Throws NotReachable. */
  cancel(): Promise<void>;
}

/** What the target would be sent whatever anybody asks for. */
const OWN_PARAMETERS: readonly (readonly [string, string])[] = [['client_encoding', 'UTF8']];
const DEFAULT_APPLICATION_NAME = 'hoopctl';

/**
 * Opens a session at the first host that is reachable and of the wanted kind (docs 34.1.1.3), with encryption
 * and login as the settings say. Throws NotReachable `target_not_reachable` with every host and its reason,
 * NotPermitted and NotFound for a login that was refused (other hosts are not tried then, as in libpq),
 * UsageError for certificate files, ProtocolViolation for a target that breaks the protocol.
 */
export async function connectTarget(
  settings: PostgresSettings,
  secret: string | undefined,
  options: TargetOptions,
): Promise<TargetConnection> {
  const tried: { readonly host: TargetHost; readonly error: HoopError }[] = [];
  for (const wanted of passesOf(settings.targetSessionAttrs)) {
    for (const host of order(settings)) {
      try {
        const connection = await connectHost(settings, host, secret, options);
        if (await fitsAttributes(connection, wanted, options.clock)) return connection;
        connection.socket.destroy();
        tried.push({ host, error: new NotReachable('target_wrong_kind', `the server is not ${wanted}`) });
      } catch (error) {
        options.signal?.throwIfAborted();
        const known = asTargetError(error);
        if (!(known instanceof NotReachable)) throw known;
        tried.push({ host, error: known });
      }
    }
  }
  throw notReachable(tried);
}

function order(settings: PostgresSettings): readonly TargetHost[] {
  if (settings.loadBalanceHosts === 'disable') return settings.hosts;
  const hosts = [...settings.hosts];
  for (let i = hosts.length - 1; i > 0; i--) {
    const [taken] = hosts.splice(randomInt(i + 1), 1);
    if (taken !== undefined) hosts.push(taken);
  }
  return hosts;
}

function notReachable(
  tried: readonly { readonly host: TargetHost; readonly error: HoopError }[],
): NotReachable {
  const lines = tried.map(({ host, error }) => `${hostText(host)}: ${error.why ?? error.message}`);
  const hosts = [...new Set(tried.map(({ host }) => hostText(host)))];
  const last = tried.at(-1)?.error;
  const code = tried.length === 1 && last !== undefined ? last.code : 'target_not_reachable';
  return new NotReachable(code, `cannot reach PostgreSQL at ${hosts.join(', ')}`, {
    why: [...new Set(lines)].join('; '),
    next: last?.next ?? 'check that the server runs and that its address, port and firewall are right',
    // A server without TLS has none the next time either.
    retryable: tried.some(({ error }) => error.code !== 'target_no_tls'),
    cause: last,
  });
}

type Encryption = 'plain' | 'tls' | 'tls-if-offered';

/** What to try at one host, in order (docs 34.19.3). A Unix socket needs no TLS, whatever the mode. */
function encryptionPlan(settings: PostgresSettings, host: TargetHost): readonly Encryption[] {
  if (isUnixSocket(host)) return ['plain'];
  switch (settings.sslmode) {
    case 'disable':
      return ['plain'];
    case 'allow':
      return ['plain', 'tls'];
    case 'prefer':
      return ['tls-if-offered', 'plain'];
    default:
      return ['tls'];
  }
}

async function connectHost(
  settings: PostgresSettings,
  host: TargetHost,
  secret: string | undefined,
  options: TargetOptions,
): Promise<TargetConnection> {
  const plan = encryptionPlan(settings, host);
  let first: HoopError | undefined;
  for (const wanted of plan) {
    const outcome = await attempt(settings, host, secret, options, wanted);
    if (!('refused' in outcome)) return outcome;
    first ??= outcome.refused;
    // Another way is tried only when this one was refused as such; otherwise it was the login itself.
    if (!outcome.otherWay) break;
  }
  throw first ?? new NotReachable('target_not_reachable', `cannot reach ${hostText(host)}`);
}

type Attempt = TargetConnection | { readonly refused: HoopError; readonly otherWay: boolean };

function attempt(
  settings: PostgresSettings,
  host: TargetHost,
  secret: string | undefined,
  options: TargetOptions,
  wanted: Encryption,
): Promise<Attempt> {
  return withSocket(settings, host, options, async (socket): Promise<Attempt> => {
    let dialled: Dialled;
    try {
      dialled = await encrypt(socket, settings, host, wanted);
    } catch (error) {
      const known = asTargetError(error);
      // Only `prefer` has another way after failed TLS.
      if (wanted !== 'tls-if-offered' || known.code !== 'target_tls_failed') throw known;
      return { refused: known, otherWay: true };
    }
    const { stream, tls, binding } = dialled;
    stream.write(startupMessage(PROTOCOL_3_0 + settings.protocolMinor, startupParameters(settings, options)));
    const facts = { settings, secret, tls: tls !== null, unix: isUnixSocket(host), binding };
    const login = await logIn(stream, facts);
    if (!login.ok) {
      socket.destroy();
      const refused = startupError(login.fields, settings.user, settings.database);
      const wayRefused = login.first && login.fields.sqlstate === '28000';
      return { refused, otherWay: wayRefused && (wanted !== 'tls-if-offered' || tls !== null) };
    }
    const start = await readSessionStart(stream, login.protocolMinor, settings);
    if (stream.detach().length > 0) {
      throw new ProtocolViolation('bytes_after_ready', 'the target went on after it was ready');
    }
    stream.socket.on('error', () => {});
    const cancel = () => cancelSession(settings, host, socket, tls !== null, start, options.clock);
    return { ...start, socket: stream.socket, protocolMinor: login.protocolMinor, tls, host, cancel };
  });
}

function startupParameters(settings: PostgresSettings, options: TargetOptions): Map<string, string> {
  const asked = options.parameters ?? new Map<string, string>();
  const applicationName =
    options.applicationName ??
    asked.get('application_name') ??
    settings.applicationName ??
    DEFAULT_APPLICATION_NAME;
  return new Map([
    ['user', settings.user],
    ['database', settings.database],
    ...(settings.options === undefined ? [] : [['options', settings.options] as const]),
    ...asked,
    ['application_name', applicationName],
    ...OWN_PARAMETERS,
  ]);
}

const CLOSED: ReadonlySet<string> = new Set(['connection_closed', 'connection_lost']);

/** Dials the very server of the session: a name may lead to another one by now. */
async function cancelSession(
  settings: PostgresSettings,
  host: TargetHost,
  session: Socket,
  tls: boolean,
  key: { readonly processId: number; readonly secretKey: Buffer },
  clock: Clock,
): Promise<void> {
  const address = isUnixSocket(host) ? undefined : (session.remoteAddress ?? host.address);
  const same = address === undefined ? host : { ...host, address };
  await withSocket(settings, same, { clock }, async (socket) => {
    const { stream } = await encrypt(socket, settings, same, tls ? 'tls' : 'plain');
    stream.write(cancelRequest(key.processId, key.secretKey));
    // The target answers nothing; it closes when the request was dealt with (docs 54.2.9).
    await stream.read(1).catch((error: unknown) => {
      if (!(error instanceof NotReachable) || !CLOSED.has(error.code)) throw error;
    });
    stream.socket.destroy();
  });
}
