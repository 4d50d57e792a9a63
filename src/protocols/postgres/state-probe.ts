import { loadCatalog, readSessionState, sessionStateQuery } from './catalog.ts';
import type { CatalogChanges } from './catalog-changes.ts';
import type { Exchange } from './exchange.ts';
import type { Analyst } from './judgement.ts';
import type { OwnQueries } from './own-query.ts';

/** The target's shared analysis, as a session needs it. */
export interface SessionAnalyst extends Analyst {
  readonly changes: CatalogChanges;
  /** Loads the catalog anew. */
  refresh(): Promise<void>;
  /** A session has committed a change of it: it must be read anew before anything more is judged. */
  catalogChanged(): void;
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
  const { state } = exchange;
  // What happens while the answers are on their way counts once more.
  const { stale, catalogStale, catalogDoubted, namesStale } = state;
  state.stale = state.catalogStale = state.catalogDoubted = state.namesStale = false;
  try {
    if (namesStale) await askNames(exchange, own);
    if (catalogStale) await readCatalog(exchange, own, analyst);
    else if (catalogDoubted || analyst.outdated) await analyst.refreshIfChanged();
    if (stale || catalogStale) await askState(exchange, own);
  } catch (error) {
    state.stale = true;
    state.catalogStale ||= catalogStale;
    state.namesStale ||= namesStale;
    throw error;
  }
}

async function askNames({ names }: Exchange, own: OwnQueries): Promise<void> {
  const rows = names.anyPrepared ? await own.ask(PREPARED_QUERY) : [];
  names.reconcile(new Map(rows.map(([name, statement]) => [name ?? '', statement ?? ''])));
}

async function readCatalog(exchange: Exchange, own: OwnQueries, analyst: SessionAnalyst): Promise<void> {
  const { judge, queue, state } = exchange;
  // Comes back when all that was sent before is done; only then is a change to be seen from elsewhere.
  await own.ask(sessionStateQuery);
  if (state.transaction === 'open' || queue.segmentOpen) {
    // What this transaction sees is not what others share: that stays outdated until it is read, too.
    if (analyst.outdated) await analyst.refreshIfChanged();
    judge.useOverlay(await loadCatalog((sql) => own.ask(sql)));
  } else {
    await analyst.refresh();
    judge.useOverlay(undefined);
  }
}

async function askState({ judge, state }: Exchange, own: OwnQueries): Promise<void> {
  const now = readSessionState(await own.ask(sessionStateQuery));
  // The target reports these itself, but not before the next ReadyForQuery.
  state.reported('standard_conforming_strings', now?.standardConformingStrings ?? '');
  state.reported('client_encoding', now?.clientEncoding ?? '');
  state.searchPath = now?.searchPath;
  state.tempSchema = now?.tempSchema ?? '';
  state.user = now?.user ?? '';
  state.lockTimeout = now?.lockTimeout ?? 0;
  state.processId = now?.processId ?? 0;
  judge.stateChanged();
}
