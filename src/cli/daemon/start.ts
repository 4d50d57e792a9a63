import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { Conflict } from '../../base/errors.ts';
import { daemonEntry, daemonEnvironment, isServing, startDaemon } from '../daemon-process.ts';
import type { Io } from '../io.ts';
import { printDocument, say, tell } from '../output.ts';
import { hasToken } from '../token.ts';

export interface StartOptions {
  readonly home: string;
  readonly json: boolean;
  readonly foreground: boolean;
}

export async function run(options: StartOptions, io: Io): Promise<number> {
  const { home, json } = options;
  if (options.foreground) return foreground(home, io);
  const already = await isServing(home);
  const pid = already ? null : await startDaemon(home, io.env);
  if (json) printDocument(io, { running: true, started: !already, pid, home });
  else say(io, already ? 'the daemon is already running' : `the daemon serves (pid ${pid})`);
  if (!hasToken(home, io.env)) tell(io, 'Next: hoopctl init');
  return 0;
}

/** The daemon as a child that shares our streams; signals go to it, its exit code is ours. */
async function foreground(home: string, io: Io): Promise<number> {
  if (await isServing(home)) {
    throw new Conflict('daemon_running', `a daemon of ${home} is already running`, {
      next: 'hoopctl daemon stop',
    });
  }
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const child = spawn(process.execPath, [daemonEntry(), '--home', home, '--foreground'], {
    env: daemonEnvironment(io.env),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const release = io.onSignal((signal) => {
    child.kill(signal);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      release();
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
