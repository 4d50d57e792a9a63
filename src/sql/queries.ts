import type { Node, ResTarget, SelectStmt, WithClause } from 'libpg-query';
import { countedColumns } from './calls.ts';
import { resolveColumn, starColumns } from './column-references.ts';
import type { Context } from './context.ts';
import { modification } from './dml.ts';
import { documentValue } from './documents.ts';
import { expression, expressions, type Flow } from './expressions.ts';
import type { ColumnUseKind, Source } from './facts.ts';
import { fromClause } from './from.ts';
import { lockRows } from './locking.ts';
import { useOperator } from './operators.ts';
import { outputName } from './output-names.ts';
import { type Column, type ColumnList, computed, rename, Scope, sourcesOf, union } from './scope.ts';
import { settingTargets } from './setting-rows.ts';
import { kindOf, nameParts, stringOf } from './tree.ts';

/** A query in any place (also data-modifying, in WITH): its result columns; all else it does is noted. */
export function querySelect(node: Node, parent: Scope | undefined, ctx: Context): ColumnList {
  if ('SelectStmt' in node) return select(node.SelectStmt, parent, ctx);
  const list = modification(node, parent, ctx);
  if (list !== undefined) return list;
  ctx.out.unknown(`${kindOf(node)} stands where a query is expected`, 'SELECT');
  return { columns: [], open: [] };
}

export function select(stmt: SelectStmt, parent: Scope | undefined, ctx: Context): ColumnList {
  const scope = new Scope(parent);
  if (stmt.withClause) withClause(stmt.withClause, scope, ctx);
  const list =
    stmt.op !== undefined && stmt.op !== 'SETOP_NONE'
      ? setOperation(stmt, scope, ctx)
      : simpleSelect(stmt, scope, ctx);
  expression(stmt.limitCount, scope, { kind: 'predicate' }, ctx);
  expression(stmt.limitOffset, scope, { kind: 'predicate' }, ctx);
  if (stmt.lockingClause) lockRows(stmt, scope, ctx);
  return list;
}

function simpleSelect(stmt: SelectStmt, scope: Scope, ctx: Context): ColumnList {
  if (stmt.valuesLists) {
    const rows = values(stmt.valuesLists, scope, ctx);
    ordering(stmt.sortClause, rows, scope, 'output', ctx);
    return rows;
  }
  if (stmt.fromClause) fromClause(stmt.fromClause, scope, ctx);
  const list = targetList(settingTargets(stmt, scope, ctx), scope, ctx);
  expression(stmt.whereClause, scope, { kind: 'predicate' }, ctx);
  ordering(stmt.groupClause, list, scope, 'input', ctx, 'group');
  expression(stmt.havingClause, scope, { kind: 'predicate' }, ctx);
  expressions(stmt.windowClause, scope, { kind: 'order' }, ctx);
  ordering(stmt.sortClause, list, scope, 'output', ctx);
  if (stmt.distinctClause?.some((node) => kindOf(node) !== '')) {
    ordering(stmt.distinctClause, list, scope, 'output', ctx, 'distinct');
  } else if (stmt.distinctClause) {
    // Plain DISTINCT is a list of one empty node.
    distinctRows(list, ctx);
  }
  return list;
}

/** That two rows differ tells of a value that is computed; of a stored one it is what rows come in the order of. */
function distinctRows({ columns, open }: ColumnList, ctx: Context): void {
  columns.forEach(({ sources, plain }, i) => {
    const behind = columns.slice(i + 1).map((column) => column.sources[0] ?? '');
    if (plain && open === undefined) ctx.out.useAll(sources, 'distinct', behind);
    else ctx.out.useAll(sources, 'distinct');
  });
  if (open) ctx.out.useAll(open, 'distinct');
}

/** The result columns, stars expanded. Bare columns keep their origin; anything computed is noted at once. */
export function targetList(targets: readonly Node[] | undefined, scope: Scope, ctx: Context): ColumnList {
  const columns: Column[] = [];
  let open: readonly string[] | undefined;
  for (const target of targets ?? []) {
    const result = 'ResTarget' in target ? target.ResTarget : undefined;
    if (!result?.val) continue;
    const fields = 'ColumnRef' in result.val ? (result.val.ColumnRef.fields ?? []) : undefined;
    const last = fields?.at(-1);
    if (fields && last && 'A_Star' in last) {
      const star = starColumns(fields, scope);
      columns.push(...star.columns);
      if (star.open) open = [...(open ?? []), ...star.open];
    } else {
      const column = targetColumn(result, fields, scope, ctx);
      columns.push(column);
      if (isStarIndirection(result.val)) open = union(open ?? [], column.sources);
    }
  }
  return { columns, ...(open ? { open } : {}) };
}

function targetColumn(
  result: ResTarget,
  fields: readonly Node[] | undefined,
  scope: Scope,
  ctx: Context,
): Column {
  const value = result.val as Node;
  const name = result.name ?? outputName(value);
  if (fields) {
    return { ...resolveColumn(fields, scope, ctx), name };
  }
  const counts = 'FuncCall' in value ? countedColumns(value.FuncCall, scope, ctx) : undefined;
  const before = ctx.out.hasUse('count', counts ?? []);
  const sources = new Set<Source>();
  const flow: Flow = { transformed: false };
  expression(value, scope, { kind: 'computed', sources, flow }, ctx);
  // The number itself is shown: whoever shows it decides from which number on.
  if (counts && !before) ctx.out.forgetCounts(counts);
  const isDocument = documentValue(value, scope, ctx)?.isJson ?? false;
  return {
    name,
    sources: [...sources],
    plain: false,
    ...(!flow.transformed && sources.size > 0 ? { carried: true } : {}),
    ...(isDocument ? { document: true } : {}),
    ...(counts ? { counts } : {}),
  };
}

/** `(composite).*` gives columns that only the type knows. */
function isStarIndirection(value: Node): boolean {
  if (!('A_Indirection' in value)) return false;
  const last = value.A_Indirection.indirection?.at(-1);
  return last !== undefined && 'A_Star' in last;
}

/** GROUP BY, ORDER BY, DISTINCT ON: by position, by name of a result column, or by any expression. */
function ordering(
  items: readonly Node[] | undefined,
  list: ColumnList,
  scope: Scope,
  prefer: 'input' | 'output',
  ctx: Context,
  kind: ColumnUseKind = 'order',
): void {
  for (const item of items ?? []) {
    if ('GroupingSet' in item) {
      ordering(item.GroupingSet.content, list, scope, prefer, ctx, kind);
      continue;
    }
    // `(1, name)` within a grouping set.
    if (kind === 'group' && 'RowExpr' in item) {
      ordering(item.RowExpr.args, list, scope, prefer, ctx, kind);
      continue;
    }
    const sort = 'SortBy' in item ? item.SortBy : undefined;
    if (sort?.useOp) useOperator(nameParts(sort.useOp), ctx);
    const node = sort ? sort.node : item;
    // A place in a list of unknown length may be any column's.
    if (node && 'A_Const' in node && list.open) ctx.out.useAll(sourcesOf(list), kind);
    const column = node && resultColumn(node, list, scope, prefer);
    if (column?.counts) ctx.out.useAll(column.counts, 'count');
    if (column) ctx.out.useAll(column.sources, kind);
    else orderBy(node, scope, kind, ctx);
  }
}

/** A part of a document by itself may be one that nothing covers. */
function orderBy(node: Node | undefined, scope: Scope, kind: ColumnUseKind, ctx: Context): void {
  const part = node && !('ColumnRef' in node) ? documentValue(node, scope, ctx) : undefined;
  if (part) ctx.out.useAll(part.sources, kind);
  else expression(node, scope, { kind }, ctx);
}

function resultColumn(
  node: Node,
  list: ColumnList,
  scope: Scope,
  prefer: 'input' | 'output',
): Column | undefined {
  if ('A_Const' in node) {
    const position = (node.A_Const as { ival?: { ival?: number } }).ival?.ival;
    return position === undefined ? undefined : list.columns[position - 1];
  }
  if (!('ColumnRef' in node) || node.ColumnRef.fields?.length !== 1) return undefined;
  const name = stringOf(node.ColumnRef.fields[0]);
  if (prefer === 'input' && scope.columns.some((column) => column.name === name)) return undefined;
  return list.columns.find((column) => column.name === name);
}

function values(lists: readonly Node[], scope: Scope, ctx: Context): ColumnList {
  const sources: Set<Source>[] = [];
  for (const row of lists) {
    const items = 'List' in row ? (row.List.items ?? []) : [row];
    items.forEach((item, i) => {
      let into = sources[i];
      if (!into) sources[i] = into = new Set();
      expression(item, scope, { kind: 'computed', sources: into }, ctx);
    });
  }
  return { columns: sources.map((set, i) => ({ name: `column${i + 1}`, sources: [...set], plain: false })) };
}

/** Both arms' columns flow together; the server names no origin for the result. */
function setOperation(stmt: SelectStmt, scope: Scope, ctx: Context): ColumnList {
  const left = select(stmt.larg ?? {}, scope, ctx);
  const right = select(stmt.rarg ?? {}, scope, ctx);
  const list = merge(left, right);
  // What one arm holds decides which rows of the other are shown.
  if (stmt.op === 'SETOP_INTERSECT' || stmt.op === 'SETOP_EXCEPT')
    ctx.out.useAll(sourcesOf(list), 'distinct');
  else if (!stmt.all) ctx.out.useAll(sourcesOf(list), 'distinct');
  ordering(stmt.sortClause, list, scope, 'output', ctx);
  return list;
}

function merge(left: ColumnList, right: ColumnList): ColumnList {
  const spill = union(left.open ?? [], right.open ?? []);
  const columns: Column[] = [];
  for (let i = 0; i < Math.max(left.columns.length, right.columns.length); i++) {
    const a = left.columns[i];
    const b = right.columns[i];
    columns.push({
      name: a?.name ?? b?.name ?? '?column?',
      sources: union(union(a?.sources ?? [], b?.sources ?? []), spill),
      plain: false,
      carried: [a, b].every(
        (one) => one === undefined || one.plain || one.carried || one.sources.length === 0,
      ),
    });
  }
  return { columns, ...(left.open || right.open ? { open: spill } : {}) };
}

/** Makes the common table expressions visible in `scope`, each seeing those before it (RECURSIVE: itself too). */
export function withClause(clause: WithClause, scope: Scope, ctx: Context): void {
  for (const item of clause.ctes ?? []) {
    const cte = 'CommonTableExpr' in item ? item.CommonTableExpr : undefined;
    if (!cte?.ctequery || cte.ctename === undefined) continue;
    const names = nameParts(cte.aliascolnames);
    let list = clause.recursive
      ? recursive(cte.ctename, cte.ctequery, names, clause, scope, ctx)
      : rename(querySelect(cte.ctequery, scope, ctx), names);
    const added = [
      cte.search_clause?.search_seq_column,
      cte.cycle_clause?.cycle_mark_column,
      cte.cycle_clause?.cycle_path_column,
    ].filter((name) => name !== undefined);
    if (added.length > 0) {
      const all = sourcesOf(list);
      list = {
        ...list,
        columns: [...list.columns, ...added.map((name) => ({ name, sources: all, plain: false }))],
      };
    }
    scope.ctes.set(cte.ctename, { list });
  }
}

/**
 * A recursive query may carry any column's value into any other with each round, so all its columns are held to be
 * derived from all of them. One that does not name itself is an ordinary one.
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
  const first = computed(rename(select(arms.larg ?? {}, base, ctx), names));
  base.ctes.set(name, { list: first });
  const round = select(arms.rarg ?? {}, base, ctx);
  const all = union(sourcesOf(first), sourcesOf(round));
  if (!arms.all) ctx.out.useAll(all, 'distinct');
  const list = {
    columns: first.columns.map((column) => ({ ...column, sources: all, plain: false })),
    ...(first.open ? { open: all } : {}),
  };
  // Once more with all that may flow round, for what the arm computes from it.
  base.ctes.set(name, { list });
  select(arms.rarg ?? {}, base, ctx);
  ordering(arms.sortClause, list, base, 'output', ctx);
  expression(arms.limitCount, base, { kind: 'predicate' }, ctx);
  expression(arms.limitOffset, base, { kind: 'predicate' }, ctx);
  return list;
}

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
