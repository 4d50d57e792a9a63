import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { relayedEndpoint } from '../../api/relay-path.ts';
import { LARGEST_FRAME, WebSocketStream } from '../../api/websocket-stream.ts';
import { NotFound, NotPermitted, ProtocolViolation } from '../../base/errors.ts';
import { asHoopError, errorBody, statusOf } from '../api-errors.ts';
import type { Api } from '../api-server.ts';
import type { Endpoints } from '../endpoint.ts';
import { refuseOtherSites } from './cross-site.ts';

export interface RelayDeps {
  readonly holderOf: Api['holderOf'];
  readonly endpoints: Pick<Endpoints, 'findRelayed'>;
  readonly failed: (error: unknown) => void;
}

export interface Relay {
  /** Takes an upgrade request, unless its address has to wait; never throws. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, wait: NotPermitted | undefined): void;
  close(): void;
}

/** A silent WebSocket is asked whether it lives, in milliseconds: proxies drop what is idle for a minute. */
const PING_EVERY = 25_000;

/** Hands clients that come over WebSockets to the endpoints that they are for. */
export function createRelay(deps: RelayDeps): Relay {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: LARGEST_FRAME,
    perMessageDeflate: false,
    clientTracking: false,
    skipUTF8Validation: true,
  });
  const open = new Set<WebSocket>();

  async function accept(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    refuseOtherSites(request);
    const holder = await deps.holderOf(request);
    if (head.length > 0) throw new ProtocolViolation('bytes_too_early', 'bytes came before the upgrade');
    const id = relayedEndpoint(URL.parse(request.url ?? '/', 'http://gateway')?.pathname ?? '');
    if (request.method !== 'GET' || id === undefined) {
      throw new NotFound('no_such_stream', 'there is no stream at this path');
    }
    if (holder.kind !== 'identity') throw new NotPermitted('not_initialized', 'there is no owner yet');
    const endpoint = deps.endpoints.findRelayed(id, holder.identity.id);
    if (!endpoint) throw new NotFound('no_such_endpoint', `there is no endpoint ${id} of yours`);
    server.handleUpgrade(request, socket, head, (client) => {
      watch(client);
      endpoint.accept(asSocket(new WebSocketStream(client, request.socket.remoteAddress)));
    });
  }

  function watch(client: WebSocket): void {
    open.add(client);
    let alive = true;
    const heard = () => {
      alive = true;
    };
    client.on('pong', heard).on('message', heard);
    const ticking = setInterval(() => {
      // A client whose reader is paused answers no ping; that it waits for us is no reason to cut it.
      if (!alive && !client.isPaused) return client.terminate();
      alive = false;
      client.ping();
    }, PING_EVERY).unref();
    client.once('close', () => {
      clearInterval(ticking);
      open.delete(client);
    });
  }

  return {
    upgrade(request, socket, head, wait) {
      socket.on('error', () => {});
      if (wait !== undefined) return refuse(socket, 429, JSON.stringify(errorBody(wait)));
      accept(request, socket, head).catch((error: unknown) => {
        const hoopError = asHoopError(error);
        if (hoopError.kind === 'internal') deps.failed(error);
        refuse(socket, statusOf(hoopError), JSON.stringify(errorBody(hoopError)));
      });
    },
    close() {
      for (const client of open) client.terminate();
    },
  };
}

/**
 * A relayed client as the socket that protocols serve. They read and write bytes, cork, pause, end and destroy,
 * and ask for the peer's address: a stream does all of it.
 */
function asSocket(stream: WebSocketStream): Socket {
  return stream as unknown as Socket;
}

function refuse(socket: Duplex, status: number, body: string): void {
  if (socket.destroyed) return;
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nCache-Control: no-store\r\n\r\n${body}`,
  );
}
