import type { ClientRequest } from 'node:http';
import type { Judged } from '../../session/desk.ts';
import { spend } from '../../session/judged.ts';
import type { Cluster, ClusterAccess, Outgoing } from './cluster.ts';

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

  /** What a WebSocket to the cluster is opened with. Spends the key. */
  async upgrade(judged: Judged): Promise<ClusterAccess> {
    spend(judged);
    this.#commit();
    return this.#cluster.access();
  }
}
