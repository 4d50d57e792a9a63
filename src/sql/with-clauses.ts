import type { CommonTableExpr, Node, WithClause } from 'libpg-query';
import type { Context } from './context.ts';
import { expression } from './expressions.ts';
import { merge, ordering, querySelect, select } from './queries.ts';
import {
  type Column,
  type ColumnList,
  columnNamed,
  computed,
  nature,
  rename,
  Scope,
  sourcesOf,
} from './scope.ts';
import { nameParts } from './tree.ts';

/** Makes the common table expressions visible in `scope`, each seeing those before it (RECURSIVE: itself too). */
export function withClause(clause: WithClause, scope: Scope, ctx: Context): void {
  for (const item of clause.ctes ?? []) {
    const cte = 'CommonTableExpr' in item ? item.CommonTableExpr : undefined;
    if (!cte?.ctequery || cte.ctename === undefined) continue;
    const names = nameParts(cte.aliascolnames);
    let list = clause.recursive
      ? recursive(cte.ctename, cte.ctequery, names, clause, scope, ctx)
      : rename(querySelect(cte.ctequery, scope, ctx), names);
    list = { ...list, columns: [...list.columns, ...searchColumns(cte, list, ctx)] };
    scope.ctes.set(cte.ctename, { list });
  }
}

/** Columns that SEARCH and CYCLE add, from those they name. PostgreSQL docs 7.8.2. */
function searchColumns(cte: CommonTableExpr, list: ColumnList, ctx: Context): readonly Column[] {
  const { search_clause: search, cycle_clause: cycle } = cte;
  const sources = (names: readonly Node[] | undefined) =>
    sourcesOf({
      columns: nameParts(names).map(
        (name) => columnNamed(list, name) ?? { name, sources: sourcesOf(list), plain: false },
      ),
      open: list.open,
    });
  const added = (name: string | undefined, from: readonly string[]): Column[] =>
    name === undefined ? [] : [{ name, sources: from, plain: false, shape: 'array' }];
  const visited = sources(cycle?.cycle_col_list);
  // A row that was there before ends its way.
  if (cycle) ctx.out.useAll(visited, 'distinct');
  return [
    ...added(search?.search_seq_column, sources(search?.search_col_list)),
    ...added(cycle?.cycle_mark_column, visited),
    ...added(cycle?.cycle_path_column, visited),
  ];
}

/** Rounds after which every column is held to be derived from all of them: each adds what one more step carries on. */
const MOST_ROUNDS = 4;
/** What a row of the round before is counted as: twice that stands for a value that doubles with each round. */
const OF_ROUND = 1000;
/** Recursive arms that are read in one statement: one within another is read in each round of it. */
const MOST_READINGS = 1000;

/**
 * A recursive query may carry a column's value into another with each round, so its second arm is read until nothing
 * new flows. One that does not name itself is an ordinary one.
 */
function recursive(
  name: string,
  query: Node,
  names: readonly string[],
  clause: WithClause,
  scope: Scope,
  ctx: Context,
): ColumnList {
  const arms = 'SelectStmt' in query && query.SelectStmt.op === 'SETOP_UNION' ? query.SelectStmt : undefined;
  const itself = JSON.stringify(query).includes(`"relname":${JSON.stringify(name)}`);
  if (!arms || !itself) {
    // WITH RECURSIVE also lets a query name ones that come later, which the server sorts by need.
    forwardReferences(name, query, clause, scope, ctx);
    return rename(querySelect(query, scope, ctx), names);
  }
  const base = new Scope(scope);
  if (arms.withClause) withClause(arms.withClause, base, ctx);
  let list = computed(rename(select(arms.larg ?? {}, base, ctx), names));
  for (let round = 0, grows = true; grows; round++) {
    if (++ctx.out.rounds > MOST_READINGS) {
      ctx.out.unknown('recursive queries are nested too deeply', 'SELECT');
      return ofAll(list);
    }
    base.ctes.set(name, { list: counting(list, OF_ROUND) });
    const arm = select(arms.rarg ?? {}, base, ctx);
    if (arm.columns.some(({ copies = 1 }) => copies >= 2 * OF_ROUND)) ctx.out.makesLongValues = true;
    const next = counting(merge(list, arm, ctx), 1);
    const before = list;
    list = round < MOST_ROUNDS ? next : ofAll(next);
    grows = list.columns.some((column, i) => !sameFlow(column, before.columns[i]));
    grows ||= list.open?.length !== before.open?.length;
  }
  if (!arms.all) ctx.out.useAll(sourcesOf(list), 'distinct');
  ordering(arms.sortClause, list, base, 'output', ctx);
  expression(arms.limitCount, base, { kind: 'predicate' }, ctx);
  expression(arms.limitOffset, base, { kind: 'predicate' }, ctx);
  return list;
}

const counting = (list: ColumnList, copies: number): ColumnList => ({
  ...list,
  columns: list.columns.map((column) => ({ ...column, copies })),
});

/** Each column derived from all of them. */
function ofAll(list: ColumnList): ColumnList {
  const sources = sourcesOf(list);
  const flowing = nature(
    list.columns.find(({ shape }) => shape !== undefined)?.shape,
    list.columns.some(({ vanishes }) => vanishes),
  );
  return { ...list, columns: list.columns.map(({ name }) => ({ name, sources, plain: false, ...flowing })) };
}

const sameFlow = (a: Column, b: Column | undefined) =>
  b !== undefined &&
  a.sources.length === b.sources.length &&
  a.carried === b.carried &&
  a.shape === b.shape &&
  a.vanishes === b.vanishes;

/** A later common table expression named before it is read would be taken for a table: refuse to guess. */
function forwardReferences(name: string, query: Node, clause: WithClause, scope: Scope, ctx: Context): void {
  if ((clause.ctes?.length ?? 0) < 2) return;
  const text = JSON.stringify(query);
  let seen = false;
  for (const item of clause.ctes ?? []) {
    const other = 'CommonTableExpr' in item ? (item.CommonTableExpr.ctename ?? '') : '';
    if (seen && !scope.ctes.has(other) && text.includes(`"relname":${JSON.stringify(other)}`)) {
      ctx.out.unknown(`"${name}" names "${other}", which is defined after it`, 'SELECT');
    }
    if (other === name) seen = true;
  }
}
