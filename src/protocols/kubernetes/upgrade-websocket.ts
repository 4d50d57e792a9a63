import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { TUNNEL_PROTOCOLS } from './channels.ts';
import { refuseUpgrade } from './client-side.ts';
import type { Cluster } from './cluster.ts';
import { LONGEST_MESSAGE } from './door.ts';
import { type Opening, recordOpening, refusalOf } from './opening.ts';
import { PodStreams } from './pod-streams.ts';
import { impersonation } from './request-headers.ts';
import { type Status, unavailable } from './status.ts';

/** Opens a WebSocket at the cluster and, when it stands, with the client. Resolves when both have ended. */
export async function openWebSocket(opening: Opening): Promise<void> {
  const { api, around, protocols, request, session, signal, socket, verdict } = opening;
  const number = recordOpening(opening);
  const headers = around.impersonate ? impersonation(session.desk.requester) : {};
  const door = around.doorOf(session);
  const upstream = await door.openWebSocket(verdict.key, { headers, target: api.target.raw }, protocols);
  const refused = await answered(upstream, around.cluster, signal);
  if (refused !== undefined) {
    upstream.terminate();
    return refuseUpgrade(socket, refused);
  }
  const peer = await acceptWebSocket(request, socket, upstream.protocol);
  const tunnel = TUNNEL_PROTOCOLS.some((one) => one === upstream.protocol);
  await new PodStreams({ client: peer, target: upstream, session, number, around, tunnel }).done;
}

/** Undefined once the cluster has taken the upgrade; else what it said. Messages wait meanwhile. */
export function answered(
  upstream: WebSocket,
  cluster: Cluster,
  signal: AbortSignal,
): Promise<Status | undefined> {
  return new Promise((resolve) => {
    const settle = (status: Status | undefined) => {
      signal.removeEventListener('abort', abort);
      resolve(status);
    };
    const abort = () => {
      upstream.terminate();
      settle(unavailable(String(signal.reason)));
    };
    signal.addEventListener('abort', abort);
    upstream.once('open', () => {
      upstream.pause();
      settle(undefined);
    });
    upstream.once('unexpected-response', (_request, response) => {
      void refusalOf(response, cluster).then(settle);
    });
    upstream.on('error', () => settle(unavailable('the cluster did not take the upgrade')));
    if (signal.aborted) abort();
  });
}

/** Answers a client's upgrade; it is paused. Rejects when it went away. */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  protocol: string,
): Promise<WebSocket> {
  socket.removeAllListeners('data');
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: LONGEST_MESSAGE,
    handleProtocols: () => protocol,
  });
  return new Promise((resolve, reject) => {
    if (socket.destroyed) return reject(new Error('the client went away'));
    socket.once('close', () => reject(new Error('the client went away')));
    server.handleUpgrade(request, socket, Buffer.alloc(0), (client) => {
      client.pause();
      resolve(client);
    });
  });
}
