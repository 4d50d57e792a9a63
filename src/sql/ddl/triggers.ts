import type { CreateTrigStmt, Node, RangeVar } from 'libpg-query';
import { functionBody } from '../bodies.ts';
import type { CatalogFunction } from '../catalog.ts';
import type { Context } from '../context.ts';
import { emptyScope } from '../expressions.ts';
import type { Source } from '../facts.ts';
import { displayName, namedObject, resolveFunctions, resolveRelation } from '../names.ts';
import { parseText } from '../parse.ts';
import { isMark, plpgsqlStatements } from '../plpgsql.ts';
import type { StatementResult } from '../statements.ts';
import { nameParts, stringOf, visit } from '../tree.ts';
import { returnsRow } from '../trigger-row.ts';
import { noteStored, noteStoredActions } from './stored-code.ts';

/**
 * Who makes a trigger has its code run over every row that is written from then on, with whatever it does to other
 * columns and tables. So what it reads of the row and of tables, and what it does, counts here, where it is made.
 */
export function createTrigger(stmt: CreateTrigStmt, ctx: Context): StatementResult {
  const { relation, funcname, transitionRels, whenClause, args } = stmt;
  ctx.out.act('ddl', 'CREATE TRIGGER ON', namedObject(relation, ctx));
  const parts = nameParts(funcname);
  ctx.out.functions.add(parts.join('.'));
  const found = relation && resolveRelation(relation as RangeVar, ctx);
  const table = found?.kind === 'found' ? found.relation : undefined;
  const name = table ? displayName(table, ctx) : `?.${relation?.relname}`;
  const row = rowOf(name);
  ctx.state.newTriggers.push({ table: name, functionName: parts.at(-1) ?? '' });
  if (transitionRels && transitionRels.length > 0) ctx.out.useAll(row('*'), 'code');
  if (whenClause) for (const column of rowColumns(whenClause)) ctx.out.useAll(row(column), 'code');
  noteStored([whenClause], emptyScope(), ctx);
  // The functions of pg_catalog and of extensions work on the columns that they are given by name.
  for (const arg of args ?? []) ctx.out.useAll(row(stringOf(arg) ?? '*'), 'code');
  const { builtin, candidates, opaque } = resolveFunctions(parts, 0, ctx);
  if (builtin === 'suppress_redundant_updates_trigger' || opaque || (!builtin && candidates.length === 0))
    ctx.out.useAll(row('*'), 'code');
  for (const fn of candidates) noteCode(fn, row, true, ctx);
  return { tag: 'CREATE TRIGGER' };
}

/** A function that triggers run already, or will run under this name, is judged as they are. */
export function noteTriggerCode(fn: CatalogFunction, ctx: Context): void {
  for (const relation of ctx.catalog.relations()) {
    const run = (relation.triggers ?? []).flatMap((oid) => ctx.catalog.functionByOid(oid) ?? []);
    const isRun = run.some(({ name }) => name === fn.name);
    if (isRun || run.some((trigger) => reaches(trigger, fn.name, ctx)))
      noteCode(fn, rowOf(`${relation.schema}.${relation.name}`), isRun, ctx);
  }
  // Which functions those call that were made in the same text is not followed: any may be the one.
  for (const { table, functionName } of ctx.state.newTriggers)
    noteCode(fn, rowOf(table), functionName === fn.name, ctx);
}

/** Sources of the columns of a table's row. */
const rowOf = (table: string) => (column: string) => [`${table}.${column}`];

/** Whether the function is of that name, or its text mentions the name, perhaps by way of others. */
function reaches(fn: CatalogFunction, name: string, ctx: Context, seen = new Set<number>()): boolean {
  if (fn.name === name || fn.body.includes(name)) return true;
  seen.add(fn.oid);
  const words = new Set(fn.body.match(/[\p{L}_][\p{L}\p{N}_$]*/gu));
  return [...words]
    .flatMap((word) => ctx.catalog.functionsNamed(word))
    .some((inner) => !seen.has(inner.oid) && reaches(inner, name, ctx, seen));
}

/** `acts`: the trigger runs this very function, rather than one that may call it. */
function noteCode(
  fn: CatalogFunction,
  row: (column: string) => readonly Source[],
  acts: boolean,
  ctx: Context,
): void {
  if (fn.extension !== undefined && fn.language === 'c') return;
  for (const column of columnsRead(fn)) ctx.out.useAll(row(column), 'code');
  const { collector } = functionBody(fn, ctx);
  for (const { column, use } of collector.columnUses()) if (use !== 'target') ctx.out.use(column, 'code');
  if (acts) noteStoredActions(collector, ctx);
}

/** What a trigger's function reads of its row; `*` where it is given on whole, or cannot be told. */
function columnsRead(fn: CatalogFunction): readonly string[] {
  if (fn.language !== 'plpgsql') return fn.language === 'sql' ? [] : ['*'];
  const steps = plpgsqlStatements(fn);
  if (steps === undefined) return ['*'];
  return steps.flatMap((step) => {
    if (isMark(step)) return [];
    const parsed = step.kind === 'text' ? parseText(step.sql) : undefined;
    if (!parsed?.ok) return ['*'];
    return parsed.statements.flatMap(({ node }) => (returnsRow(node) ? [] : rowColumns(node)));
  });
}

/** Columns behind NEW and OLD. */
function rowColumns(node: Node): readonly string[] {
  const columns: string[] = [];
  visit(node, (kind, body) => {
    if (kind !== 'ColumnRef') return;
    const [row, column = '*'] = nameParts((body as { fields?: Node[] }).fields);
    if (row === 'new' || row === 'old') columns.push(column);
  });
  return columns;
}
