import { execFile } from 'node:child_process';
import { z } from 'zod';
import { NotReachable } from '../../base/errors.ts';
import type { ExecPlugin } from './credential.ts';

/** What a plugin gave, good until then (milliseconds since 1970; Infinity when it does not say). */
export interface PluginCredential {
  readonly token: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly until: number;
}

const TIMEOUT_MS = 30_000;
const OUTPUT_LIMIT = 256 * 1024;
/** What a cloud's client needs to find itself; nothing else of the daemon's environment is passed on. */
const PASSED_ON = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'LANG',
  'TMPDIR',
  'XDG_CONFIG_HOME',
  'XDG_CACHE_HOME',
  'XDG_RUNTIME_DIR',
];

const answerSchema = z.object({
  kind: z.literal('ExecCredential'),
  status: z.object({
    token: z.string().optional(),
    clientCertificateData: z.string().optional(),
    clientKeyData: z.string().optional(),
    expirationTimestamp: z.string().optional(),
  }),
});

/**
 * Runs a kubeconfig's exec plugin (client.authentication.k8s.io) without a shell or a terminal, in a clean
 * environment. What it says on stderr is dropped: it may quote a secret. Throws NotReachable `plugin_failed`.
 */
export function runExecPlugin(
  plugin: ExecPlugin,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<PluginCredential> {
  const env: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = environment[name];
    if (value !== undefined) env[name] = value;
  }
  for (const { name, value } of plugin.env ?? []) env[name] = value;
  const { apiVersion } = plugin;
  env.KUBERNETES_EXEC_INFO = JSON.stringify({
    apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false },
  });
  const options = {
    env,
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL' as const,
    maxBuffer: OUTPUT_LIMIT,
    encoding: 'utf8' as const,
  };
  return new Promise((resolve, reject) => {
    const child = execFile(plugin.command, [...(plugin.args ?? [])], options, (error, stdout) => {
      if (error !== null) return reject(failed(plugin, 'it did not end well'));
      const answer = readAnswer(stdout);
      if (answer === undefined) reject(failed(plugin, 'it printed no ExecCredential'));
      else resolve(answer);
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end();
  });
}

function readAnswer(stdout: string): PluginCredential | undefined {
  try {
    const { status } = answerSchema.parse(JSON.parse(stdout));
    const until =
      status.expirationTimestamp === undefined ? Infinity : Date.parse(status.expirationTimestamp);
    return {
      token: status.token,
      cert: status.clientCertificateData,
      key: status.clientKeyData,
      until: Number.isNaN(until) ? 0 : until,
    };
  } catch {
    return undefined;
  }
}

function failed(plugin: ExecPlugin, why: string): NotReachable {
  return new NotReachable('plugin_failed', `the exec plugin ${plugin.command} gave no credential: ${why}`, {
    next: "run it by hand as the daemon's user",
  });
}
