import type { Node, ResTarget, SelectStmt } from 'libpg-query';
import { countedColumns, LONG } from './calls.ts';
import { referredColumn, resolveColumn, starColumns } from './column-references.ts';
import type { Context } from './context.ts';
import { modification } from './dml.ts';
import { documentValue } from './documents.ts';
import { type ExpressionUse, expression, expressions, type Flow, noteAll } from './expressions.ts';
import { COMPUTED, type ColumnUseKind, type Source } from './facts.ts';
import { fromClause } from './from.ts';
import { lockRows } from './locking.ts';
import { useOperator } from './operators.ts';
import { outputName } from './output-names.ts';
import { KnownRows } from './row-keys.ts';
import { type Column, type ColumnList, nature, Scope, type Shape, sourcesOf, union } from './scope.ts';
import { settingTargets } from './setting-rows.ts';
import { kindOf, nameParts, stringOf } from './tree.ts';
import { shapeOf, shapeOfType } from './value-shapes.ts';
import { withClause } from './with-clauses.ts';

/** A query in any place (also data-modifying, in WITH): its result columns; all else it does is noted. */
export function querySelect(node: Node, parent: Scope | undefined, ctx: Context): ColumnList {
  if ('SelectStmt' in node) return select(node.SelectStmt, parent, ctx);
  const list = modification(node, parent, ctx);
  if (list !== undefined) return list;
  ctx.out.unknown(`${kindOf(node)} stands where a query is expected`, 'SELECT');
  return { columns: [], open: [] };
}

/** A SELECT, VALUES or set operation, with what stands in its WITH; the columns that come out. */
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
  const known = new KnownRows();
  // Since PostgreSQL 18 rows may come sorted by any of the columns first (enable_distinct_reordering).
  const reorders = ctx.catalog.serverVersion >= 180000;
  columns.forEach((column, i) => {
    const { sources, plain } = column;
    const behind = columns
      .filter((_, place) => (reorders ? place !== i : place > i))
      .map((other) => other.sources[0] ?? '');
    if (known.has(column) && open === undefined) ctx.out.useAll(sources, 'computed');
    else if (plain && open === undefined) ctx.out.useAll(sources, 'distinct', behind);
    else ctx.out.useAll(sources, 'distinct');
    known.add(column);
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
  const flow: Flow = { transformed: false, vanishes: false, copies: 0 };
  expression(value, scope, { kind: 'computed', sources, flow }, ctx);
  if (flow.copies > LONG) ctx.out.makesLongValues = true;
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
    ...nature(shapeOf(value, scope, ctx), flow.vanishes, flow.copies),
  };
}

/** `(composite).*` gives columns that only the type knows. */
function isStarIndirection(value: Node): boolean {
  if (!('A_Indirection' in value)) return false;
  const last = value.A_Indirection.indirection?.at(-1);
  return last !== undefined && 'A_Star' in last;
}

/** GROUP BY, ORDER BY, DISTINCT ON: by position, by name of a result column, or by any expression. */
export function ordering(
  items: readonly Node[] | undefined,
  list: ColumnList,
  scope: Scope,
  prefer: 'input' | 'output',
  ctx: Context,
  kind: ColumnUseKind = 'order',
  isWhole = true,
): void {
  const known = kind === 'group' && isWhole ? groupedRows(items ?? [], list, scope, ctx) : undefined;
  for (const item of items ?? []) {
    if ('GroupingSet' in item) {
      ordering(item.GroupingSet.content, list, scope, prefer, ctx, kind, false);
      continue;
    }
    // `(1, name)` within a grouping set.
    if (kind === 'group' && 'RowExpr' in item) {
      ordering(item.RowExpr.args, list, scope, prefer, ctx, kind, false);
      continue;
    }
    const sort = 'SortBy' in item ? item.SortBy : undefined;
    if (sort?.useOp) useOperator(nameParts(sort.useOp), ctx);
    const node = sort ? sort.node : item;
    // A place in a list of unknown length may be any column's.
    if (node && 'A_Const' in node && list.open) ctx.out.useAll(sourcesOf(list), kind);
    const column = node && resultColumn(node, list, scope, prefer);
    if (column?.counts) ctx.out.useAll(column.counts, 'count');
    const meant = known && (column ?? referredColumn(node, scope, ctx));
    if (meant && known?.has(meant)) ctx.out.useAll(meant.sources, 'computed');
    else if (column) ctx.out.useAll(column.sources, kind, isStored(column) ? undefined : computedBy(kind));
    else orderBy(node, scope, kind, ctx);
  }
}

/** Rows whose whole key stands in GROUP BY; none where there are grouping sets, each of which may leave it out. */
function groupedRows(
  items: readonly Node[],
  list: ColumnList,
  scope: Scope,
  ctx: Context,
): KnownRows | undefined {
  const known = new KnownRows();
  for (const node of items) {
    if ('GroupingSet' in node || 'RowExpr' in node) return undefined;
    known.add(resultColumn(node, list, scope, 'input') ?? referredColumn(node, scope, ctx));
  }
  return known;
}

/** One item of it. A part of a document by itself may be one that nothing covers. */
export function orderBy(
  node: Node | undefined,
  scope: Scope,
  kind: ColumnUseKind,
  ctx: Context,
  through: Pick<ExpressionUse, 'sources'> = {},
): void {
  const part = node && !('ColumnRef' in node) ? documentValue(node, scope, ctx) : undefined;
  if (part) return noteAll(part.sources, { ...through, kind }, ctx);
  const column = kind === 'group' ? referredColumn(node, scope, ctx) : undefined;
  const computed = column && isStored(column) ? undefined : computedBy(kind);
  expression(node, scope, { ...through, kind, ...(computed ? { with: computed } : {}) }, ctx);
}

/** A column's own value, or that of a part of a document. */
const isStored = (column: Column) => column.plain || column.document === true;

const computedBy = (kind: ColumnUseKind) => (kind === 'group' ? [COMPUTED] : undefined);

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
  const columns: { sources: Set<Source>; flow: Flow; shape?: Shape | undefined }[] = [];
  for (const row of lists) {
    const items = 'List' in row ? (row.List.items ?? []) : [row];
    items.forEach((item, i) => {
      columns[i] ??= { sources: new Set(), flow: { transformed: false, vanishes: false, copies: 0 } };
      const into = columns[i];
      expression(item, scope, { kind: 'computed', sources: into.sources, flow: into.flow }, ctx);
      into.shape ??= shapeOf(item, scope, ctx);
    });
  }
  return {
    columns: columns.map(({ sources, flow, shape }, i) => ({
      name: `column${i + 1}`,
      sources: [...sources],
      plain: false,
      ...nature(shape, flow.vanishes, flow.copies),
    })),
  };
}

/** Both arms' columns flow together; the server names no origin for the result. */
function setOperation(stmt: SelectStmt, scope: Scope, ctx: Context): ColumnList {
  const left = select(stmt.larg ?? {}, scope, ctx);
  const right = select(stmt.rarg ?? {}, scope, ctx);
  const list = merge(left, right, ctx);
  // What one arm holds decides which rows of the other are shown.
  if (stmt.op !== 'SETOP_UNION' || !stmt.all) noteMerged(left, right, ctx);
  ordering(stmt.sortClause, list, scope, 'output', ctx);
  return list;
}

function noteMerged(left: ColumnList, right: ColumnList, ctx: Context): void {
  const open = left.open !== undefined || right.open !== undefined;
  for (let i = 0; i < Math.max(left.columns.length, right.columns.length); i++) {
    const [a, b] = [left.columns[i], right.columns[i]];
    noteArm(a, b, open, ctx);
    noteArm(b, a, open, ctx);
  }
  ctx.out.useAll([...(left.open ?? []), ...(right.open ?? [])], 'merged');
}

function noteArm(one: Column | undefined, other: Column | undefined, open: boolean, ctx: Context): void {
  const stored = one !== undefined && !open && (one.plain || one.carried);
  const beside = one?.plain && other?.plain ? other.sources : [];
  ctx.out.useAll(one?.sources ?? [], 'merged', stored ? beside : undefined);
}

const shapeIn = (column: Column | undefined, ctx: Context) =>
  column?.shape ?? shapeOfType(column?.typeOid ?? 0, ctx);

/** Columns of both arms of a set operation, which flow together. */
export function merge(left: ColumnList, right: ColumnList, ctx: Context): ColumnList {
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
      ...nature(
        shapeIn(a, ctx) ?? shapeIn(b, ctx),
        a?.vanishes || b?.vanishes,
        Math.max(a?.copies ?? 1, b?.copies ?? 1),
      ),
    });
  }
  return { columns, ...(left.open || right.open ? { open: spill } : {}) };
}
