import { parseArgs } from 'node:util';
import { type ErrorKind, HoopError } from '../base/errors.ts';
import { runDaemon } from './main.ts';

/** `entry.js --home DIR [--foreground]`: the daemon as a process of its own. */

/** Exit codes of a daemon that could not start, as `hoopctl help exit-codes` has them. */
const EXIT: Partial<Readonly<Record<ErrorKind, number>>> = {
  usage: 2,
  'not-reachable': 3,
  'login-needed': 4,
  'not-permitted': 5,
  'not-found': 9,
  conflict: 9,
};

/** The stop's own steps are bounded below it; what is still open then would never have ended. In milliseconds. */
const HARD_DEADLINE = 9500;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { home: { type: 'string' }, foreground: { type: 'boolean', default: false } },
  });
  if (values.home === undefined) {
    process.stderr.write('usage: entry.js --home DIR [--foreground]\n');
    process.exitCode = 2;
    return;
  }
  const daemon = await runDaemon({
    home: values.home,
    foreground: values.foreground,
    environment: process.env,
  });
  const stop = (reason: string, exitCode: number) => {
    process.exitCode = exitCode;
    setTimeout(() => process.exit(exitCode || 1), HARD_DEADLINE).unref();
    void daemon.stop(reason);
  };
  process.on('SIGTERM', () => stop('the daemon stops', 0));
  process.on('SIGINT', () => stop('the daemon stops', 0));
  // A terminal that was closed is no reason to leave sessions alone.
  process.on('SIGHUP', () => {});
  process.on('uncaughtException', (error) => {
    process.stderr.write(`hoopctl daemon: ${error.stack ?? error.message}\n`);
    stop('the daemon failed', 1);
  });
  await daemon.stopped;
  process.exit();
}

main().catch((error: unknown) => {
  process.stderr.write(`${startFailure(error)}\n`);
  process.exit(error instanceof HoopError ? (EXIT[error.kind] ?? 1) : 1);
});

function startFailure(error: unknown): string {
  if (!(error instanceof HoopError))
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  return [error.message, error.why, error.next && `Next: ${error.next}`].filter(Boolean).join('\n');
}
