import type { CatalogRelation } from './catalog.ts';
import { Collector } from './collector.ts';
import { type Context, MAX_DEPTH } from './context.ts';
import { emptyScope, expression } from './expressions.ts';
import { KeptByCatalog } from './kept-by-catalog.ts';
import { parseText } from './parse.ts';
import { querySelect } from './queries.ts';
import { type ColumnList, relationColumns, rename, sourcesOf, withoutEntries } from './scope.ts';
import { statement } from './statements.ts';

export interface ViewFacts {
  /** The view's columns, each derived from base columns. */
  readonly list: ColumnList;
  /** What reading the view does. */
  readonly collector: Collector;
}

const kept = new KeptByCatalog<ViewFacts>();

/** What a view (or materialized view) is made of. Depends on the catalog alone: its names were bound when it was made. */
export function viewFacts(relation: CatalogRelation, ctx: Context): ViewFacts {
  // Functions in a view resolve their own names at run time, by the caller's path.
  const key = `${relation.oid} ${ctx.state.callPath?.join('\0') ?? '?'}`;
  const known = kept.get(ctx.catalog, key);
  if (known && ctx.state.pristine) return known;
  if (ctx.within.includes(relation.oid) || ctx.within.length >= MAX_DEPTH) return recursiveView(relation);
  const facts = readView(relation, ctx);
  if (ctx.state.pristine && ctx.within.length === 0) kept.set(ctx.catalog, key, facts);
  return facts;
}

function readView(relation: CatalogRelation, ctx: Context): ViewFacts {
  const collector = new Collector();
  const inner: Context = {
    catalog: ctx.catalog,
    state: ctx.state.bound(ctx.catalog.definitionPath),
    out: collector,
    within: [...ctx.within, relation.oid],
    inFunction: false,
    planOnly: false,
  };
  const parsed = parseText(relation.definition ?? '');
  const node = parsed.ok && parsed.statements.length === 1 ? parsed.statements[0]?.node : undefined;
  if (!node || !('SelectStmt' in node)) {
    collector.unknown(`the definition of view ${relation.schema}.${relation.name} cannot be read`, 'SELECT');
    return { list: relationColumns(relation, ctx.catalog), collector };
  }
  const list = rename(
    withoutEntries(querySelect(node, undefined, inner)),
    relation.columns.map((column) => column.name),
  );
  // The view's own columns count too, for a mask that names the view.
  const own = `${relation.schema}.${relation.name}`;
  return {
    collector,
    list: {
      ...list,
      columns: list.columns.map((column) => ({
        ...column,
        sources: [`${own}.${column.name}`, ...column.sources],
      })),
    },
  };
}

function recursiveView(relation: CatalogRelation): ViewFacts {
  const collector = new Collector();
  collector.unknown(`view ${relation.schema}.${relation.name} is nested too deeply`, 'SELECT');
  const name = `${relation.schema}.${relation.name}.*`;
  return { list: { columns: [], open: [name] }, collector };
}

/** What a rewrite rule adds to (or does instead of) a statement on its table. */
export function ruleFacts(definition: string, relation: CatalogRelation, ctx: Context): Collector {
  const collector = new Collector();
  const parsed = parseText(definition);
  const node = parsed.ok ? parsed.statements[0]?.node : undefined;
  if (!node || !('RuleStmt' in node) || ctx.within.includes(relation.oid)) {
    collector.unknown(`a rule on ${relation.schema}.${relation.name} cannot be read`, 'RULE');
    return collector;
  }
  const inner: Context = {
    catalog: ctx.catalog,
    state: ctx.state.bound(ctx.catalog.definitionPath),
    out: collector,
    within: [...ctx.within, relation.oid],
    // NEW and OLD resolve to nothing, as a function's variables do.
    inFunction: true,
    planOnly: ctx.planOnly,
  };
  expression(node.RuleStmt.whereClause, emptyScope(), { kind: 'other' }, inner);
  for (const action of node.RuleStmt.actions ?? []) {
    const { outputs } = statement(action, inner);
    if (outputs) collector.useAll(sourcesOf(outputs), 'other');
  }
  return collector;
}
