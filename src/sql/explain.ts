import type { ExplainStmt, Node } from 'libpg-query';
import { settingIsOff } from './builtins/settings.ts';
import type { Context } from './context.ts';
import { type StatementResult, statement } from './statements.ts';
import { constantText } from './tree.ts';

const PLAN = { columns: [{ name: 'QUERY PLAN', sources: [], plain: false }] };

/** EXPLAIN ANALYZE does what the statement does; plain EXPLAIN plans it, which still runs functions marked immutable. */
export function explainStatement(stmt: ExplainStmt, ctx: Context): StatementResult {
  const runs = analyzes(stmt.options);
  if (!stmt.query) return { tag: 'EXPLAIN' };
  const inner: Context = runs ? ctx : { ...ctx, planOnly: true };
  const changes = ctx.out.changes.length;
  statement(stmt.query, inner);
  // Planning leaves nothing behind.
  if (!runs) ctx.out.changes.splice(changes);
  // A plan shows no column; what its row counts tell of conditions is noted with them.
  return { tag: runs ? 'EXPLAIN ANALYZE' : 'EXPLAIN', outputs: PLAN };
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
