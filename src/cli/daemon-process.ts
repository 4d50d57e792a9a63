import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { socketPath } from '../api/socket-path.ts';
import {
  Conflict,
  type HoopError,
  Internal,
  NotPermitted,
  NotReachable,
  systemCode,
} from '../base/errors.ts';
import type { Io } from './io.ts';
import { tell } from './output.ts';

/** Milliseconds that a start may take: recovery of a large state directory included. */
const START_DEADLINE = 30_000;
/** Milliseconds between two looks at the socket. */
const LOOK_EVERY = 20;
const STDERR_FILE = 'daemon.stderr';

/** The daemon's program, built; also when this runs from its sources. */
export function daemonEntry(): string {
  const built = import.meta.url.endsWith('.js');
  return fileURLToPath(new URL(built ? '../daemon/entry.js' : '../../dist/daemon/entry.js', import.meta.url));
}

/** True when something accepts on the state directory's socket. */
export function isServing(home: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath(home));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Starts the daemon when nothing serves, and says so. Throws like `startDaemon`. */
export async function ensureDaemon(home: string, io: Io): Promise<void> {
  if (await isServing(home)) return;
  const pid = await startDaemon(home, io.env);
  tell(io, `started the daemon (pid ${pid}); hoopctl daemon stop ends it`);
}

/**
 * Starts a daemon that outlives this process; its pid once it serves. Throws `daemon_start_failed` with what the
 * daemon said, NotReachable `daemon_start_slow` when it neither serves nor ends.
 */
export async function startDaemon(home: string, env: Io['env']): Promise<number> {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const stderrFile = join(home, STDERR_FILE);
  // What the last daemon said at its end stays to be read.
  const before = statSync(stderrFile, { throwIfNoEntry: false });
  if (before !== undefined && before.size > 0) renameSync(stderrFile, `${stderrFile}.old`);
  const stderr = openSync(stderrFile, 'w', 0o600);
  const child = spawn(process.execPath, [daemonEntry(), '--home', home], {
    cwd: '/',
    detached: true,
    env: daemonEnvironment(env),
    stdio: ['ignore', stderr, stderr],
  });
  closeSync(stderr);
  const ended = endOf(child);
  child.unref();
  const deadline = performance.now() + START_DEADLINE;
  while (performance.now() < deadline) {
    if (await isServing(home)) return servingPid(home, child);
    const end = await Promise.race([ended, pause(LOOK_EVERY, undefined)]);
    if (end === undefined) continue;
    // Two commands may start a daemon at once: the one that lost the lock ends, the other serves.
    if (await servesSoon(home)) return servingPid(home, child);
    throw startFailure(child.exitCode, readFileSync(stderrFile, 'utf8').trim() || end);
  }
  throw new NotReachable('daemon_start_slow', `the daemon did not answer within ${START_DEADLINE / 1000} s`, {
    why: readFileSync(stderrFile, 'utf8').trim() || `it still runs as process ${child.pid}`,
    next: 'hoopctl daemon logs',
    retryable: true,
  });
}

/** The daemon's words (message, why, `Next: …`) as an error of the kind that its exit code names. */
function startFailure(exitCode: number | null, said: string): HoopError {
  const lines = said.split('\n');
  const last = /^Next: (.*)$/.exec(lines.at(-1) ?? '');
  const why = (last === null ? lines : lines.slice(0, -1)).join('\n');
  const facts = { why, next: last?.[1] ?? 'hoopctl daemon logs' };
  const message = 'the daemon did not start';
  if (exitCode === 5) return new NotPermitted('daemon_start_failed', message, facts);
  if (exitCode === 9) return new Conflict('daemon_start_failed', message, facts);
  return new Internal('daemon_start_failed', message, facts);
}

/** The pid that the daemon wrote: it need not be our child, when another command started one at the same time. */
function servingPid(home: string, child: ChildProcess): number {
  try {
    const pid = Number(readFileSync(join(home, 'daemon.pid'), 'utf8'));
    if (Number.isInteger(pid) && pid > 0) return pid;
  } catch {
    // It serves before it has written the file.
  }
  return child.pid ?? 0;
}

async function servesSoon(home: string): Promise<boolean> {
  for (let look = 0; look < 25; look++) {
    if (await isServing(home)) return true;
    await pause(LOOK_EVERY);
  }
  return false;
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? `exit code ${code}`}`));
  });
}

/**
 * The daemon's environment is the caller's: `env:` references, the keychain's D-Bus address, proxies and TLS
 * settings are read from it. What would change the daemon itself, or who the caller acts as, is left out.
 */
export function daemonEnvironment(env: Io['env']): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || LEFT_OUT.test(name)) continue;
    kept[name] = value;
  }
  return kept;
}

const LEFT_OUT =
  /^(HOOPCTL_(TOKEN|HOME|GATEWAY)|NODE_(OPTIONS|PATH|TLS_REJECT_UNAUTHORIZED|REPL_.*)|LD_PRELOAD|LD_AUDIT|DYLD_.*)$/;

/** Settles when the process is gone; false when it still runs after `deadline` milliseconds. */
export async function processEnds(pid: number, deadline: number): Promise<boolean> {
  const last = performance.now() + deadline;
  while (performance.now() < last) {
    try {
      process.kill(pid, 0);
    } catch (error) {
      return systemCode(error) === 'ESRCH';
    }
    await pause(LOOK_EVERY);
  }
  return false;
}
