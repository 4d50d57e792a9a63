import type { Catalog } from '../../sql/catalog.ts';
import { loadCatalog, readSessionState, sessionStateQuery } from './catalog.ts';
import type { Exchange } from './exchange.ts';
import type { Analyst } from './judgement.ts';
import type { OwnQueries } from './own-query.ts';

/** The target's shared analysis, as a session needs it. */
export interface SessionAnalyst extends Analyst {
  /** Loads the catalog anew. */
  refresh(): Promise<void>;
  /** Loads it anew if the target's has changed since. */
  refreshIfChanged(): Promise<void>;
}

const PREPARED_QUERY = 'SELECT name, statement FROM pg_catalog.pg_prepared_statements';

/**
 * Asks the target what may have changed: search path, temporary schema and user; the prepared statements after
 * something opaque; the catalog after DDL, in the session's own transaction while one is open, since nobody
 * else sees it there.
 */
export async function probeState(
  exchange: Exchange,
  own: OwnQueries,
  analyst: SessionAnalyst,
): Promise<void> {
  const { state, judge, names } = exchange;
  if (state.namesStale) {
    const rows = names.anyPrepared ? await own.ask(PREPARED_QUERY) : [];
    names.reconcile(new Map(rows.map(([name, statement]) => [name ?? '', statement ?? ''])));
    state.namesStale = false;
  }
  if (state.catalogStale) {
    let overlay: Catalog | undefined;
    if (state.transaction === 'open' || exchange.queue.segmentOpen)
      overlay = await loadCatalog((sql) => own.ask(sql));
    else await analyst.refresh();
    judge.useOverlay(overlay);
    state.catalogStale = false;
  } else if (state.catalogDoubted) {
    await analyst.refreshIfChanged();
  }
  state.catalogDoubted = false;
  if (!state.stale) return;
  const now = readSessionState(await own.ask(sessionStateQuery));
  // The target reports these itself, but not before the next ReadyForQuery.
  state.reported('standard_conforming_strings', now?.standardConformingStrings ?? '');
  state.reported('client_encoding', now?.clientEncoding ?? '');
  state.searchPath = now?.searchPath;
  state.tempSchema = now?.tempSchema ?? '';
  state.user = now?.user ?? '';
  state.stale = false;
  judge.stateChanged();
}
