import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { type Status, statusBody } from './status.ts';

/** A client has this long until it has proved itself, in milliseconds. */
const HANDSHAKE_MS = 10_000;
const HEADER_BYTES = 64 * 1024;
/** What may wait to be sent to one client before no more is read for it. */
const AHEAD = 512 * 1024;

/** Serves one connection. */
export interface ConnectionHandler {
  /** A request on a connection that has none in work. Never rejects. */
  request(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** The same with `Upgrade`; nothing has come behind its head. Never rejects. */
  upgrade(request: IncomingMessage, socket: Duplex): Promise<void>;
}

interface Connection {
  readonly handler: ConnectionHandler;
  /** Settles when the last answer has been sent. */
  turn: Promise<void>;
  /** Requests that wait for that or are in work. */
  requests: number;
}

/** A client may have its next request here before the last byte of an answer is known to have left; more is a flood. */
const MOST_REQUESTS = 2;

/** Serves HTTP/1.1 over TLS on sockets that others accept. One request at a time on each connection. */
export class ClientSide {
  readonly #server: Server;
  readonly #connections = new WeakMap<object, Connection>();
  #context: { readonly cert: string; readonly context: SecureContext } | undefined;

  constructor() {
    this.#server = createServer({
      maxHeaderSize: HEADER_BYTES,
      insecureHTTPParser: false,
      highWaterMark: AHEAD,
    });
    this.#server.keepAliveTimeout = 0;
    this.#server.on('request', (request, response) => this.#request(request, response));
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.on('connect', (_request, socket) => socket.destroy());
    this.#server.on('clientError', (_error, socket) => socket.destroy());
  }

  /**
   * Serves a socket until it closes. `connected` is asked for the handler with what tells that the client has
   * proved itself; one that has not in time is cut off.
   */
  async serve(
    socket: Socket,
    tls: { readonly key: string; readonly cert: string },
    connected: (proved: () => void) => ConnectionHandler,
  ): Promise<void> {
    const options = {
      isServer: true,
      secureContext: this.#secureContext(tls),
      ALPNProtocols: ['http/1.1'],
      // A TLS socket takes it as any other does; its types do not say so.
      highWaterMark: AHEAD,
    };
    const secure = new TLSSocket(socket, options);
    const late = setTimeout(() => secure.destroy(), HANDSHAKE_MS);
    this.#connections.set(secure, {
      handler: connected(() => clearTimeout(late)),
      turn: Promise.resolve(),
      requests: 0,
    });
    secure.on('error', () => secure.destroy());
    socket.once('close', () => secure.destroy());
    secure.once('secure', () => this.#server.emit('connection', secure));
    await new Promise<void>((resolve) => secure.once('close', resolve));
    clearTimeout(late);
    socket.destroy();
  }

  #secureContext({ cert, key }: { readonly key: string; readonly cert: string }): SecureContext {
    if (this.#context?.cert !== cert) {
      this.#context = { cert, context: createSecureContext({ cert, key, minVersion: 'TLSv1.2' }) };
    }
    return this.#context.context;
  }

  /** Requests of one connection are judged one after the other, each when the one before has been answered. */
  #request(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined || connection.requests >= MOST_REQUESTS) {
      request.socket.destroy();
      return;
    }
    connection.requests += 1;
    const before = connection.turn;
    connection.turn = new Promise((resolve) => {
      response.once('close', () => {
        connection.requests -= 1;
        resolve();
      });
    });
    void before.then(() => connection.handler.request(request, response));
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const connection = this.#connections.get(socket);
    socket.on('error', () => socket.destroy());
    // Bytes behind an upgrade that nobody has answered yet are no frames of it.
    if (connection === undefined || connection.requests >= MOST_REQUESTS || head.length > 0) {
      socket.destroy();
      return;
    }
    connection.requests = MOST_REQUESTS;
    void connection.turn.then(() => connection.handler.upgrade(request, socket));
  }
}

export function sendStatus(
  response: ServerResponse,
  status: Status,
  headers: Record<string, string> = {},
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const body = statusBody(status);
  response.writeHead(status.code, {
    'content-type': 'application/json',
    'content-length': body.length,
    'cache-control': 'no-cache, private',
    ...headers,
  });
  response.end(body);
}

/** Answers an upgrade with a Status and ends its connection. */
export function refuseUpgrade(socket: Duplex, status: Status): void {
  if (socket.destroyed) return;
  const body = statusBody(status);
  const head = [
    `HTTP/1.1 ${status.code} ${status.reason}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]));
}
