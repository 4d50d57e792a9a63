import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { Judged } from '../../session/desk.ts';
import { spend } from '../../session/judged.ts';
import type { Cluster, Outgoing } from './cluster.ts';

/** How long the cluster may take to answer a WebSocket's handshake, in milliseconds. */
const HANDSHAKE_MS = 30_000;
/** The second is with a new credential. */
const MOST_ATTEMPTS = 2;
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

  /**
   * Sends exactly this and answers with what the cluster says. A credential that the cluster does not take any more is
   * fetched anew once: nothing was done then. Spends the key. Throws NotReachable, also where the cluster takes no
   * credential of the connection: its client must not take that for a word about its own.
   */
  async send(
    judged: Judged,
    outgoing: Outgoing,
    body: Buffer | undefined,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    spend(judged);
    this.#commit();
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#ask(outgoing, body, signal);
      if (answer.statusCode !== 401) return answer;
      answer.destroy();
      await this.#cluster.refused();
      if (attempt === MOST_ATTEMPTS) throw this.#cluster.notTaken();
    }
  }

  async #ask(outgoing: Outgoing, body: Buffer | undefined, signal: AbortSignal): Promise<IncomingMessage> {
    const request = await this.#cluster.begin(outgoing);
    const abort = () => request.destroy();
    signal.addEventListener('abort', abort);
    request.once('close', () => signal.removeEventListener('abort', abort));
    if (signal.aborted) abort();
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      request.once('error', reject);
      request.once('close', () => reject(new Error('the cluster closed the connection')));
    });
    request.end(body);
    return answer.catch((error: unknown) => {
      throw this.#cluster.unreachable(error);
    });
  }

  /** One more request over streams that are open. Spends the key; the bytes are the caller's to write. */
  request(judged: Judged): void {
    spend(judged);
    this.#commit();
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

  /**
   * Asks for SPDY/3.1 on exactly this, streams by one of `protocols`. Spends the key. Resolves with the connection, or
   * with what the cluster answered instead. Rejects when it cannot be reached.
   */
  async openSpdy(
    judged: Judged,
    { headers, method, target }: Outgoing,
    protocols: readonly string[],
  ): Promise<SpdyConnection | IncomingMessage> {
    spend(judged);
    this.#commit();
    const request = await this.#cluster.begin({
      method,
      target,
      headers: {
        ...headers,
        connection: 'Upgrade',
        upgrade: 'SPDY/3.1',
        'x-stream-protocol-version': [...protocols],
        'content-length': 0,
      },
    });
    return new Promise((resolve, reject) => {
      request.once('upgrade', (response, socket, head) => {
        const chosen = response.headers['x-stream-protocol-version'];
        resolve({ socket, head, protocol: typeof chosen === 'string' ? chosen : '' });
      });
      request.once('response', resolve);
      request.once('error', reject);
      request.setTimeout(HANDSHAKE_MS, () => request.destroy(new Error('it does not answer')));
      request.end();
    });
  }
}

export interface SpdyConnection {
  readonly socket: Duplex;
  /** What came with the answer already. */
  readonly head: Buffer;
  readonly protocol: string;
}
