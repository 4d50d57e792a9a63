import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { NotReachable } from '../../base/errors.ts';
import { hashKey } from '../../masking/strategies.ts';
import type { Policy, PolicyTarget, Requester } from '../../policy/decision.ts';
import { explanationOf } from '../../policy/explain.ts';
import type { Explanation } from '../../policy/explanation.ts';
import type { ClientEndpoint, EndpointCredentials, Target } from '../protocol.ts';
import { choose } from './choosing.ts';
import { ClientSide, type ConnectionHandler, refuseUpgrade, sendStatus } from './client-side.ts';
import { Cluster } from './cluster.ts';
import { describeConnection, type KubernetesSettings } from './connection.ts';
import { Door } from './door.ts';
import { exchange, statusOf } from './exchange.ts';
import { detecting } from './request-facts.ts';
import { type RequestHead, readHead } from './request-headers.ts';
import { ServedGroups } from './served-groups.ts';
import { KubernetesSession } from './session.ts';
import { readStatement } from './statement-text.ts';
import { type Status, UNAUTHORIZED } from './status.ts';
import type { Surroundings } from './surroundings.ts';
import { upgrade } from './upgrade.ts';

/** One cluster while it is in use: how it is reached, and the sessions of each endpoint. */
export class KubernetesTarget implements Target {
  readonly database: string;
  readonly #cluster: Cluster;
  readonly #around: Surroundings;
  readonly #clientSide = new ClientSide();
  /** By the endpoint's credentials, which are one object for all of its sockets. */
  readonly #sessions = new WeakMap<EndpointCredentials, Promise<KubernetesSession>>();
  readonly #doors = new WeakMap<KubernetesSession, Door>();

  constructor(
    settings: KubernetesSettings,
    readSecret: () => Promise<string | undefined>,
    maskKey: Uint8Array,
  ) {
    this.database = settings.namespace;
    const cluster = new Cluster(settings, readSecret);
    this.#cluster = cluster;
    this.#around = {
      cluster,
      groups: new ServedGroups(cluster, () => performance.now()),
      maskKey: hashKey(maskKey),
      description: describeConnection(settings),
      impersonate: settings.impersonate,
      recordBytes: settings.recordBytes,
      doorOf: (session) => this.#doorOf(session),
    };
  }

  async serverVersion(): Promise<string> {
    const { body, status } = await this.#cluster.ask('/version');
    if (status === 401) throw this.#cluster.notTaken();
    const version =
      typeof body === 'object' && body !== null && 'gitVersion' in body ? body.gitVersion : undefined;
    if (typeof version === 'string') return version.replace(/^v/, '').slice(0, 64);
    throw new NotReachable(
      'cluster_unreachable',
      'the server does not answer as a Kubernetes API server does',
    );
  }

  async serve(socket: Socket, endpoint: ClientEndpoint): Promise<void> {
    const { tls } = endpoint;
    if (tls === undefined) {
      socket.destroy();
      return;
    }
    let leave = () => {};
    const address = socket.remoteAddress ?? 'local';
    await this.#clientSide.serve(socket, tls, (proved) => {
      const connection = new ClientConnection(endpoint, this.#around, async (application) => {
        proved();
        const session = await this.#session(endpoint, { address, application });
        leave();
        leave = session.enter();
        return session;
      });
      return connection;
    });
    leave();
  }

  async explain(
    policy: Policy,
    requester: Requester,
    target: PolicyTarget,
    statement: string,
  ): Promise<Explanation> {
    const request = readStatement(statement, this.database);
    await this.#around.groups.refresh();
    const masks = policy.masksFor(requester, target);
    const { decision, facts } = choose(request, this.#around.groups.servedLocally, detecting(masks), (read) =>
      policy.decide(requester, target, read),
    );
    return explanationOf(facts.facts, decision, masks);
  }

  async close(): Promise<void> {
    this.#cluster.close();
  }

  async #session(
    endpoint: ClientEndpoint,
    client: { readonly address: string; readonly application: string },
  ): Promise<KubernetesSession> {
    const { credentials } = endpoint;
    const known = this.#sessions.get(credentials);
    if (known !== undefined) {
      endpoint.authenticated();
      const session = await known;
      if (!session.over) return session;
    }
    const forget = () => {
      if (this.#sessions.get(credentials) === opening) this.#sessions.delete(credentials);
    };
    const opening = endpoint
      .openDesk(client)
      .then((desk) => new KubernetesSession(desk, client.address, forget));
    this.#sessions.set(credentials, opening);
    opening.catch(forget);
    return opening;
  }

  #doorOf(session: KubernetesSession): Door {
    const door = this.#doors.get(session) ?? new Door(this.#cluster, () => session.desk.commit());
    this.#doors.set(session, door);
    return door;
  }
}

/** One connection of a client: authenticates each request, and hands it on. */
class ClientConnection implements ConnectionHandler {
  readonly #endpoint: ClientEndpoint;
  readonly #around: Surroundings;
  readonly #open: (application: string) => Promise<KubernetesSession>;
  #session: KubernetesSession | undefined;

  constructor(
    endpoint: ClientEndpoint,
    around: Surroundings,
    open: (application: string) => Promise<KubernetesSession>,
  ) {
    this.#endpoint = endpoint;
    this.#around = around;
    this.#open = open;
  }

  async request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const admitted = await this.#admit(request);
    if ('status' in admitted) {
      sendStatus(response, admitted.status, { connection: 'close' });
      return;
    }
    await exchange(request, response, admitted.head, admitted.session, this.#around);
  }

  async upgrade(request: IncomingMessage, socket: Duplex): Promise<void> {
    const admitted = await this.#admit(request);
    if ('status' in admitted) refuseUpgrade(socket, admitted.status);
    else await upgrade(request, socket, admitted.head, admitted.session, this.#around);
  }

  async #admit(
    request: IncomingMessage,
  ): Promise<
    { readonly status: Status } | { readonly head: RequestHead; readonly session: KubernetesSession }
  > {
    try {
      const head = readHead(request);
      if (!isPassword(head.bearer, this.#endpoint.credentials.password)) {
        this.#endpoint.loginFailed();
        return { status: UNAUTHORIZED };
      }
      if (this.#session === undefined || this.#session.over) {
        this.#session = await this.#open(applicationOf(request.headers['user-agent']));
      }
      return { head, session: this.#session };
    } catch (error) {
      return { status: statusOf(error) };
    }
  }
}

function isPassword(given: string | undefined, password: string): boolean {
  if (given === undefined) return false;
  const [a, b] = [Buffer.from(given), Buffer.from(password)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** `kubectl/v1.32.4 (linux/amd64) kubernetes/59526cd` -> `kubectl/v1.32.4`. */
function applicationOf(agent: string | undefined): string {
  return (agent ?? '').split(' ')[0]?.replaceAll(/[^\x21-\x7e]/g, '') ?? '';
}
