import type { Duplex } from 'node:stream';
import { refuseUpgrade } from './client-side.ts';
import { type Opening, recordOpening, refusalOf } from './opening.ts';
import { impersonation } from './request-headers.ts';
import { SpdyRelay } from './spdy/relay.ts';
import { BAD_REQUEST } from './status.ts';

/** Opens SPDY/3.1 at the cluster and, when it stands, with the client. Resolves when both have ended. */
export async function openSpdy(opening: Opening, forward: boolean): Promise<void> {
  const { api, around, protocols, session, signal, socket, verdict } = opening;
  const number = recordOpening(opening);
  const headers = around.impersonate ? impersonation(session.desk.requester) : {};
  const outgoing = { method: api.method, target: api.target.raw, headers };
  const answer = await around
    .doorOf(session)
    .openSpdy(verdict.key, outgoing, protocols)
    .catch((error: unknown) => {
      throw around.cluster.unreachable(error);
    });
  if (!('protocol' in answer)) return refuseUpgrade(socket, await refusalOf(answer, around.cluster));
  const { head, protocol, socket: target } = answer;
  if (signal.aborted || socket.destroyed || !protocols.includes(protocol)) {
    target.destroy();
    return refuseUpgrade(socket, BAD_REQUEST('the cluster offers no way to stream that can be governed'));
  }
  acceptSpdy(socket, protocol);
  await new SpdyRelay({ client: socket, target, head, session, number, around, forward }).done;
}

/** Answers a client's upgrade. */
export function acceptSpdy(socket: Duplex, protocol: string): void {
  socket.removeAllListeners('data');
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n' +
      `X-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
  );
}
