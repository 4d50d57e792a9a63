import { systemClock } from '../../base/clock.ts';
import { NotReachable } from '../../base/errors.ts';
import { loadParser } from '../../sql/analyze.ts';
import type { Catalog } from '../../sql/catalog.ts';
import {
  type CatalogQuery,
  catalogFingerprint,
  loadAvailableCatalog,
  type ProbedSessionState,
  readSessionState,
  sessionStateQuery,
} from './catalog.ts';
import { CatalogChanges } from './catalog-changes.ts';

/** A catalog older than this is compared with the target's before a session opens and while sessions run. */
const CHECK_MS = 5000;

/**
 * The catalog of one target, read when it is first needed and read anew when the target's has changed. Mutable; shared
 * by the sessions of a target.
 */
export class KeptCatalog {
  readonly changes = new CatalogChanges();
  readonly #ask: CatalogQuery;
  #catalog: Catalog | undefined;
  #fingerprint = '';
  #beginning: ProbedSessionState | undefined;
  #checkedAt = 0;
  #loading: Promise<void> | undefined;
  #following: Promise<void> | undefined;
  #sessions = 0;
  #stopChecking: (() => void) | undefined;
  #closed = false;

  constructor(ask: CatalogQuery) {
    this.#ask = ask;
  }

  /** Throws NotReachable `catalog_missing` before the first `ready`. */
  get current(): Catalog {
    if (this.#catalog === undefined)
      throw new NotReachable('catalog_missing', 'the catalog has not been loaded');
    return this.#catalog;
  }

  /** Undefined before the first `ready`. */
  get version(): Catalog['version'] | undefined {
    return this.#catalog?.version;
  }

  /** What a new session of the target's credential begins with. */
  get beginning(): ProbedSessionState | undefined {
    return this.#beginning;
  }

  /** Reads it where that was not done yet, or looks whether it has changed where the last look is some time ago. */
  async ready(): Promise<void> {
    await loadParser();
    if (this.#catalog === undefined) await this.refresh();
    else if (systemClock.monotonic() - this.#checkedAt > CHECK_MS) await this.refreshIfChanged();
  }

  /** Reads it anew. */
  refresh(): Promise<void> {
    const running = this.#loading;
    if (running === undefined) return this.#beginLoading();
    // What is being read may be older than the change that is asked about.
    this.#following ??= running
      .catch(() => {})
      .then(() => {
        this.#following = undefined;
        return this.#beginLoading();
      });
    return this.#following;
  }

  /** Reads it anew if the target's has changed since. */
  async refreshIfChanged(): Promise<void> {
    const { count } = this.changes;
    const fingerprint = await catalogFingerprint(this.#ask);
    this.#checkedAt = systemClock.monotonic();
    if (fingerprint !== this.#fingerprint) await this.refresh();
    else this.changes.saw(count);
  }

  /** Counts a session; while there is one, changes made to the catalog elsewhere are looked for. */
  enter(): () => void {
    this.#sessions++;
    if (this.#sessions === 1) this.#checkLater();
    return () => {
      this.#sessions--;
      if (this.#sessions > 0) return;
      this.#stopChecking?.();
      this.#stopChecking = undefined;
    };
  }

  close(): void {
    this.#closed = true;
    this.#stopChecking?.();
  }

  #checkLater(): void {
    // Sessions may have come and gone while a look was under way, which goes on by itself.
    this.#stopChecking?.();
    this.#stopChecking = systemClock.after(CHECK_MS, () => {
      void this.refreshIfChanged()
        // Whoever needs the target next is told that it cannot be asked.
        .catch(() => {})
        .finally(() => {
          if (this.#sessions > 0 && !this.#closed) this.#checkLater();
        });
    });
  }

  #beginLoading(): Promise<void> {
    this.#loading = this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #load(): Promise<void> {
    const { count } = this.changes;
    const fingerprint = await catalogFingerprint(this.#ask);
    const { catalog, complete } = await loadAvailableCatalog(this.#ask);
    // What was left out is read at the next look, whatever has changed by then.
    this.#fingerprint = complete ? fingerprint : '';
    this.#beginning = readSessionState(await this.#ask(sessionStateQuery));
    this.#checkedAt = systemClock.monotonic();
    this.changes.saw(count);
    if (catalog.version !== this.#catalog?.version) this.#catalog = catalog;
  }
}
