import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { acceptable, PROGRAM_PROTOCOLS, TUNNEL_PROTOCOLS } from './channels.ts';
import { refuseUpgrade } from './client-side.ts';
import { LONGEST_MESSAGE } from './door.ts';
import { statusOf } from './exchange.ts';
import { PART, recordJson } from './frames.ts';
import { judgeRequest, type Verdict } from './judging.ts';
import { PodStreams } from './pod-streams.ts';
import type { ApiRequest } from './request-facts.ts';
import { impersonation, type RequestHead } from './request-headers.ts';
import { requestInfo } from './request-info.ts';
import { readTarget } from './request-target.ts';
import type { KubernetesSession } from './session.ts';
import { BAD_REQUEST, type Status, unavailable } from './status.ts';
import type { Surroundings } from './surroundings.ts';

/** One upgrade: judged before it is answered, opened at the cluster, then answered as the cluster did. Never rejects. */
export async function upgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: RequestHead,
  session: KubernetesSession,
  around: Surroundings,
): Promise<void> {
  const gone = new AbortController();
  const stop = session.onCut((reason) => gone.abort(reason));
  const left = () => gone.abort('the client went away');
  socket.once('close', left);
  // Before the answer a client has nothing to say; its end must be noticed while it waits.
  socket.on('data', () => socket.destroy());
  socket.once('end', () => socket.destroy());
  try {
    const target = readTarget(request.url ?? '');
    const api: ApiRequest = { method: head.method, target, body: undefined, impersonates: head.impersonates };
    const protocols = protocolsOf(request, api);
    if ('code' in protocols) return refuseUpgrade(socket, refusedBefore(session, api) ?? protocols);
    const verdict = await judgeRequest(api, session, around, gone.signal);
    if (verdict.outcome === 'refused') {
      remember(session, api, verdict.status);
      return refuseUpgrade(socket, verdict.status);
    }
    await open({ request, socket, session, around, api, protocols, verdict, signal: gone.signal });
  } catch (error) {
    refuseUpgrade(socket, statusOf(error));
  } finally {
    socket.off('close', left);
    stop();
  }
}

/** The subprotocols to offer to the cluster, or why there can be none. */
function protocolsOf(request: IncomingMessage, api: ApiRequest): readonly string[] | Status {
  const info = requestInfo(api.method, api.target);
  const subresource = info?.kind === 'resource' && info.resource === 'pods' ? info.subresource : undefined;
  const known = subresource === 'portforward' ? TUNNEL_PROTOCOLS : PROGRAM_PROTOCOLS;
  if (subresource !== 'exec' && subresource !== 'attach' && subresource !== 'portforward') {
    return BAD_REQUEST('only exec, attach and port-forward of pods may upgrade their connection');
  }
  const protocol = (request.headers.upgrade ?? '').toLowerCase();
  if (protocol !== 'websocket') {
    return BAD_REQUEST(
      `${subresource} is served over WebSockets, not over ${protocol.slice(0, 20).toUpperCase()}; use kubectl 1.31 or newer`,
    );
  }
  const offered = acceptable(request.headers['sec-websocket-protocol'], known);
  return offered.length > 0 ? offered : BAD_REQUEST(`the client offers none of ${known.join(', ')}`);
}

/** Refusals that wait to be heard again; more than this are no fallbacks. */
const MOST_REFUSALS = 64;

/** kubectl tries again by SPDY when a WebSocket is refused: it then hears why, and nobody is asked twice. */
function remember({ refusals }: KubernetesSession, api: ApiRequest, status: Status): void {
  if (refusals.size >= MOST_REFUSALS) refusals.clear();
  refusals.set(api.target.raw, status);
}

function refusedBefore({ refusals }: KubernetesSession, api: ApiRequest): Status | undefined {
  const status = refusals.get(api.target.raw);
  refusals.delete(api.target.raw);
  return status;
}

interface Opening {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly session: KubernetesSession;
  readonly around: Surroundings;
  readonly api: ApiRequest;
  readonly protocols: readonly string[];
  readonly verdict: Extract<Verdict, { outcome: 'allowed' }>;
  readonly signal: AbortSignal;
}

async function open(opening: Opening): Promise<void> {
  const { api, around, protocols, request, session, signal, socket, verdict } = opening;
  const number = session.nextRequest();
  const { 'user-agent': client = '' } = request.headers;
  recordJson(session.desk, number, PART.request, { method: api.method, target: api.target.raw, client });
  const headers = around.impersonate ? impersonation(session.desk.requester) : {};
  const door = around.doorOf(session);
  const upstream = await door.openWebSocket(verdict.key, { headers, target: api.target.raw }, protocols);
  const refused = await answered(upstream, signal);
  if (refused !== undefined) {
    upstream.terminate();
    return refuseUpgrade(socket, refused);
  }
  const peer = await accept(request, socket, upstream.protocol);
  const tunnel = TUNNEL_PROTOCOLS.some((one) => one === upstream.protocol);
  await new PodStreams({ client: peer, target: upstream, session, number, around, tunnel }).done;
}

/** Undefined once the cluster has taken the upgrade; else what it said. Messages wait meanwhile. */
function answered(upstream: WebSocket, signal: AbortSignal): Promise<Status | undefined> {
  return new Promise((resolve) => {
    const abort = () => {
      upstream.terminate();
      resolve(unavailable(String(signal.reason)));
    };
    signal.addEventListener('abort', abort);
    upstream.once('open', () => {
      signal.removeEventListener('abort', abort);
      upstream.pause();
      resolve(undefined);
    });
    upstream.once('unexpected-response', (_request, response) => {
      void readStatus(response).then(resolve);
    });
    upstream.on('error', () => resolve(unavailable('the cluster did not take the upgrade')));
  });
}

const LONGEST_STATUS = 64 * 1024;

/** The cluster's own words on why not. */
async function readStatus(response: IncomingMessage): Promise<Status> {
  const chunks: Buffer[] = [];
  let length = 0;
  const code = response.statusCode ?? 502;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > LONGEST_STATUS) break;
      chunks.push(chunk);
    }
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (typeof body === 'object' && body !== null && 'message' in body && 'reason' in body) {
      return { code, reason: String(body.reason), message: String(body.message) };
    }
  } catch {
    // Not a Status.
  }
  return { code, reason: 'BadRequest', message: `the cluster did not take the upgrade (HTTP ${code})` };
}

function accept(request: IncomingMessage, socket: Duplex, protocol: string): Promise<WebSocket> {
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
