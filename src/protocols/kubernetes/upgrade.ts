import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  acceptable,
  PROGRAM_PROTOCOLS,
  SPDY_FORWARD_PROTOCOLS,
  SPDY_PROGRAM_PROTOCOLS,
  TUNNEL_PROTOCOLS,
} from './channels.ts';
import { refuseUpgrade } from './client-side.ts';
import { statusOf } from './exchange.ts';
import { openGatedShell } from './gated-pod-shell.ts';
import { judgeRequest } from './judging.ts';
import type { ApiRequest } from './request-facts.ts';
import type { RequestHead } from './request-headers.ts';
import { requestInfo } from './request-info.ts';
import { readTarget } from './request-target.ts';
import type { KubernetesSession } from './session.ts';
import { BAD_REQUEST, type Status } from './status.ts';
import type { Surroundings } from './surroundings.ts';
import { openSpdy } from './upgrade-spdy.ts';
import { openWebSocket } from './upgrade-websocket.ts';

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
    const carrier = carrierOf(request, api);
    if ('code' in carrier) return refuseUpgrade(socket, carrier);
    const before = carrier.kind === 'spdy' ? refusedBefore(session, api) : undefined;
    if (before !== undefined) return refuseUpgrade(socket, before);
    const verdict = await judgeRequest(api, session, around, gone.signal);
    if (verdict.outcome === 'refused') {
      if (carrier.kind === 'websocket') remember(session, api, verdict.status);
      return refuseUpgrade(socket, verdict.status);
    }
    const { forward, protocols } = carrier;
    const opening = { request, socket, session, around, api, protocols, verdict, signal: gone.signal };
    if (verdict.gated !== undefined) await openGatedShell(opening, verdict.gated, carrier.kind);
    else if (carrier.kind === 'spdy') await openSpdy(opening, forward);
    else await openWebSocket(opening);
  } catch (error) {
    refuseUpgrade(socket, statusOf(error));
  } finally {
    socket.off('close', left);
    stop();
  }
}

/** What carries the streams, and what to offer to the cluster for them. */
interface Carrier {
  readonly kind: 'websocket' | 'spdy';
  readonly protocols: readonly string[];
  readonly forward: boolean;
}

/** Or why there can be none. */
function carrierOf(request: IncomingMessage, api: ApiRequest): Carrier | Status {
  const info = requestInfo(api.method, api.target);
  const subresource = info?.kind === 'resource' && info.resource === 'pods' ? info.subresource : undefined;
  if (subresource !== 'exec' && subresource !== 'attach' && subresource !== 'portforward') {
    return BAD_REQUEST('only exec, attach and port-forward of pods may upgrade their connection');
  }
  const forward = subresource === 'portforward';
  const upgrade = (request.headers.upgrade ?? '').toLowerCase();
  const { 'sec-websocket-protocol': subprotocols, 'x-stream-protocol-version': versions } = request.headers;
  if (upgrade === 'websocket') {
    const known = forward ? TUNNEL_PROTOCOLS : PROGRAM_PROTOCOLS;
    return offered('websocket', acceptable(subprotocols, known), known, forward);
  }
  if (upgrade !== 'spdy/3.1') return BAD_REQUEST('a connection is upgraded to WebSocket or SPDY/3.1 only');
  const known = forward ? SPDY_FORWARD_PROTOCOLS : SPDY_PROGRAM_PROTOCOLS;
  return offered('spdy', acceptable(String(versions ?? ''), known), known, forward);
}

function offered(
  kind: Carrier['kind'],
  protocols: readonly string[],
  known: readonly string[],
  forward: boolean,
): Carrier | Status {
  if (protocols.length > 0) return { kind, protocols, forward };
  return BAD_REQUEST(`the client offers none of ${known.join(', ')}`);
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
