import type { Node, SelectStmt } from 'libpg-query';
import type { Context } from './context.ts';
import { resolveOperators } from './names.ts';
import type { Scope } from './scope.ts';
import { constantText, nameParts, stringOf } from './tree.ts';

/**
 * pg_dump sets what an older server may not have with
 * `SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'y'`. Rows reach the result columns only
 * after WHERE, so there `name` is that constant: these are the targets with it in place. Anything but this very
 * shape is left as it is, its setting computed.
 */
export function settingTargets(stmt: SelectStmt, scope: Scope, ctx: Context): readonly Node[] | undefined {
  const targets = stmt.targetList;
  const [item, ...others] = scope.items;
  if (item?.relation?.schema !== 'pg_catalog' || item.relation.name !== 'pg_settings') return targets;
  if (others.length > 0 || item.schema === undefined) return targets;
  const name = comparedName(stmt.whereClause, ctx);
  return name === undefined ? targets : targets?.map((target) => withName(target, name));
}

/** The constant of `name = 'constant'`, by the server's own operator. */
function comparedName(where: Node | undefined, ctx: Context): Node | undefined {
  if (where === undefined || !('A_Expr' in where) || where.A_Expr.kind !== 'AEXPR_OP') return undefined;
  const { lexpr, rexpr, name } = where.A_Expr;
  const operator = nameParts(name);
  if (operator.join() !== '=' || resolveOperators(operator, ctx).length > 0) return undefined;
  if (!isName(lexpr) || rexpr === undefined || !('A_Const' in rexpr)) return undefined;
  return constantText(rexpr) === undefined ? undefined : rexpr;
}

function withName(target: Node, name: Node): Node {
  const call = 'ResTarget' in target ? target.ResTarget.val : undefined;
  if (!call || !('FuncCall' in call) || nameParts(call.FuncCall.funcname).at(-1) !== 'set_config')
    return target;
  const [first, ...rest] = call.FuncCall.args ?? [];
  if (!isName(first)) return target;
  const val = { FuncCall: { ...call.FuncCall, args: [name, ...rest] } };
  return { ResTarget: { ...('ResTarget' in target ? target.ResTarget : {}), val } };
}

function isName(node: Node | undefined): boolean {
  if (node === undefined || !('ColumnRef' in node)) return false;
  const fields = node.ColumnRef.fields ?? [];
  return fields.length === 1 && stringOf(fields[0]) === 'name';
}
