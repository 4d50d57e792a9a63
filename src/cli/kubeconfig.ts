import type { Client } from '../api/client.ts';
import { UsageError } from '../base/errors.ts';
import type { Io } from './io.ts';
import type { KeptRelay } from './kept-relay.ts';
import { kubeconfigText } from './kubeconfig-text.ts';
import { say, tell } from './output.ts';

export interface KubeconfigVerbOptions {
  readonly name: string;
  readonly port: number | undefined;
  /** Print the credential alone. */
  readonly credential: boolean;
  /** Be the process that relays clients to a gateway. */
  readonly hold: boolean;
  /** The state directory. */
  readonly home: string;
  /** The gateway in use; undefined for the local daemon. */
  readonly gateway: string | undefined;
  /** What runs hoopctl again: the runtime and the launcher. */
  readonly program: readonly [runtime: string, launcher: string];
}

const CREDENTIAL_VERSION = 'client.authentication.k8s.io/v1';

/** Prints a kubeconfig whose credential is fetched each time, or that credential (kubernetes.io: ExecCredential v1). */
export async function run(options: KubeconfigVerbOptions, io: Io, client: Client): Promise<void> {
  const { credential, gateway, name, program } = options;
  const { protocol } = await client.call('connectionShow', { params: { name } });
  if (protocol !== 'kubernetes') {
    throw new UsageError('not_kubernetes', `${name} is no Kubernetes connection`, {
      next: `hoopctl connect ${name}`,
    });
  }
  const standing = await standingOf(options, io, client);
  if (standing === undefined) return;
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
    env: environment(io, gateway),
    interactiveMode: 'Never',
    provideClusterInfo: false,
  };
  const { certificate, database: namespace, url: server } = standing;
  say(io, kubeconfigText({ name, server, certificate, namespace, user: { exec } }).trimEnd());
  tell(io, `clients fetch a credential for 127.0.0.1:${standing.port} each time; the file holds none`);
}

/** What clients are to reach: an endpoint of the local daemon, or a relay to the gateway. Undefined when this was it. */
async function standingOf(
  { gateway, hold, home, name, port = 0, program }: KubeconfigVerbOptions,
  io: Io,
  client: Client,
): Promise<KeptRelay | undefined> {
  if (gateway === undefined) {
    return client.call('standingEndpoint', { body: { connection: name, port } });
  }
  const { holdRelay, lendRelay } = await import('./kept-relay.ts');
  const { identity } = await client.call('whoami', {});
  const owner = { home, gateway, identity: identity.id, connection: name };
  if (!hold) return lendRelay(owner, port, program, io);
  await holdRelay(owner, port, io, client);
  return undefined;
}

/** Where the state is, when it is not in its usual place, and which gateway is meant; never a token. */
function environment(
  io: Io,
  gateway: string | undefined,
): readonly { readonly name: string; readonly value: string }[] | null {
  const { HOOPCTL_GATEWAY_CA, HOOPCTL_GATEWAY_FINGERPRINT, HOOPCTL_HOME } = io.env;
  const trust = gateway === undefined ? {} : { HOOPCTL_GATEWAY_CA, HOOPCTL_GATEWAY_FINGERPRINT };
  const found = Object.entries({ HOOPCTL_HOME, HOOPCTL_GATEWAY: gateway, ...trust }).flatMap(
    ([name, value]) => (value === undefined ? [] : [{ name, value }]),
  );
  return found.length === 0 ? null : found;
}
