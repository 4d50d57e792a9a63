import { analyze } from '../../sql/analyze.ts';
import type { Catalog, SessionState } from '../../sql/catalog.ts';
import type { TextFacts } from '../../sql/facts.ts';

/** Facts remembered across sessions: 2,000 texts of at most 16 KiB. */
const REMEMBERED_FACTS = 2000;
const REMEMBERED_LENGTH = 16_384;

/** Analyses that the sessions of one target share, by catalog, since an owner may say more of functions. Mutable. */
export class RememberedFacts {
  readonly #byCatalog = new WeakMap<Catalog, Map<string, TextFacts>>();

  /** `sharedVersion` is that of the catalog all sessions see; one that only a session sees has another. */
  analyze(text: string, state: SessionState, catalog: Catalog, sharedVersion: string | undefined): TextFacts {
    if (catalog.version !== sharedVersion || text.length > REMEMBERED_LENGTH) {
      return analyze(text, catalog, state);
    }
    const kept = this.#byCatalog.get(catalog) ?? new Map<string, TextFacts>();
    this.#byCatalog.set(catalog, kept);
    const key = `${JSON.stringify(stateKey(state))}${text}`;
    const known = kept.get(key);
    if (known !== undefined) return known;
    const facts = analyze(text, catalog, state);
    if (!facts.statements.some((one) => one.dependsOnSession)) {
      if (kept.size >= REMEMBERED_FACTS) kept.clear();
      kept.set(key, facts);
    }
    return facts;
  }
}

/** What of a session's state its facts depend on, besides prepared statements and cursors. */
function stateKey(state: SessionState): unknown {
  const {
    searchPath = null,
    tempSchema = '',
    user = '',
    pathIsTransactional = true,
    lockTimeout = 0,
  } = state;
  return [searchPath, tempSchema, user, pathIsTransactional, lockTimeout > 0];
}
