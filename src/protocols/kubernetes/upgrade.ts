import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { refuseUpgrade } from './client-side.ts';
import type { RequestHead } from './request-headers.ts';
import type { KubernetesSession } from './session.ts';
import { forbidden } from './status.ts';
import type { Surroundings } from './surroundings.ts';

export async function upgrade(
  _request: IncomingMessage,
  socket: Duplex,
  _head: RequestHead,
  _session: KubernetesSession,
  _around: Surroundings,
): Promise<void> {
  refuseUpgrade(socket, forbidden('exec, attach and port-forward are not served by this connection'));
}
