import { createServer, type Server, type Socket } from 'node:net';
import type { EndpointEvent } from '../api/endpoint-schemas.ts';
import type { ApprovalRequest } from '../approval/request.ts';
import type { Clock } from '../base/clock.ts';
import { NotPermitted } from '../base/errors.ts';
import { newId, newSecret } from '../base/ids.ts';
import type { Stated } from '../policy/decision.ts';
import type { ClientEndpoint, ClientWords, EndpointCredentials, Protocol } from '../protocols/protocol.ts';
import { approverWords } from '../session/approver-words.ts';
import type { SessionDesk } from '../session/desk.ts';
import type { LiveSession } from '../session/live-sessions.ts';
import type { Span } from '../session/trace.ts';
import type { ConnectionRow, IdentityRow } from '../store/store.ts';
import { createCancelKeys } from './cancel-keys.ts';
import { type ListeningPlace, listenOnPort, listenOnSocket } from './endpoint-socket.ts';
import { EventQueue } from './event-queue.ts';
import { HandshakeQueue } from './handshake-queue.ts';
import type { TargetLease } from './targets.ts';

/** How long a protocol may take to tell its client that the session was cut, in milliseconds. */
const CUT_GRACE = 5000;

export interface EndpointOpening {
  readonly identity: IdentityRow;
  readonly connection: ConnectionRow;
  readonly protocol: Protocol;
  readonly lease: TargetLease;
  readonly serverVersion: string;
  readonly policyName: string;
  readonly listen:
    | { readonly kind: 'tcp'; readonly port: number }
    | { readonly kind: 'unix' }
    /** Sockets are handed over by `accept`; the place is the requester's own. */
    | { readonly kind: 'relay'; readonly host: string; readonly port: number };
  /** One session only; cancel requests still pass. */
  readonly single: boolean;
  readonly tls: { readonly key: string; readonly cert: string } | undefined;
  /** The gateway's host key, for protocols whose endpoints prove themselves by it. */
  readonly hostKey?: { readonly private: string; readonly public: string } | undefined;
  /** The approved request made ahead that its one session runs, and nothing else. */
  readonly ahead?: ApprovalRequest | undefined;
  /** What the requester says of its work. */
  readonly stated?: Stated | undefined;
  /** A public key that clients may come with instead of the password. */
  readonly clientKey?: string | undefined;
  /** The call that opened it, where somebody traces. */
  readonly trace?: Span | undefined;
}

export interface EndpointDeps {
  readonly clock: Clock;
  /** Opens a session's books; throws when policy, identity or machine does not allow a session. */
  readonly openDesk: (opening: EndpointOpening, client: ClientWords) => Promise<SessionDesk & LiveSession>;
  /** A client came without the endpoint's password. */
  readonly loginFailed: (opening: EndpointOpening) => void;
  readonly watchApprovals: (listener: (request: ApprovalRequest) => void) => () => void;
  /** Where directories of Unix sockets are made; short, and of mode 0700. */
  readonly socketRoot: string;
  readonly failed: (error: unknown) => void;
}

/** One listening place for one identity on one connection. It ends with its stream, and its sessions with it. */
export class Endpoint {
  readonly id: string;
  readonly identityId: string;
  readonly identity: IdentityRow;
  readonly connectionId: string;
  readonly #deps: EndpointDeps;
  readonly #opening: EndpointOpening;
  readonly #credentials: EndpointCredentials;
  readonly #cancelKeys = createCancelKeys();
  readonly #events: EventQueue<EndpointEvent>;
  readonly #server: Server;
  readonly #handshakes: HandshakeQueue;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Map<string, LiveSession>();
  readonly #stopWatching: () => void;
  readonly #onEnd: () => void;
  #place: ListeningPlace | undefined;
  #used = false;
  #ended = false;

  constructor(deps: EndpointDeps, opening: EndpointOpening, signal: AbortSignal, onEnd: () => void) {
    this.id = newId('ep', deps.clock.now());
    this.identityId = opening.identity.id;
    this.identity = opening.identity;
    this.connectionId = opening.connection.id;
    this.#deps = deps;
    this.#opening = opening;
    this.#onEnd = onEnd;
    this.#credentials = {
      user: opening.identity.name,
      password: newSecret(24),
      database: opening.lease.target.database,
    };
    this.#handshakes = new HandshakeQueue(deps.clock, (socket) => this.#serve(socket));
    this.#events = new EventQueue(signal, () => this.#end('the endpoint was closed'));
    // Half-open: a client that has sent all it wants may close its side and still read the answers.
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.accept(socket));
    this.#stopWatching = deps.watchApprovals((request) => {
      const { session } = request;
      if (session === undefined || !this.#sessions.has(session)) return;
      this.#events.push(approvalEvent(request, session));
    });
  }

  get relayed(): boolean {
    return this.#opening.listen.kind === 'relay';
  }

  /** Its first line is `ready`. */
  get events(): AsyncIterable<EndpointEvent> {
    return this.#events;
  }

  /** Throws Conflict `port_taken`, NotReachable `cannot_listen`; the endpoint has ended then. */
  async listen(): Promise<void> {
    const { connection, listen, policyName, protocol, serverVersion } = this.#opening;
    try {
      this.#place = await this.#listenAt(listen);
    } catch (error) {
      this.#end('it could not listen');
      throw error;
    }
    const { host, port } = this.#place;
    this.#events.push({
      type: 'ready',
      endpoint: this.id,
      protocol: protocol.name,
      url: protocol.endpointUrl(host, port, this.#credentials),
      host,
      port,
      ...this.#credentials,
      target: protocol.describe(connection.settings),
      serverVersion,
      policy: policyName,
      ...(this.#opening.hostKey === undefined ? {} : { hostKey: this.#opening.hostKey.public }),
      ...(protocol.alwaysTls ? { certificate: this.#opening.tls?.cert } : {}),
      ...(listen.kind === 'relay' ? { socketName: protocol.localSocket.name } : {}),
    });
    // Its reader may have gone while it began to listen.
    if (!this.#ended) return;
    this.#server.close();
    this.#place.remove();
  }

  /** Tells the stream why, ends it, and cuts the sessions. Idempotent. */
  close(reason: string): void {
    this.#events.push({ type: 'closing', reason });
    this.#events.end();
    this.#end(reason);
  }

  async #listenAt(listen: EndpointOpening['listen']): Promise<ListeningPlace> {
    const { localSocket } = this.#opening.protocol;
    switch (listen.kind) {
      case 'tcp':
        return listenOnPort(this.#server, listen.port);
      case 'unix':
        return listenOnSocket(this.#server, this.#deps.socketRoot, localSocket);
      case 'relay': {
        const port = listen.host.startsWith('/') ? localSocket.port : listen.port;
        return { host: listen.host, port, remove: () => {} };
      }
      default:
        return listen satisfies never;
    }
  }

  /** Its sessions may go on; new ones are refused elsewhere. */
  drain(deadline: string): void {
    this.#events.push({ type: 'draining', deadline });
  }

  /** Takes a client's socket: one that came to the listening place, or was relayed. */
  accept(socket: Socket): void {
    if (this.#ended) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    // An error before the protocol listens must not end the process; its close follows.
    socket.on('error', () => {});
    this.#handshakes.enter(socket);
  }

  #serve(socket: Socket): void {
    const endpoint: ClientEndpoint = {
      credentials: this.#credentials,
      tls: this.#opening.tls,
      hostKey: this.#opening.hostKey?.private,
      clientKey: this.#opening.clientKey,
      cancelKeys: this.#cancelKeys,
      loginFailed: () => this.#deps.loginFailed(this.#opening),
      authenticated: () => this.#handshakes.leave(socket),
      openDesk: (client) => {
        this.#handshakes.leave(socket);
        return this.#openDesk(client);
      },
    };
    this.#opening.lease.target.serve(socket, endpoint).catch((error) => {
      this.#deps.failed(error);
      socket.destroy();
    });
  }

  async #openDesk(client: ClientWords): Promise<SessionDesk> {
    if (this.#ended) throw new NotPermitted('endpoint_closed', 'this endpoint is closing');
    if (this.#opening.single && this.#used) {
      throw new NotPermitted('endpoint_used', 'this endpoint serves one session, and it has had it', {
        next: `hoopctl proxy ${this.#opening.connection.name}`,
      });
    }
    this.#used = true;
    const desk = await this.#deps.openDesk(this.#opening, client);
    this.#sessions.set(desk.id, desk);
    this.#events.push({ type: 'session-opened', session: desk.id, client: client.address });
    void desk.closed.then(() => {
      this.#sessions.delete(desk.id);
      const reason = desk.row().endReason ?? 'closed';
      this.#events.push({ type: 'session-closed', session: desk.id, reason });
    });
    if (this.#ended) desk.cut('the endpoint was closed');
    return desk;
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopWatching();
    this.#server.close();
    const sessions = [...this.#sessions.values()];
    for (const session of sessions) session.cut(reason);
    this.#handshakes.destroyAll();
    const cancelGrace = this.#deps.clock.after(CUT_GRACE, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
    void Promise.allSettled(sessions.map((session) => session.closed)).then(() => {
      if (this.#sockets.size === 0) cancelGrace();
      this.#opening.lease.release();
      this.#place?.remove();
    });
    this.#onEnd();
  }
}

function approvalEvent(request: ApprovalRequest, session: string): EndpointEvent {
  const last = request.decisions.at(-1);
  return {
    type: 'approval',
    session,
    approval: request.id,
    status: request.status,
    rule: request.rule,
    approvers: [...approverWords(request.terms)],
    expiresAt: request.expiresAt,
    by: last?.byName ?? null,
    reason: request.endReason ?? last?.reason ?? null,
    comments: request.comments.map(({ byName, text }) => ({ by: byName, text })),
  };
}

/** The endpoints that are open now. */
export class Endpoints {
  readonly #deps: EndpointDeps;
  readonly #open = new Set<Endpoint>();

  constructor(deps: EndpointDeps) {
    this.#deps = deps;
  }

  /** Listens; the endpoint lives until `signal` fires, its stream is left, or it is closed. Throws like `Endpoint.listen`. */
  async open(opening: EndpointOpening, signal: AbortSignal): Promise<Endpoint> {
    const endpoint = new Endpoint(this.#deps, opening, signal, () => this.#open.delete(endpoint));
    this.#open.add(endpoint);
    await endpoint.listen();
    return endpoint;
  }

  /** The relayed endpoint of an identity. */
  findRelayed(id: string, identityId: string): Endpoint | undefined {
    return [...this.#open].find(
      (endpoint) => endpoint.id === id && endpoint.relayed && endpoint.identityId === identityId,
    );
  }

  drain(deadline: string): void {
    for (const endpoint of this.#open) endpoint.drain(deadline);
  }

  /** Closes those that `which` picks; answers how many. */
  close(which: (endpoint: Endpoint) => boolean, reason: string): number {
    const picked = [...this.#open].filter(which);
    for (const endpoint of picked) endpoint.close(reason);
    return picked.length;
  }
}
