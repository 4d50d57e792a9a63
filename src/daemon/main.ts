import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../base/clock.ts';
import { type AskIssuer, askIssuer, type GetJson, getJson } from '../identity/bounded-get.ts';
import { compilePolicy } from '../policy/compile.ts';
import { parsePolicy } from '../policy/parse.ts';
import type { Protocol } from '../protocols/protocol.ts';
import { loadProtocols, newHostKey } from '../protocols/registry.ts';
import { openVault, type VaultOptions } from '../secret/vault.ts';
import { AppliedPolicy } from '../session/applied-policy.ts';
import { ApprovalBoard } from '../session/approval-board.ts';
import { ApproverPresence } from '../session/approver-presence.ts';
import { LiveSessions } from '../session/live-sessions.ts';
import type { OpenDeskDeps } from '../session/open-desk.ts';
import { TurnEnd } from '../session/turn-end.ts';
import { Admission } from './admission.ts';
import { createApiServer } from './api-server.ts';
import { createAuthenticator } from './authenticate.ts';
import { type Books, openBooks } from './books.ts';
import { openBootstrap } from './bootstrap.ts';
import { BusyPoll } from './busy-poll.ts';
import { createDaemonLog, type DaemonLog, RotatingFile } from './daemon-log.ts';
import { Endpoints } from './endpoint.ts';
import { endpointTls } from './endpoint-tls.ts';
import { type Gateway, type GatewaySettings, openGateway } from './gateway/gateway.ts';
import { NativePlaces } from './gateway/native-places.ts';
import { ShortPasswords } from './gateway/short-passwords.ts';
import { gatewayHostKey } from './gateway-host-key.ts';
import { identityParts } from './identity-parts.ts';
import { installationKey } from './installation-key.ts';
import { LoginFailures } from './login-failures.ts';
import { OpenStreams } from './open-streams.ts';
import { packageVersion } from './package-version.ts';
import type { Parts } from './parts.ts';
import { Requests, restoreRequests } from './requests.ts';
import { startRhythm } from './rhythm.ts';
import { allHandlers } from './routes/all.ts';
import { sessionOpener } from './session-opener.ts';
import {
  endpointRoot,
  prepareStateDirectory,
  type StateDirectory,
  stateDirectory,
} from './state-directory.ts';
import { sweepTargets } from './sweep.ts';
import { Targets } from './targets.ts';
import { openTraces, type Traces } from './traces/traces.ts';
import { WebhookDeliveries } from './webhooks/deliveries.ts';

export interface DaemonOptions {
  /** The state directory. */
  readonly home: string;
  /** Logs to stderr as well, for service managers. */
  readonly foreground?: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Serves over the network as well. */
  readonly gateway?: GatewaySettings | undefined;
  /** What a test gives instead of the real ones. */
  readonly clock?: Clock;
  readonly protocols?: readonly Protocol[];
  readonly keychain?: VaultOptions['keychain'];
  /** How issuers are asked for their keys. */
  readonly getJson?: GetJson;
  readonly askIssuer?: AskIssuer;
}

export interface RunningDaemon {
  readonly socket: string;
  /** Its listeners on the network, when it is a gateway. */
  readonly gateway: Gateway | undefined;
  /** Stops accepting, ends sessions in their protocols, closes the books. Idempotent. */
  stop(reason: string): Promise<void>;
  /** When it has stopped, whoever asked for it. */
  readonly stopped: Promise<void>;
}

/** Sessions get this long to be told and to close their books, in milliseconds; the whole stop stays below 10 s. */
const SESSIONS_GRACE = 5000;

/**
 * The composition root: opens everything of a state directory, wires it, serves the API.
 * Throws NotPermitted `directory_not_private`, Conflict `state_directory_in_use`, and what the books throw.
 */
export async function runDaemon(options: DaemonOptions): Promise<RunningDaemon> {
  const directory = stateDirectory(options.home);
  prepareStateDirectory(directory);
  const logFile = new RotatingFile(directory.log);
  const log = daemonLog(options, logFile);
  const clock = options.clock ?? systemClock;
  let books: Books | undefined;
  try {
    books = await openBooks(directory, clock, log);
    const { environment, gateway } = options;
    const config = gateway?.config.traces;
    const traces = openTraces({ environment, config, clock, version: packageVersion(), log });
    return await serve(options, { directory, books, clock, log, logFile, traces });
  } catch (error) {
    log.error('daemon.start_failed', { error });
    await books?.close();
    logFile.close();
    throw error;
  }
}

function daemonLog(options: DaemonOptions, file: RotatingFile): DaemonLog {
  const level = options.environment.HOOPCTL_LOG_LEVEL;
  const known = level !== undefined && ['error', 'warn', 'info', 'debug'].includes(level);
  const destination = {
    write(line: string) {
      file.write(line);
      if (options.foreground) process.stderr.write(line);
    },
  };
  return createDaemonLog(destination, known ? level : 'info');
}

interface Ground {
  readonly directory: StateDirectory;
  readonly books: Books;
  readonly clock: Clock;
  readonly log: DaemonLog;
  readonly logFile: RotatingFile;
  readonly traces: Traces | undefined;
}

async function serve(options: DaemonOptions, ground: Ground): Promise<RunningDaemon> {
  const { books, clock, directory, log } = ground;
  let stopping: Promise<void> | undefined;
  let markStopped: () => void = () => {};
  const stopped = new Promise<void>((resolve) => {
    markStopped = resolve;
  });
  const stop = (reason: string) => {
    stopping ??= end(reason).finally(markStopped);
    return stopping;
  };

  const parts = await assemble(options, ground, (reason) => void stop(reason));
  const handlers = allHandlers(parts);
  const authenticate = createAuthenticator({
    identities: books.store.identities,
    current: parts.current,
    requireAlive: parts.requireAlive,
    bootstrap: parts.bootstrap,
    audit: books.audit,
    loginFailures: parts.loginFailures,
    clock,
  });
  const api = createApiServer({
    handlers,
    authenticate,
    log,
    traces: ground.traces,
    streams: parts.streams,
  });
  // Ours by the lock: a socket that lies there belonged to a daemon that is gone.
  rmSync(directory.socket, { force: true });
  await api.listen(directory.socket);
  const gateway =
    options.gateway &&
    (await openGateway(options.gateway, { parts, handlers, authenticate, traces: ground.traces }));
  writeFileSync(directory.pidFile, `${process.pid}\n`, { mode: 0o600 });
  books.audit.append({
    kind: 'daemon.start',
    actor: 'hoopctl',
    facts: { version: parts.version, pid: process.pid },
  });
  log.info('daemon.started', { version: parts.version, pid: process.pid });
  void sweepTargets(parts);
  const stopRhythm = startRhythm(parts);
  return { socket: directory.socket, gateway, stop, stopped };

  async function end(reason: string): Promise<void> {
    log.info('daemon.stopping', { reason, sessions: parts.live.size });
    stopRhythm();
    parts.endpoints.close(() => true, reason);
    parts.live.cut(() => true, reason);
    await within(SESSIONS_GRACE, parts.live.allClosed());
    // A session whose protocol did not let go in time still gets its books closed.
    await within(SESSIONS_GRACE / 5, parts.live.closeAll(reason));
    await gateway?.close();
    await api.close();
    await within(SESSIONS_GRACE / 5, parts.targets.close());
    await within(SESSIONS_GRACE / 5, parts.deliveries.close());
    await within(SESSIONS_GRACE / 5, ground.traces?.close() ?? Promise.resolve());
    books.audit.append({ kind: 'daemon.stop', actor: 'hoopctl', facts: { reason, pid: process.pid } });
    rmSync(directory.socket, { force: true });
    rmSync(directory.pidFile, { force: true });
    await books.close();
    log.info('daemon.stopped');
    ground.logFile.close();
  }
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}

async function assemble(
  options: DaemonOptions,
  ground: Ground,
  requestStop: (reason: string) => void,
): Promise<Parts> {
  const { books, clock, directory, log, logFile } = ground;
  const { store, audit, journal } = books;
  const failed = (event: string) => (error: unknown) => log.error(event, { error });
  const protocols = options.protocols ?? (await loadProtocols());
  const secrets = join(directory.home, 'secrets');
  mkdirSync(secrets, { recursive: true, mode: 0o700 });
  const vault = openVault({
    dir: secrets,
    environment: options.environment,
    warn: (message) => log.warn('secret.warning', { message }),
    ...(options.keychain ? { keychain: options.keychain } : {}),
  });
  const policy = await appliedPolicy(books, log);
  const live = new LiveSessions();
  const streams = new OpenStreams();
  const board = new ApprovalBoard({
    clock,
    approvals: store.approvals,
    identities: store.identities,
    audit,
    policy,
    failed: failed('approval.failed'),
  });
  await restoreRequests(board, store.approvals);
  const maskKey = installationKey(store.settings, vault);
  const targets = new Targets({ clock, vault, store, protocols, maskKey, failed: failed('target.failed') });
  const busyPoll = new BusyPoll(() => clock.monotonic(), setImmediate);
  const who = identityParts({
    store,
    audit,
    clock,
    policy,
    live,
    streams,
    getJson: options.getJson ?? getJson,
    askIssuer: options.askIssuer ?? askIssuer,
    environment: options.environment,
    key: maskKey,
    closeEndpoints: (signIn, reason) =>
      endpoints.close(({ identity }) => identity.signIn?.id === signIn, reason),
    failed: failed('session.recheck_failed'),
  });
  const desks: OpenDeskDeps = {
    clock,
    sessions: store.sessions,
    identities: { current: who.currentAndAlive },
    audit,
    policy,
    board,
    live,
    createRecording: books.createRecording,
    storeFailed: failed('session.books_failed'),
    bytesMoved: (session) => busyPoll.moved(session),
    turnEnd: new TurnEnd(() => audit.commitTurn(), setImmediate),
  };
  const admission = new Admission();
  const opener = sessionOpener(desks, admission, log, ground.traces);
  const deliveries = new WebhookDeliveries({
    clock,
    webhooks: store.webhooks,
    vault,
    audit,
    failed: failed('webhook.failed'),
  });
  board.watch((request) => void deliveries.tell(request));
  deliveries.wake();
  const endpoints = new Endpoints({
    clock,
    openDesk: opener,
    loginFailed: ({ identity, connection }) =>
      audit.append({
        kind: 'login.failed',
        actor: 'unknown',
        facts: { code: 'wrong_password', endpointOf: identity.name, connection: connection.name },
      }),
    watchApprovals: (listener) => board.watch(listener),
    socketRoot: endpointRoot(directory),
    failed: failed('endpoint.failed'),
  });
  return {
    version: packageVersion(),
    startedAt: new Date(clock.now()).toISOString(),
    clock,
    directory,
    store,
    audit,
    journal,
    auditCheck: books.auditCheck,
    auditDamage: books.auditDamage,
    policy,
    live,
    streams,
    board,
    ...who,
    presence: new ApproverPresence(store.settings, () => clock.now()),
    endpoints,
    targets,
    vault,
    deliveries,
    protocols,
    admission,
    openDesk: opener,
    requests: new Requests({ audit, board, policy, store, targets }),
    passwords: new ShortPasswords({ store, audit, clock, current: (known) => who.current.current(known) }),
    native: new NativePlaces(),
    loginFailures: new LoginFailures(audit, clock),
    bootstrap: openBootstrap(directory.bootstrapToken, (await store.identities.list()).length === 0),
    hostKey: gatewayHostKey(store.settings, vault, newHostKey),
    certificate: endpointTls(directory, failed('tls.failed')),
    log,
    logFile,
    requestStop,
  };
}

/** What was applied last. A stored policy that this version can't read any more decides nothing: then nothing runs. */
async function appliedPolicy(books: Books, log: DaemonLog): Promise<AppliedPolicy> {
  const applied = new AppliedPolicy();
  const row = await books.store.policies.current();
  if (!row) return applied;
  const { policy: file, problems } = parsePolicy(row.text, row.source);
  if (file) applied.replace(compilePolicy(file, row.hash), row);
  else log.error('policy.unreadable', { version: row.version, problems });
  return applied;
}
