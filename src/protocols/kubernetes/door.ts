import type { ClientRequest } from 'node:http';
import { WebSocket } from 'ws';
import type { Judged } from '../../session/desk.ts';
import { spend } from '../../session/judged.ts';
import type { Cluster, Outgoing } from './cluster.ts';

/** How long the cluster may take to answer a WebSocket's handshake, in milliseconds. */
const HANDSHAKE_MS = 30_000;
/** A message of exec or attach holds at most 32 KiB; nothing near this is one. */
export const LONGEST_MESSAGE = 1024 * 1024;

/**
 * The one door to the cluster for what requesters ask: every request and every upgrade needs the desk's key, and
 * the books are written before anything goes.
 */
export class Door {
  readonly #cluster: Cluster;
  readonly #commit: () => void;

  constructor(cluster: Cluster, commit: () => void) {
    this.#cluster = cluster;
    this.#commit = commit;
  }

  /** Sends exactly this. Spends the key. Throws NotReachable when no credential can be had. */
  async send(judged: Judged, outgoing: Outgoing, body: Buffer | undefined): Promise<ClientRequest> {
    spend(judged);
    this.#commit();
    const request = await this.#cluster.begin(outgoing);
    request.end(body);
    return request;
  }

  /** Opens a WebSocket on exactly this. Spends the key. Throws NotReachable when no credential can be had. */
  async openWebSocket(
    judged: Judged,
    { headers, target }: Omit<Outgoing, 'method'>,
    protocols: readonly string[],
  ): Promise<WebSocket> {
    spend(judged);
    this.#commit();
    const access = await this.#cluster.access();
    return new WebSocket(`${access.url.replace(/^https/, 'wss')}${target}`, [...protocols], {
      ...access.tls,
      headers: { ...headers, ...access.headers } as Record<string, string>,
      perMessageDeflate: false,
      maxPayload: LONGEST_MESSAGE,
      handshakeTimeout: HANDSHAKE_MS,
      followRedirects: false,
    });
  }
}
