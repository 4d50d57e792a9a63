import type { Catalog, CatalogRelation } from './catalog.ts';
import { Collector } from './collector.ts';
import type { Context } from './context.ts';
import type { OutputColumn } from './facts.ts';
import { columnsOf } from './relations.ts';
import { sourcesOf } from './scope.ts';
import { TextState } from './text-state.ts';

const NO_SESSION = { searchPath: undefined, prepared: () => undefined, cursor: () => undefined };

/**
 * What each column of a relation is derived from, in the order of its columns: itself, its inheritance parents' columns,
 * and for a view or materialized view the base columns behind it. For who knows a value by the relation it came from.
 */
export function relationLineage(relation: CatalogRelation, catalog: Catalog): readonly OutputColumn[] {
  const ctx: Context = {
    catalog,
    state: new TextState(NO_SESSION),
    out: new Collector(),
    within: [],
    inFunction: false,
    planOnly: true,
  };
  const list = columnsOf(relation, ctx);
  return relation.columns.map(({ name }, i) => {
    const own = `${relation.schema}.${relation.name}.${name}`;
    const column = list.columns[i];
    // Where a definition cannot be told apart by column, each may show all it reads.
    const sources = column?.sources ?? sourcesOf(list);
    return {
      name,
      sources: sources.includes(own) ? sources : [own, ...sources],
      plain: column?.plain ?? false,
      ...(column?.carried ? { carried: true } : {}),
      ...(column?.document ? { document: true } : {}),
      ...(column?.counts ? { counts: column.counts } : {}),
    };
  });
}
