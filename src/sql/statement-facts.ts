import { ACTIVITY_TEXT_COLUMN } from './builtins/relations.ts';
import type { Collector } from './collector.ts';
import type { Context } from './context.ts';
import type { OutputColumn, StatementFacts } from './facts.ts';
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
  const outputs =
    result.outputs && !result.outputs.open ? result.outputs.columns.map(outputColumn) : undefined;
  return {
    start,
    end,
    tag: result.tag,
    actions,
    conditions: [...out.conditions],
    functions: [...out.functions],
    columnUses: out.columnUses(),
    ...(outputs ? { outputs } : {}),
    changes: out.changes,
    reasons: [...out.reasons],
    ...(out.absent.length > 0 ? { absent: out.absent } : {}),
    ...(result.copy ? { copy: result.copy } : {}),
    explainable:
      (result.plannable ?? false) &&
      !out.runsUserCode &&
      actions.every((action) => !NOT_PLANNABLE.has(action.effect)),
    dependsOnSession: out.dependsOnSession,
  };
}

const outputColumn = ({ name, sources, plain }: OutputColumn): OutputColumn => ({ name, sources, plain });

/** A column shown as it is stays within a mask's reach; one that lost its origin on the way does not. */
function noteOutputs(result: StatementResult, out: Collector): void {
  if (!result.outputs) return;
  const { columns, open } = result.outputs;
  for (const { sources, plain } of columns) {
    // Among columns of unknown number a value is known by its table alone, which for a view's column is the view.
    const findable = plain && (open === undefined || sources.length === 1);
    out.useAll(sources, findable ? 'output' : 'expression');
  }
  if (open) out.useAll(open, 'other');
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
  for (const { column, use } of facts.columnUses) ctx.out.use(column, use);
  ctx.out.condition(...facts.conditions);
  ctx.out.changes.push(...facts.changes);
  if (!facts.explainable) ctx.out.runsUserCode = true;
}

/** Result columns of such a statement. */
export function outputsOf(facts: StatementFacts): StatementResult['outputs'] {
  if (facts.outputs) return { columns: facts.outputs };
  return facts.tag === 'SELECT' ? { columns: [], open: [] } : undefined;
}
