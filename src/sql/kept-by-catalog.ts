import type { Catalog } from './catalog.ts';

/** Facts that are kept of one catalog before all are forgotten: the search paths in their keys are the client's to choose. */
const MOST_KEPT = 20_000;

/** What was found out of a catalog's relations and functions, by a key. Goes with the catalog. Mutable. */
export class KeptByCatalog<Facts> {
  readonly #kept = new WeakMap<Catalog, Map<string, Facts>>();
  readonly #most: number;

  constructor(most = MOST_KEPT) {
    this.#most = most;
  }

  get(catalog: Catalog, key: string): Facts | undefined {
    return this.#kept.get(catalog)?.get(key);
  }

  set(catalog: Catalog, key: string, facts: Facts): void {
    const kept = this.#kept.get(catalog) ?? new Map<string, Facts>();
    if (kept.size >= this.#most) kept.clear();
    kept.set(key, facts);
    this.#kept.set(catalog, kept);
  }
}
