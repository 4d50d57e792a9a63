import type { CallStmt, DoStmt } from 'libpg-query';
import { Collector } from './collector.ts';
import type { Context } from './context.ts';
import { callFunction } from './functions.ts';
import { notePathDoubt } from './inner-effects.ts';
import { doStatements } from './plpgsql.ts';
import { runPlpgsql } from './procedural-bodies.ts';
import { noteArguments, type StatementResult } from './statements.ts';
import { constantText, lastOption, nameParts } from './tree.ts';

/** CALL: a procedure may commit, and its effects are those of its body. */
export function callStatement(stmt: CallStmt, ctx: Context): StatementResult {
  const call = stmt.funccall;
  noteArguments(call?.args, ctx);
  const sources = call ? callFunction(nameParts(call.funcname), call.args ?? [], ctx).sources : [];
  // A procedure's OUT parameters come as a row, of whatever it put there.
  return { tag: 'CALL', outputs: { columns: [], open: sources } };
}

/** A block of code: what the SQL in it does, all of it, whichever way its branches go. */
export function doStatement(stmt: DoStmt, ctx: Context): StatementResult {
  const language = (constantText(lastOption(stmt.args, 'language')?.arg) ?? 'plpgsql').toLowerCase();
  const body = constantText(lastOption(stmt.args, 'as')?.arg);
  ctx.out.runsUserCode = true;
  if (language !== 'plpgsql' || body === undefined) {
    ctx.out.unknown(`a DO block in ${language} cannot be analysed`, 'DO');
    ctx.out.changes.push({ kind: 'opaque' });
    return { tag: 'DO' };
  }
  const inner: Context = {
    ...ctx,
    out: new Collector(),
    state: ctx.state.inner(ctx.state.searchPath),
    inFunction: true,
  };
  const facts = runPlpgsql(doStatements(body), inner, 'a DO block');
  ctx.out.mergeEffects(facts.collector, undefined);
  ctx.out.changes.push(...facts.collector.changes);
  notePathDoubt(facts.collector.changes, ctx);
  ctx.state.adoptUncertain(inner.state);
  ctx.out.useAll(facts.sources, 'other');
  for (const { column, use } of facts.collector.columnUses()) if (use === 'target') ctx.out.use(column, use);
  return { tag: 'DO' };
}
