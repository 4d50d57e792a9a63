import type { Node } from 'libpg-query';
import { type BodyFacts, sqlTextFacts } from './bodies.ts';
import type { Context } from './context.ts';
import type { SessionChange } from './facts.ts';
import { constantText } from './tree.ts';

/** SQL text that a function is given and runs: its effects, and what it may show. `via` names the function. */
export function runSqlArgument(arg: Node | undefined, via: string, ctx: Context): readonly string[] {
  if (arg === undefined) return [];
  const sql = constantText(arg);
  if (sql === undefined) {
    ctx.out.unknown(
      `${via} runs SQL text that is computed: give it as a constant, or run it as a statement`,
      'CALL',
      { kind: 'function', name: via },
    );
    return [];
  }
  return takeBody(sqlTextFacts(sql, ctx), via, ctx);
}

/**
 * Effects of an inner body become the statement's. Columns that a query's body only shows flow on into its result;
 * every other use counts here as it does there, and those of a procedural body are out of any mask's reach.
 */
export function takeBody(body: BodyFacts, via: string, ctx: Context): readonly string[] {
  ctx.out.mergeEffects(body.collector, via);
  noteInnerChanges(body.collector.changes, ctx);
  if (body.outputs === undefined) {
    ctx.out.useAll(body.sources, 'other');
    return body.sources;
  }
  for (const { column, use, with: together } of body.collector.columnUses()) {
    if (use !== 'output' && use !== 'computed' && use !== 'target') ctx.out.use(column, use, together);
  }
  return body.sources;
}

/** What a body changed for the session, if it came to that; which names its DDL touched is not followed. */
export function noteInnerChanges(changes: readonly SessionChange[], ctx: Context): void {
  ctx.out.changes.push(...changes);
  notePathDoubt(changes, ctx);
  if (changes.some((change) => change.kind === 'catalog')) ctx.out.changes.push({ kind: 'opaque' });
}

/** Whether code came to a SET of its own is not told. */
export function notePathDoubt(changes: readonly SessionChange[], ctx: Context): void {
  if (changes.some((change) => change.kind === 'set' && change.name === 'search_path'))
    ctx.out.changes.push({ kind: 'set', name: 'search_path', value: undefined, local: true });
}
