import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '../../api/client.ts';
import { NotFound, NotReachable } from '../../base/errors.ts';
import { exitCodeOfSignal } from '../interrupted.ts';
import type { Io } from '../io.ts';
import { say, tell } from '../output.ts';
import { visible } from '../visible-text.ts';

export interface LogsOptions {
  readonly home: string;
  readonly json: boolean;
  readonly follow: boolean;
}

/** The log through the daemon; of a daemon that does not run, the file that it left. */
export async function run(options: LogsOptions, io: Io, client: Client): Promise<number> {
  const print = (line: string) => say(io, options.json ? line : shown(line));
  const cut = new AbortController();
  let exitCode = 0;
  const release = io.onSignal((signal) => {
    exitCode = exitCodeOfSignal(signal);
    cut.abort();
  });
  try {
    const query = { follow: String(options.follow) };
    for await (const { line } of client.stream('logs', { query, signal: cut.signal })) print(line);
  } catch (error) {
    if (cut.signal.aborted) return exitCode;
    if (!(error instanceof NotReachable && error.code === 'daemon_not_running')) throw error;
    tell(io, 'the daemon is not running; this is what it left');
    for (const line of leftLines(options.home)) print(line);
  } finally {
    release();
  }
  return exitCode;
}

function leftLines(home: string): readonly string[] {
  const texts: string[] = [];
  for (const file of [join('logs', 'daemon.log'), 'daemon.stderr']) {
    try {
      texts.push(...readFileSync(join(home, file), 'utf8').trimEnd().split('\n'));
    } catch {
      // It never ran so far.
    }
  }
  const lines = texts.filter((line) => line !== '');
  if (lines.length > 0) return lines;
  throw new NotFound('no_logs', `there is no log in ${home}`, { next: 'hoopctl daemon start' });
}

const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

/** pino's JSON as `time level event key=value …`; any other line as it is. */
function shown(line: string): string {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return visible(line);
  }
  if (typeof entry !== 'object' || entry === null) return visible(line);
  const { time, level, msg, ...rest } = entry as Readonly<Record<string, unknown>>;
  const facts = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const levelName = typeof level === 'number' ? (LEVELS[level] ?? String(level)) : String(level ?? '');
  return visible([time, levelName.padEnd(5), msg, ...facts].filter((part) => part !== undefined).join(' '));
}
