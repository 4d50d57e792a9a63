import type { Node, SelectStmt } from 'libpg-query';
import type { Context } from './context.ts';
import { copyStatement } from './copy.ts';
import { cursorStatement } from './cursors.ts';
import { definition } from './ddl/definition.ts';
import { selectInto } from './ddl/tables.ts';
import { modification } from './dml.ts';
import { explainStatement } from './explain.ts';
import { emptyScope, expression, expressions } from './expressions.ts';
import type { CopyFacts } from './facts.ts';
import { noteLocks } from './locks.ts';
import { callStatement, doStatement } from './procedures.ts';
import { querySelect } from './queries.ts';
import type { ColumnList } from './scope.ts';
import { sessionStatement } from './session-statements.ts';
import { kindOf } from './tree.ts';

export interface StatementResult {
  /** Command words of the statement itself. */
  readonly tag: string;
  /** Result columns, where there is a result. */
  readonly outputs?: ColumnList;
  readonly copy?: CopyFacts;
  /** A query or DML that plain EXPLAIN takes. */
  readonly plannable?: boolean;
}

/** Notes everything one statement does. Every kind of statement is known to one of the parts, else it is unknown. */
export function statement(node: Node, ctx: Context): StatementResult {
  const before = ctx.out.actionCount;
  const result = dispatch(node, ctx);
  noteLocks(node, ctx);
  if (ctx.out.actionCount === before) ctx.out.act('read', result.tag);
  return result;
}

function dispatch(node: Node, ctx: Context): StatementResult {
  if ('SelectStmt' in node) return selectStatement(node, node.SelectStmt, ctx);
  const written = modification(node, undefined, ctx);
  if (written) return modified(node, written);
  if ('ReturnStmt' in node) {
    // `RETURN expr` as the whole body of a function.
    expression(node.ReturnStmt.returnval, emptyScope(), { kind: 'other' }, ctx);
    return { tag: 'SELECT' };
  }
  if ('ExplainStmt' in node) return explainStatement(node.ExplainStmt, ctx);
  if ('CopyStmt' in node) return copyStatement(node.CopyStmt, ctx);
  if ('CallStmt' in node) return callStatement(node.CallStmt, ctx);
  if ('DoStmt' in node) return doStatement(node.DoStmt, ctx);
  const known = cursorStatement(node, ctx) ?? sessionStatement(node, ctx) ?? definition(node, ctx);
  if (known) return known;
  const kind = kindOf(node);
  const tag = kind.replace(/Stmt$/u, '').toUpperCase();
  ctx.out.unknown(`${kind} is not classified`, tag);
  return { tag };
}

function selectStatement(node: Node, stmt: SelectStmt, ctx: Context): StatementResult {
  const into = intoOf(stmt);
  if (into) {
    selectInto(node, into, ctx);
    return { tag: 'SELECT INTO' };
  }
  return { tag: 'SELECT', outputs: querySelect(node, undefined, ctx), plannable: true };
}

/** INTO stands in the leftmost arm of a set operation. */
function intoOf(stmt: SelectStmt): SelectStmt['intoClause'] {
  for (let arm: SelectStmt | undefined = stmt; arm; arm = arm.larg) if (arm.intoClause) return arm.intoClause;
  return undefined;
}

function modified(node: Node, list: ColumnList): StatementResult {
  const tag = kindOf(node).replace(/Stmt$/u, '').toUpperCase();
  const returns = list.columns.length > 0 || list.open !== undefined;
  return { tag, plannable: true, ...(returns ? { outputs: list } : {}) };
}

/** Arguments of EXECUTE and CALL: values that the client hands over. */
export function noteArguments(nodes: readonly Node[] | undefined, ctx: Context): void {
  expressions(nodes, emptyScope(), { kind: 'other' }, ctx);
}
