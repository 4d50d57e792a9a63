import type { DeclareCursorStmt, ExecuteStmt, FetchStmt, Node, PrepareStmt } from 'libpg-query';
import { Collector } from './collector.ts';
import type { Context } from './context.ts';
import { emptyScope, expressions } from './expressions.ts';
import type { StatementFacts } from './facts.ts';
import { makeFacts, mergeFacts, outputsOf } from './statement-facts.ts';
import { noteArguments, type StatementResult, statement } from './statements.ts';

/** CURSOR_OPT_HOLD of parsenodes.h. */
const CURSOR_OPT_HOLD = 0x0020;

/** Statements about prepared statements and cursors. Each does what the statement behind its name does. */
export function cursorStatement(node: Node, ctx: Context): StatementResult | undefined {
  if ('PrepareStmt' in node) return prepare(node.PrepareStmt, ctx);
  if ('ExecuteStmt' in node) return execute(node.ExecuteStmt, ctx);
  if ('DeclareCursorStmt' in node) return declare(node.DeclareCursorStmt, ctx);
  if ('FetchStmt' in node) return fetch(node.FetchStmt, ctx);
  if ('DeallocateStmt' in node) {
    ctx.out.act('session', 'DEALLOCATE');
    ctx.out.changes.push({ kind: 'deallocate', name: node.DeallocateStmt.name });
    return { tag: node.DeallocateStmt.name === undefined ? 'DEALLOCATE ALL' : 'DEALLOCATE' };
  }
  if ('ClosePortalStmt' in node) {
    ctx.out.act('session', 'CLOSE');
    ctx.out.changes.push({ kind: 'close-cursor', name: node.ClosePortalStmt.portalname });
    return { tag: node.ClosePortalStmt.portalname === undefined ? 'CLOSE ALL' : 'CLOSE' };
  }
  return undefined;
}

/** The statement's facts by themselves; its effects count already when it is stored. */
function stored(node: Node, ctx: Context): StatementFacts {
  const out = new Collector();
  const facts = makeFacts(statement(node, { ...ctx, out }), out, 0, 0);
  mergeFacts({ ...facts, changes: [] }, ctx);
  ctx.out.dependsOnSession ||= facts.dependsOnSession;
  return facts;
}

/** What fetching from a cursor over the query does, as code opens it. */
export function openedCursor(query: Node, ctx: Context): StatementFacts {
  const out = new Collector();
  return { ...makeFacts(statement(query, { ...ctx, out }), out, 0, 0), changes: [] };
}

function prepare(stmt: PrepareStmt, ctx: Context): StatementResult {
  // Values of these types are made when it is executed.
  expressions(stmt.argtypes, emptyScope(), { kind: 'other' }, ctx);
  if (stmt.query && stmt.name !== undefined) {
    ctx.out.changes.push({ kind: 'prepare', name: stmt.name, statement: stored(stmt.query, ctx) });
  }
  return { tag: 'PREPARE' };
}

/** Also the source of `CREATE TABLE AS EXECUTE`. */
export function execute(stmt: ExecuteStmt, ctx: Context): StatementResult {
  ctx.out.dependsOnSession = true;
  noteArguments(stmt.params, ctx);
  const name = stmt.name ?? '';
  const facts = ctx.state.prepared(name);
  if (!facts) {
    ctx.out.unknown(`prepared statement "${name}" is not known to this session`, 'EXECUTE');
    return { tag: 'EXECUTE' };
  }
  mergeFacts(facts, ctx);
  ctx.out.executes.add(name);
  const outputs = outputsOf(facts);
  return { tag: 'EXECUTE', ...(outputs ? { outputs } : {}) };
}

function declare(stmt: DeclareCursorStmt, ctx: Context): StatementResult {
  if (stmt.query && stmt.portalname !== undefined) {
    const hold = ((stmt.options ?? 0) & CURSOR_OPT_HOLD) !== 0;
    const facts = stored(stmt.query, ctx);
    ctx.out.changes.push({ kind: 'declare-cursor', name: stmt.portalname, hold, statement: facts });
  }
  return { tag: 'DECLARE CURSOR' };
}

function fetch(stmt: FetchStmt, ctx: Context): StatementResult {
  ctx.out.dependsOnSession = true;
  const tag = stmt.ismove ? 'MOVE' : 'FETCH';
  const name = stmt.portalname ?? '';
  const facts = ctx.state.cursor(name);
  if (!facts) {
    ctx.out.unknown(`cursor "${name}" is not known to this session`, tag);
    return { tag };
  }
  mergeFacts(facts, ctx);
  const outputs = stmt.ismove ? undefined : outputsOf(facts);
  return { tag, ...(outputs ? { outputs } : {}) };
}
