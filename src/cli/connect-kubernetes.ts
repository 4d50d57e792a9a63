import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnvironment } from './client-environment.ts';
import type { ReadyEvent } from './endpoint.ts';
import type { Io } from './io.ts';
import { sessionKubeconfig } from './kubeconfig-text.ts';

export interface KubernetesStart {
  /** `kubectl`, or another program that reads KUBECONFIG. */
  readonly program: string;
  readonly args: readonly string[];
  readonly connection: string;
  readonly home: string;
}

/**
 * Starts a Kubernetes client against an endpoint by a kubeconfig of its own, which trusts this endpoint's
 * certificate alone. The file (0600) goes with `remove`.
 */
export function startKubernetes(
  ready: ReadyEvent,
  start: KubernetesStart,
  io: Io,
): { readonly child: ChildProcess; remove(): void } {
  const root = join(start.home, 'kube');
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const directory = mkdtempSync(join(root, 'session-'));
  const file = join(directory, 'config');
  writeFileSync(file, sessionKubeconfig(ready, start.connection), { mode: 0o600 });
  const child = spawn(start.program, [...start.args], {
    stdio: 'inherit',
    env: { ...cleanEnvironment(io.env), KUBECONFIG: file, KUBECACHEDIR: join(directory, 'cache') },
  });
  return { child, remove: () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }) };
}
