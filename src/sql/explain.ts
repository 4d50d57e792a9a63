import type { ExplainStmt, Node } from 'libpg-query';
import { settingIsOff } from './builtins/settings.ts';
import type { Context } from './context.ts';
import { sourcesOf } from './scope.ts';
import { type StatementResult, statement } from './statements.ts';
import { constantText } from './tree.ts';

/** EXPLAIN ANALYZE does what the statement does; plain EXPLAIN plans it, which still runs functions marked immutable. */
export function explainStatement(stmt: ExplainStmt, ctx: Context): StatementResult {
  const runs = analyzes(stmt.options);
  if (!stmt.query) return { tag: 'EXPLAIN' };
  const inner: Context = runs ? ctx : { ...ctx, planOnly: true };
  // Memory and disk that sorting takes tell the size of what is computed, and by that what it is.
  if (runs) ctx.out.measures = true;
  const changes = ctx.out.changes.length;
  const result = statement(stmt.query, inner);
  // Planning leaves nothing behind.
  if (!runs) ctx.out.changes.splice(changes);
  // A plan shows no column, and what its row counts tell of conditions is noted with them. But what a function declared
  // immutable gives is put into the plan itself.
  const sources = inner.out.runsUserCode && result.outputs ? sourcesOf(result.outputs) : [];
  const plan = { columns: [{ name: 'QUERY PLAN', sources, plain: false }] };
  return { tag: runs ? 'EXPLAIN ANALYZE' : 'EXPLAIN', outputs: plan };
}

/** The last of several options counts; a value that is no plain "off" is taken for on. */
function analyzes(options: readonly Node[] | undefined): boolean {
  let runs = false;
  for (const option of options ?? []) {
    if (!('DefElem' in option) || option.DefElem.defname?.toLowerCase() !== 'analyze') continue;
    runs = option.DefElem.arg === undefined || !settingIsOff(constantText(option.DefElem.arg));
  }
  return runs;
}
