import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { requireGatewayConfig } from '../../api/gateway-config.ts';
import { Conflict } from '../../base/errors.ts';
import { daemonEntry, daemonEnvironment, isServing } from '../daemon-process.ts';
import { spelledFingerprint } from '../fingerprint.ts';
import type { Io } from '../io.ts';
import { printDocument, say, tell } from '../output.ts';
import { hasToken } from '../token.ts';
import { readConfigFile } from './config-file.ts';

export interface StartOptions {
  readonly home: string;
  readonly json: boolean;
  readonly config: string;
  readonly selfSigned: boolean;
}

/** What the daemon says when it serves. */
const serving = z.object({
  url: z.string(),
  fingerprint: z.string(),
  ports: z.object({
    api: z.number(),
    postgres: z.number().optional(),
    ssh: z.number().optional(),
    metrics: z.number().optional(),
  }),
});

/** Serves until a signal ends it; signals go to the daemon, its exit code is ours. */
export async function run(options: StartOptions, io: Io): Promise<number> {
  const text = readConfigFile(options.config);
  const selfSigned = options.selfSigned ? ['--self-signed'] : [];
  const config = requireGatewayConfig(text, options.config, options.selfSigned);
  const home = config.state === undefined ? options.home : resolve(dirname(options.config), config.state);
  if (await isServing(home)) {
    throw new Conflict('daemon_running', `a daemon of ${home} is already running`, {
      next: `HOOPCTL_HOME=${home} hoopctl daemon stop`,
    });
  }
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const args = ['--home', home, '--foreground', '--gateway', resolve(options.config), ...selfSigned];
  const child = spawn(process.execPath, [daemonEntry(), ...args], {
    env: daemonEnvironment(io.env),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => announce(options, home, line, io));
  const release = io.onSignal((signal) => {
    child.kill(signal);
  });
  return new Promise((resolvePromise, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      release();
      resolvePromise(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

function announce(options: StartOptions, home: string, line: string, io: Io): void {
  const { url, fingerprint, ports } = serving.parse(JSON.parse(line));
  if (options.json) {
    const { api, postgres = null, ssh = null, metrics = null } = ports;
    const open = { api, postgres, ssh, metrics };
    return printDocument(io, { serving: true, url, fingerprint, ports: open, home });
  }
  say(io, `the gateway serves ${url} (port ${ports.api})`);
  if (ports.postgres !== undefined) say(io, `  PostgreSQL clients: port ${ports.postgres}`);
  if (ports.ssh !== undefined) say(io, `  SSH clients: port ${ports.ssh}`);
  if (ports.metrics !== undefined) say(io, `  metrics: http://127.0.0.1:${ports.metrics}/metrics`);
  say(io, `  certificate SHA-256: ${spelledFingerprint(fingerprint)}`);
  if (!hasToken(home, io.env)) tell(io, `Next, on this machine: HOOPCTL_HOME=${home} hoopctl init`);
  else tell(io, `People sign in with: hoopctl login ${url}`);
}
