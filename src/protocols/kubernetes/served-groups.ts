import { z } from 'zod';
import type { Cluster } from './cluster.ts';
import type { ServedLocally } from './request-actions.ts';

/** How long the list is taken for true. */
const FRESH_MS = 30_000;

const listSchema = z.object({
  items: z.array(
    z.object({
      spec: z.object({
        group: z.string().optional(),
        version: z.string(),
        service: z.unknown().optional(),
      }),
    }),
  ),
});

/**
 * Which API groups the cluster's own server answers and which it hands on, by its APIService objects: those of
 * aggregated servers name a service. Where the credential may not list them nothing is known.
 */
export class ServedGroups {
  readonly #cluster: Cluster;
  readonly #now: () => number;
  #known: ReadonlyMap<string, boolean> = new Map();
  #at = -Infinity;
  #loading: Promise<void> | undefined;

  constructor(cluster: Cluster, now: () => number) {
    this.#cluster = cluster;
    this.#now = now;
  }

  readonly servedLocally: ServedLocally = (group, version) => this.#known.get(`${group}/${version}`);

  /** Looks when the last look is too old; a cluster that does not answer leaves nothing known. */
  async refresh(): Promise<void> {
    if (this.#now() - this.#at < FRESH_MS) return;
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    await this.#loading;
  }

  async #load(): Promise<void> {
    try {
      const { body } = await this.#cluster.ask('/apis/apiregistration.k8s.io/v1/apiservices');
      const list = listSchema.safeParse(body);
      this.#known = new Map(
        (list.data?.items ?? []).map(({ spec }) => [
          `${spec.group ?? ''}/${spec.version}`,
          spec.service === undefined || spec.service === null,
        ]),
      );
    } catch {
      this.#known = new Map();
    }
    this.#at = this.#now();
  }
}
