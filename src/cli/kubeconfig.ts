import type { Client } from '../api/client.ts';
import { UsageError } from '../base/errors.ts';
import type { Io } from './io.ts';
import { kubeconfigText } from './kubeconfig-text.ts';
import { say, tell } from './output.ts';

export interface KubeconfigVerbOptions {
  readonly name: string;
  readonly port: number | undefined;
  /** Print the credential alone. */
  readonly credential: boolean;
  /** What runs hoopctl again: the runtime and the launcher. */
  readonly program: readonly [runtime: string, launcher: string];
}

const CREDENTIAL_VERSION = 'client.authentication.k8s.io/v1';

/** Prints a kubeconfig whose credential is fetched each time, or that credential (kubernetes.io: ExecCredential v1). */
export async function run(options: KubeconfigVerbOptions, io: Io, client: Client): Promise<void> {
  const { credential, name, port, program } = options;
  const { protocol } = await client.call('connectionShow', { params: { name } });
  if (protocol !== 'kubernetes') {
    throw new UsageError('not_kubernetes', `${name} is no Kubernetes connection`, {
      next: `hoopctl connect ${name}`,
    });
  }
  const body = { connection: name, port: port ?? 0 };
  const standing = await client.call('standingEndpoint', { body });
  if (credential) {
    const status = { token: standing.token, expirationTimestamp: standing.expiresAt };
    say(io, JSON.stringify({ apiVersion: CREDENTIAL_VERSION, kind: 'ExecCredential', status }));
    return;
  }
  const [runtime, launcher] = program;
  const exec = {
    apiVersion: CREDENTIAL_VERSION,
    command: runtime,
    args: [launcher, 'kubeconfig', name, '--credential', '--port', String(standing.port), '--no-input'],
    env: environment(io),
    interactiveMode: 'Never',
    provideClusterInfo: false,
  };
  const { certificate, database: namespace, url: server } = standing;
  say(io, kubeconfigText({ name, server, certificate, namespace, user: { exec } }).trimEnd());
  tell(io, `clients fetch a credential for 127.0.0.1:${standing.port} each time; the file holds none`);
}

/** Where the state is, when it is not in its usual place; never a token. */
function environment(io: Io): readonly { readonly name: string; readonly value: string }[] | null {
  const { HOOPCTL_HOME: home } = io.env;
  return home === undefined ? null : [{ name: 'HOOPCTL_HOME', value: home }];
}
