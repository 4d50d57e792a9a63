import type {
  DeleteStmt,
  InsertStmt,
  MergeStmt,
  MergeWhenClause,
  Node,
  ResTarget,
  ReturningClause,
  UpdateStmt,
} from 'libpg-query';
import type { Context } from './context.ts';
import { expression, expressions } from './expressions.ts';
import type { Source } from './facts.ts';
import { noteCascades } from './foreign-keys.ts';
import { fromClause, fromMember } from './from.ts';
import { editedDocument } from './json-edits.ts';
import { relationObject } from './names.ts';
import { onConflict, proposedRow } from './on-conflict.ts';
import { querySelect, targetList } from './queries.ts';
import { type ColumnList, columnNamed, type RangeItem, Scope } from './scope.ts';
import { isTautology } from './tautology.ts';
import { withClause } from './with-clauses.ts';
import { writeTarget, writing } from './written-relations.ts';

/** INSERT, UPDATE, DELETE or MERGE, wherever it stands; its RETURNING columns. Undefined for any other node. */
export function modification(node: Node, parent: Scope | undefined, ctx: Context): ColumnList | undefined {
  const list = modified(node, parent, ctx);
  if (list !== undefined) ctx.out.modifications++;
  return list;
}

function modified(node: Node, parent: Scope | undefined, ctx: Context): ColumnList | undefined {
  if ('InsertStmt' in node) return insert(node.InsertStmt, parent, ctx);
  if ('UpdateStmt' in node) return update(node.UpdateStmt, parent, ctx);
  if ('DeleteStmt' in node) return remove(node.DeleteStmt, parent, ctx);
  if ('MergeStmt' in node) return merge(node.MergeStmt, parent, ctx);
  return undefined;
}

const NO_ROWS: ColumnList = { columns: [] };

function insert(stmt: InsertStmt, parent: Scope | undefined, ctx: Context): ColumnList {
  const scope = new Scope(parent);
  if (stmt.withClause) withClause(stmt.withClause, scope, ctx);
  const assigned = targetNames(stmt.cols);
  const target = writeTarget(stmt.relation ?? {}, 'insert', assigned, ctx);
  const given = stmt.selectStmt ? querySelect(stmt.selectStmt, scope, ctx) : NO_ROWS;
  storeColumns(given, target, assigned, ctx);
  noteAssigned(target, assigned, ctx);
  subscripts(stmt.cols, scope, ctx);
  const rows = new Scope(scope);
  rows.add([target], target);
  if (stmt.onConflictClause)
    onConflict(stmt.onConflictClause, target, proposedRow(given, target, assigned), rows, ctx);
  // A row that was not there before holds what the client wrote.
  const updates = stmt.onConflictClause?.action === 'ONCONFLICT_UPDATE';
  return returning(stmt.returningClause, target, rows, ctx, updates);
}

/** What a query hands to a table, column by column; values that the client wrote are its own. */
function storeColumns(list: ColumnList, target: RangeItem, assigned: readonly string[], ctx: Context): void {
  const into = assigned.length > 0 ? assigned : target.columns.map((column) => column.name);
  list.columns.forEach((column, i) => {
    const place =
      column.plain && list.open === undefined ? (columnNamed(target, into[i] ?? '')?.sources ?? []) : [];
    ctx.out.useAll(column.sources, 'stored', place);
    if (column.counts) ctx.out.useAll(column.counts, 'count');
  });
  if (list.open) ctx.out.useAll(list.open, 'stored', []);
}

function update(stmt: UpdateStmt, parent: Scope | undefined, ctx: Context): ColumnList {
  const scope = new Scope(parent);
  if (stmt.withClause) withClause(stmt.withClause, scope, ctx);
  const target = writeTarget(stmt.relation ?? {}, 'update', targetNames(stmt.targetList), ctx);
  const rows = new Scope(scope);
  rows.add([target], target);
  if (stmt.fromClause) fromClause(stmt.fromClause, rows, ctx);
  assignments(stmt.targetList, target, rows, ctx);
  expression(stmt.whereClause, rows, { kind: 'predicate' }, ctx);
  if (!ctx.planOnly && isTautology(stmt.whereClause)) ctx.out.condition('update-without-where');
  return returning(stmt.returningClause, target, rows, ctx);
}

function remove(stmt: DeleteStmt, parent: Scope | undefined, ctx: Context): ColumnList {
  const scope = new Scope(parent);
  if (stmt.withClause) withClause(stmt.withClause, scope, ctx);
  const target = writeTarget(stmt.relation ?? {}, 'delete', [], ctx);
  const rows = new Scope(scope);
  rows.add([target], target);
  if (stmt.usingClause) fromClause(stmt.usingClause, rows, ctx);
  expression(stmt.whereClause, rows, { kind: 'predicate' }, ctx);
  if (!ctx.planOnly && isTautology(stmt.whereClause)) ctx.out.condition('delete-without-where');
  return returning(stmt.returningClause, target, rows, ctx);
}

function merge(stmt: MergeStmt, parent: Scope | undefined, ctx: Context): ColumnList {
  const scope = new Scope(parent);
  if (stmt.withClause) withClause(stmt.withClause, scope, ctx);
  const clauses = (stmt.mergeWhenClauses ?? []).flatMap((node) =>
    'MergeWhenClause' in node ? [node.MergeWhenClause] : [],
  );
  const target = writeTarget(stmt.relation ?? {}, 'merge', [], ctx);
  const rows = new Scope(scope);
  rows.add([target], target);
  const source = stmt.sourceRelation
    ? fromMember(stmt.sourceRelation, scope, ctx)
    : { items: [], columns: [] };
  rows.add(source.items, source);
  expression(stmt.joinCondition, rows, { kind: 'predicate' }, ctx);
  if (!ctx.planOnly && isTautology(stmt.joinCondition)) noteUnboundedMerge(clauses, ctx);
  for (const clause of clauses) mergeClause(clause, target, rows, ctx);
  return returning(stmt.returningClause, target, rows, ctx);
}

/** A join on nothing reaches every row, unless the clause itself picks some. */
function noteUnboundedMerge(clauses: readonly MergeWhenClause[], ctx: Context): void {
  for (const { commandType, condition } of clauses) {
    if (!isTautology(condition)) continue;
    if (commandType === 'CMD_UPDATE') ctx.out.condition('update-without-where');
    if (commandType === 'CMD_DELETE') ctx.out.condition('delete-without-where');
  }
}

function mergeClause(clause: MergeWhenClause, target: RangeItem, rows: Scope, ctx: Context): void {
  expression(clause.condition, rows, { kind: 'predicate' }, ctx);
  const object = target.relation && relationObject(target.relation, ctx);
  if (clause.commandType === 'CMD_UPDATE') {
    ctx.out.act(writing(ctx), 'UPDATE', object);
    if (target.relation) noteCascades(target.relation, 'update', targetNames(clause.targetList), ctx);
    // Absent condition: every row that the source reaches.
    assignments(clause.targetList, target, rows, ctx);
  } else if (clause.commandType === 'CMD_DELETE') {
    ctx.out.act(writing(ctx), 'DELETE', object);
    if (target.relation) noteCascades(target.relation, 'delete', [], ctx);
  } else if (clause.commandType === 'CMD_INSERT') {
    ctx.out.act(writing(ctx), 'INSERT', object);
    noteAssigned(target, targetNames(clause.targetList), ctx);
    for (const value of clause.values ?? []) storeValue(value, [], rows, ctx);
  }
}

/** The value of an assignment: what it shows is put into these columns. */
function storeValue(
  value: Node | undefined,
  into: readonly Source[],
  scope: Scope,
  ctx: Context,
  isPart = false,
): void {
  const sources = new Set<Source>();
  // Under a key of its own (`SET profile['theme'] = profile - 'a'`) it would lie where no mask looks.
  const edited = into.length > 0 && !isPart ? editedDocument(value, scope, ctx) : undefined;
  if (edited && edited.column.sources.join() === into.join()) {
    // What is not given anew stays under its keys.
    ctx.out.useAll(into, 'edited');
    expressions(edited.given, scope, { kind: 'computed', sources }, ctx);
    return ctx.out.useAll([...sources], 'stored', []);
  }
  expression(value, scope, { kind: 'computed', sources }, ctx);
  // A value that is computed may break a constraint of the place, and tell something by that.
  const isColumn = value !== undefined && 'ColumnRef' in value;
  ctx.out.useAll([...sources], 'stored', isColumn ? into : []);
}

/** Columns that are assigned: `SET a = …`, `(a, b)`; `a.field` and `a[1]` are a. */
export function targetNames(nodes: readonly Node[] | undefined): string[] {
  const names: string[] = [];
  for (const node of nodes ?? []) {
    if ('ResTarget' in node && node.ResTarget.name !== undefined) names.push(node.ResTarget.name);
  }
  return names;
}

/** Without a list, INSERT assigns every column. */
function noteAssigned(target: RangeItem, names: readonly string[], ctx: Context): void {
  for (const column of target.columns) {
    if (names.length === 0 || names.includes(column.name)) ctx.out.useAll(column.sources, 'target');
  }
}

/** Assignments of a SET list: what they show is put into its columns. */
export function assignments(
  targets: readonly Node[] | undefined,
  target: RangeItem,
  scope: Scope,
  ctx: Context,
): void {
  noteAssigned(target, targetNames(targets).length === 0 ? [''] : targetNames(targets), ctx);
  subscripts(targets, scope, ctx);
  for (const node of targets ?? []) {
    const { name, val, indirection } = 'ResTarget' in node ? (node.ResTarget as ResTarget) : {};
    const into = columnNamed(target, name ?? '')?.sources ?? [];
    storeValue(val, into, scope, ctx, (indirection?.length ?? 0) > 0);
  }
}

function subscripts(targets: readonly Node[] | undefined, scope: Scope, ctx: Context): void {
  for (const node of targets ?? []) {
    if ('ResTarget' in node) expressions(node.ResTarget.indirection, scope, { kind: 'other' }, ctx);
  }
}

/** RETURNING sees (and reads) the target's rows, and since PostgreSQL 18 their OLD and NEW versions. */
function returning(
  clause: ReturningClause | undefined,
  target: RangeItem,
  rows: Scope,
  ctx: Context,
  showsStored = true,
): ColumnList {
  if (!clause) return NO_ROWS;
  if (showsStored && target.relation) ctx.out.act('read', 'SELECT', relationObject(target.relation, ctx));
  const scope = new Scope(rows.parent);
  scope.add(rows.items, rows);
  const names = new Map([
    ['RETURNING_OPTION_OLD', 'old'],
    ['RETURNING_OPTION_NEW', 'new'],
  ]);
  for (const option of clause.options ?? []) {
    if (!('ReturningOption' in option)) continue;
    names.set(option.ReturningOption.option ?? '', option.ReturningOption.value ?? '');
  }
  for (const alias of names.values()) {
    if (!scope.items.some((item) => item.alias === alias)) scope.items.push({ ...target, alias });
  }
  return targetList(clause.exprs, scope, ctx);
}
