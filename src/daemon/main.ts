import { rmSync, writeFileSync } from 'node:fs';
import { systemClock } from '../base/clock.ts';
import { type ApiServer, createApiServer } from './api-server.ts';
import { assemble } from './assembly.ts';
import { createAuthenticator } from './authenticate.ts';
import { type Books, openBooks } from './books.ts';
import { createDaemonLog, type DaemonLog, RotatingFile } from './daemon-log.ts';
import { type Gateway, openGateway } from './gateway/gateway.ts';
import type { DaemonOptions, Ground } from './ground.ts';
import { packageVersion } from './package-version.ts';
import type { Parts } from './parts.ts';
import { startRhythm } from './rhythm.ts';
import { allHandlers } from './routes/all.ts';
import { prepareStateDirectory, stateDirectory } from './state-directory.ts';
import { sweepTargets } from './sweep.ts';
import { openTraces } from './traces/traces.ts';

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
 * Opens everything of a state directory and serves the API.
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

async function serve(options: DaemonOptions, ground: Ground): Promise<RunningDaemon> {
  const { books, clock, directory, log } = ground;
  // Who asks for the end while the gateway is still opened waits until it is open.
  const serving = Promise.withResolvers<Serving>();
  const { promise: stopped, resolve: markStopped } = Promise.withResolvers<void>();
  let stopping: Promise<void> | undefined;
  const stop = (reason: string) => {
    stopping ??= serving.promise.then((all) => shutDown(all, ground, reason)).finally(markStopped);
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
  serving.resolve({ parts, api, gateway, stopRhythm: startRhythm(parts) });
  return { socket: directory.socket, gateway, stop, stopped };
}

/** What a daemon serves with. */
interface Serving {
  readonly parts: Parts;
  readonly api: ApiServer;
  readonly gateway: Gateway | undefined;
  readonly stopRhythm: () => void;
}

/** Ends sessions in their protocols, then all that they stand on, in the order in which nothing is written too late. */
async function shutDown(serving: Serving, ground: Ground, reason: string): Promise<void> {
  const { api, gateway, parts, stopRhythm } = serving;
  const { books, directory, log } = ground;
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

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
