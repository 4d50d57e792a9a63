import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { requireGatewayConfig } from '../api/gateway-config.ts';
import { type ErrorKind, HoopError, UsageError } from '../base/errors.ts';
import type { GatewaySettings } from './gateway/gateway.ts';
import { runDaemon } from './main.ts';
import { askForShare } from './processor-share.ts';

/**
 * `entry.js --home DIR [--foreground] [--gateway FILE [--self-signed]]`: the daemon as a process of its own. A
 * gateway prints one line of JSON when it serves: its URL, its certificate's fingerprint, the ports it got.
 */

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

/**
 * The path of a statement is many small functions, more than the compiler puts into one another by itself: the calls
 * that remain cost it a twentieth of its throughput. Only how far it goes is changed; a V8 that does not know the
 * words goes as far as it likes.
 */
const COMPILER = ['--max-inlined-bytecode-size=700', '--max-inlined-bytecode-size-cumulative=3000'];

async function main(): Promise<void> {
  for (const flag of COMPILER) setFlagsFromString(flag);
  const { values } = parseArgs({
    options: {
      home: { type: 'string' },
      foreground: { type: 'boolean', default: false },
      gateway: { type: 'string' },
      'self-signed': { type: 'boolean', default: false },
    },
  });
  if (values.home === undefined) {
    process.stderr.write('usage: entry.js --home DIR [--foreground] [--gateway FILE [--self-signed]]\n');
    process.exitCode = 2;
    return;
  }
  if (!values.foreground) askForShare();
  const daemon = await runDaemon({
    home: values.home,
    foreground: values.foreground,
    environment: process.env,
    gateway:
      values.gateway === undefined ? undefined : gatewaySettings(values.gateway, values['self-signed']),
  });
  const { gateway } = daemon;
  const stop = (reason: string, exitCode: number) => {
    process.exitCode = exitCode;
    setTimeout(() => process.exit(exitCode || 1), HARD_DEADLINE).unref();
    void daemon.stop(reason);
  };
  let draining = false;
  const end = () => {
    // A second signal waits for nobody.
    if (gateway === undefined || draining) return stop('the daemon stops', 0);
    draining = true;
    void gateway.drain().finally(() => stop('the gateway stops', 0));
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  // A terminal that was closed is no reason to leave sessions alone; a gateway has a new certificate.
  process.on('SIGHUP', () => {
    gateway?.renewCertificate().catch((error: unknown) => process.stderr.write(`${startFailure(error)}\n`));
  });
  process.on('uncaughtException', (error) => {
    process.stderr.write(`hoopctl daemon: ${error.stack ?? error.message}\n`);
    stop('the daemon failed', 1);
  });
  if (gateway !== undefined) {
    const { fingerprint, ports, url } = gateway;
    process.stdout.write(`${JSON.stringify({ url, fingerprint, ports })}\n`);
  }
  await daemon.stopped;
  process.exit();
}

function gatewaySettings(file: string, selfSigned: boolean): GatewaySettings {
  const path = resolve(file);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError('no_gateway_config', `${path} cannot be read`, {
      why: error instanceof Error ? error.message : String(error),
    });
  }
  return { config: requireGatewayConfig(text, path, selfSigned), base: dirname(path) };
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
