import { expect, it, vi } from 'vitest';
import { CatalogChanges } from '../../../src/protocols/postgres/catalog-changes.ts';
import type { Exchange } from '../../../src/protocols/postgres/exchange.ts';
import { SessionNames } from '../../../src/protocols/postgres/names.ts';
import type { OwnQueries } from '../../../src/protocols/postgres/own-query.ts';
import { ServerState } from '../../../src/protocols/postgres/server-state.ts';
import { probeState, type SessionAnalyst } from '../../../src/protocols/postgres/state-probe.ts';

const inTransaction = (): ServerState => {
  const state = new ServerState(new SessionNames(), () => undefined);
  state.ready('open');
  state.apply({ kind: 'catalog' });
  return state;
};

it('a savepoint that is rolled back commits nothing: the catalog that others share stays what it was', () => {
  const state = inTransaction();
  state.apply({ kind: 'transaction', operation: 'rollback-to' });
  expect(state.catalogStale).toBe(true);
  expect(state.catalogCommitted).toBe(false);
});

it('a change committed while the next transaction is open already is read once, and not asked for again', async () => {
  const state = inTransaction();
  state.apply({ kind: 'transaction', operation: 'commit' });
  expect(state.catalogCommitted).toBe(true);
  state.transaction = 'open';
  const changes = new CatalogChanges();
  changes.commit();
  const refreshIfChanged = vi.fn(async () => changes.saw(changes.count));
  const analyst = {
    changes,
    get outdated() {
      return changes.outdated;
    },
    refreshIfChanged,
  } as unknown as SessionAnalyst;
  const judge = { useOverlay: () => {}, stateChanged: () => {} };
  // The version, one row of the session's state, and a catalog without a row.
  const own = {
    ask: async (sql: string) =>
      sql.includes('server_version_num')
        ? [['180000']]
        : sql.includes('current_schemas(true))::')
          ? [['["public"]', null, 'app', 'on', 'UTF8', '0', '1']]
          : [],
  } as unknown as OwnQueries;
  await probeState({ judge, queue: { segmentOpen: false }, state } as unknown as Exchange, own, analyst);
  expect(refreshIfChanged).toHaveBeenCalledTimes(1);
  expect(analyst.outdated).toBe(false);
});
