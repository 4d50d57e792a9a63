import { ACTIVITY_TEXT_COLUMN } from './builtins/relations.ts';
import { type Collector, writesRows } from './collector.ts';
import type { Context } from './context.ts';
import { type ColumnUse, LONG_VALUES, type OutputColumn, SIZES, type StatementFacts } from './facts.ts';
import { type Column, sourcesOf } from './scope.ts';
import type { StatementResult } from './statements.ts';

const NOT_PLANNABLE = new Set(['admin', 'unknown', 'ddl', 'session']);

/** The facts of one statement, from what was noted of it. */
export function makeFacts(
  result: StatementResult,
  out: Collector,
  start: number,
  end: number,
): StatementFacts {
  noteOutputs(result, out);
  noteActivityTexts(out);
  noteSchemas(out);
  const actions = out.actions;
  const outputs = result.outputs && !result.outputs.open ? outputColumns(result.outputs.columns) : undefined;
  return {
    start,
    end,
    tag: result.tag,
    actions,
    conditions: [...out.conditions],
    functions: [...out.functions],
    columnUses: usesOf(out),
    ...(outputs ? { outputs } : {}),
    ...(result.outputs?.open ? { anyOutput: sourcesOf(result.outputs) } : {}),
    changes: out.changes,
    reasons: [...out.reasons],
    ...(out.executes.size > 0 ? { executes: [...out.executes] } : {}),
    ...(out.absent.length > 0 ? { absent: out.absent } : {}),
    ...(result.copy ? { copy: result.copy } : {}),
    ...(writesUntold(result, out) ? { writesUntold: true } : {}),
    ...(out.mayQuote ? { mayQuote: true as const } : {}),
    explainable:
      (result.plannable ?? false) &&
      !out.runsUserCode &&
      actions.every((action) => !NOT_PLANNABLE.has(action.effect)),
    dependsOnSession: out.dependsOnSession,
  };
}

/** Statements whose CommandComplete tells the rows of the one modification in them. PostgreSQL docs 54.7. */
const TELLING: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'COPY', 'EXECUTE']);

function writesUntold(result: StatementResult, out: Collector): boolean {
  if (!out.actions.some(writesRows)) return false;
  return out.writesBeside || out.modifications > 1 || !TELLING.has(result.tag);
}

function outputColumns(columns: readonly Column[]): OutputColumn[] {
  return columns.map(({ name, sources, plain, carried, document, counts, entry }) => {
    const key =
      entry?.is === 'value'
        ? columns.findIndex((other) => other.entry?.of === entry.of && other.entry.is === 'key')
        : -1;
    return {
      name,
      sources,
      plain,
      ...(carried && !plain ? { carried } : {}),
      ...(document && !plain ? { document } : {}),
      ...(counts ? { counts } : {}),
      ...(key >= 0 ? { keyedBy: key } : {}),
    };
  });
}

/** Result columns are hidden where they show a masked column: flowing into them is no exposure. */
function noteOutputs(result: StatementResult, out: Collector): void {
  if (!result.outputs) return;
  const { columns, open } = result.outputs;
  for (const { sources, plain } of columns) out.useAll(sources, plain ? 'output' : 'computed');
  if (open) out.useAll(open, 'computed');
}

/** Where lengths can be made to pass a limit, what takes any value may fail for one of them after all; where sizes are told, they tell. */
function usesOf(out: Collector): ColumnUse[] {
  const uses = out.columnUses();
  if (!out.makesLongValues && !out.measures) return uses;
  const reason = out.makesLongValues ? LONG_VALUES : SIZES;
  return uses.map((one) =>
    one.use === 'computed' || one.use === 'edited' ? { ...one, use: 'call', with: [reason] } : one,
  );
}

/** pg_stat_activity is monitoring until its query texts are looked at. */
function noteActivityTexts(out: Collector): void {
  for (const column of out.usedColumns) {
    if (!column.startsWith('pg_catalog.pg_stat_activity.')) continue;
    if (column.endsWith(`.${ACTIVITY_TEXT_COLUMN}`) || column.endsWith('.*'))
      out.condition('reads-statistics');
  }
}

/** Schemas that everybody uses beside their own. */
const SHARED_SCHEMAS = new Set(['pg_catalog', 'information_schema', 'pg_temp', '?']);

/** Tables of more than one schema in one statement, named or reached. */
function noteSchemas(out: Collector): void {
  const schemas = new Set<string>();
  for (const { object } of out.actions) {
    if (object === undefined || !SCHEMA_OBJECTS.has(object.kind)) continue;
    const schema = object.name.slice(0, Math.max(0, object.name.indexOf('.')));
    if (schema !== '' && !SHARED_SCHEMAS.has(schema)) schemas.add(schema);
  }
  if (schemas.size > 1) out.condition('cross-schema');
}

const SCHEMA_OBJECTS = new Set(['table', 'view', 'sequence']);

/** Takes over what a statement prepared or declared earlier does. */
export function mergeFacts(facts: StatementFacts, ctx: Context): void {
  for (const action of facts.actions) ctx.out.add(action);
  for (const name of facts.functions) ctx.out.functions.add(name);
  for (const reason of facts.reasons) ctx.out.reasons.add(reason);
  for (const object of facts.absent ?? []) ctx.out.missing(object);
  for (const { column, use, with: together } of facts.columnUses) ctx.out.use(column, use, together);
  ctx.out.condition(...facts.conditions);
  ctx.out.changes.push(...facts.changes);
  for (const name of facts.executes ?? []) ctx.out.executes.add(name);
  if (facts.writesUntold) ctx.out.writesBeside = true;
  if (!facts.explainable) ctx.out.runsUserCode = true;
  if (facts.mayQuote) ctx.out.mayQuote = true;
}

/** What one of several statements does, where nobody tells which: all of it. */
export function unionOf(list: readonly StatementFacts[]): StatementFacts {
  const all = <T>(of: (facts: StatementFacts) => readonly T[]) => [...new Set(list.flatMap(of))];
  return {
    start: 0,
    end: 0,
    tag: 'SELECT',
    actions: all(({ actions }) => actions),
    conditions: all(({ conditions }) => conditions),
    functions: all(({ functions }) => functions),
    columnUses: all(({ columnUses }) => columnUses),
    anyOutput: all(({ anyOutput = [], outputs = [] }) => [
      ...anyOutput,
      ...outputs.flatMap(({ sources }) => sources),
    ]),
    changes: [],
    reasons: all(({ reasons }) => reasons),
    ...(list.some(({ writesUntold }) => writesUntold) ? { writesUntold: true } : {}),
    ...(list.some(({ mayQuote }) => mayQuote) ? { mayQuote: true } : {}),
    explainable: false,
    dependsOnSession: true,
  };
}

/** Result columns of such a statement. */
export function outputsOf(facts: StatementFacts): StatementResult['outputs'] {
  if (facts.outputs) return { columns: facts.outputs };
  if (facts.anyOutput) return { columns: [], open: facts.anyOutput };
  return facts.tag === 'SELECT' ? { columns: [], open: [] } : undefined;
}
