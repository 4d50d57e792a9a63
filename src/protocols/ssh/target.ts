import type { Socket } from 'node:net';
import type { Connection } from 'ssh2';
import { systemClock } from '../../base/clock.ts';
import { HoopError, Internal } from '../../base/errors.ts';
import { OutputMasking } from '../../masking/output-masking.ts';
import { type HashKey, hashKey } from '../../masking/strategies.ts';
import type { Policy, PolicyTarget, Requester } from '../../policy/decision.ts';
import { explanationOf } from '../../policy/explain.ts';
import type { Explanation } from '../../policy/explanation.ts';
import type { LineReader } from '../../session/command-line/judgement.ts';
import type { SessionDesk } from '../../session/desk.ts';
import type { ClientEndpoint, Means, Target } from '../protocol.ts';
import { acceptClient, endpointProof } from './client-side.ts';
import { describeConnection, type SshSettings } from './connection.ts';
import { type LoginShell, loginShellOf } from './connection-test.ts';
import { askedBy, factsOf } from './judgement.ts';
import { refuseAll } from './refusal.ts';
import { SshSession } from './session.ts';
import { connectTarget, type TargetConnection } from './target-side.ts';

const UNREACHED: LoginShell = { posix: false, name: 'unreachable', root: false };

/** One SSH connection while it is in use. Sessions share nothing but its settings. */
export class SshTarget implements Target {
  /** SSH has no such thing; clients are told nothing. */
  readonly database = '';
  readonly #settings: SshSettings;
  readonly #readSecret: () => Promise<string | undefined>;
  readonly #key: HashKey;
  readonly #means: Means;
  #known: { readonly server: string; readonly shell: LoginShell } | undefined;

  constructor(
    settings: SshSettings,
    readSecret: () => Promise<string | undefined>,
    maskKey: Uint8Array,
    means: Means,
  ) {
    this.#means = means;
    this.#settings = settings;
    this.#readSecret = readSecret;
    this.#key = hashKey(maskKey);
  }

  async serverVersion(): Promise<string> {
    return (await this.#look()).server;
  }

  async serve(socket: Socket, endpoint: ClientEndpoint): Promise<void> {
    const { credentials, hostKey, clientKey } = endpoint;
    if (hostKey === undefined) throw new Internal('no_host_key', 'the gateway has no host key');
    const client = await acceptClient(socket, {
      proof: endpointProof(credentials, clientKey),
      hostKey,
      loginFailed: () => endpoint.loginFailed(),
    });
    if (client !== undefined) await this.serveClient(client, socket, endpoint);
  }

  /** Serves a client that has proved itself to its end. */
  async serveClient(
    client: Connection,
    socket: Socket,
    endpoint: Pick<ClientEndpoint, 'openDesk'>,
  ): Promise<void> {
    const address = socket.remoteAddress ?? 'local';
    let desk: SessionDesk;
    try {
      desk = await endpoint.openDesk({ address, application: 'ssh' });
    } catch (error) {
      refuseAll(
        client,
        error instanceof HoopError ? [`hoopctl: ${error.message}`] : ['hoopctl: internal error'],
      );
      socket.resume();
      return;
    }
    const session = new SshSession({
      client,
      desk,
      clientAddress: address,
      target: describeConnection(this.#settings),
      dial: () => desk.connecting(() => this.#dial()),
      reader: await this.#reader(),
      masking: () => new OutputMasking({ masks: () => desk.masks(), key: this.#key, clock: systemClock }),
    });
    session.serve();
    socket.resume();
    await desk.close(await session.done);
  }

  async explain(
    policy: Policy,
    requester: Requester,
    target: PolicyTarget,
    statement: string,
  ): Promise<Explanation> {
    const reader = await this.#reader();
    const facts = factsOf(
      askedBy(statement) ?? { kind: 'exec', line: statement, terminal: false, ...reader },
    );
    return explanationOf(facts, policy.decide(requester, target, facts), policy.masksFor(requester, target));
  }

  async close(): Promise<void> {}

  async #dial(): Promise<TargetConnection> {
    const credential = {
      secret: await this.#readSecret(),
      passphrase: await this.#means.readPassphrase(),
    };
    return connectTarget(this.#settings, credential, this.#means);
  }

  /** Looks at the target once for all sessions. */
  async #look() {
    if (this.#known === undefined) {
      const { client, server } = await this.#dial();
      try {
        this.#known = { server, shell: await loginShellOf(client) };
      } finally {
        client.end();
      }
    }
    return this.#known;
  }

  /** What reads command lines there. A target that cannot be reached now is told to be so when something is to run there. */
  async #reader(): Promise<LineReader> {
    const { shell } = await this.#look().catch(() => ({ shell: UNREACHED }));
    return { foreignShell: shell.posix ? undefined : shell.name, bash: /^-?r?bash$/.test(shell.name) };
  }
}
