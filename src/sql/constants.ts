import type { Node } from 'libpg-query';

/** The same for every row: a literal or parameter, an array of them, perhaps cast or negated. */
export function isFixed(node: Node): boolean {
  if ('A_Const' in node || 'ParamRef' in node) return true;
  if ('A_ArrayExpr' in node) return (node.A_ArrayExpr.elements ?? []).every(isFixed);
  if ('TypeCast' in node) return node.TypeCast.arg !== undefined && isFixed(node.TypeCast.arg);
  if (!('A_Expr' in node)) return false;
  return node.A_Expr.lexpr === undefined && node.A_Expr.rexpr !== undefined && isFixed(node.A_Expr.rexpr);
}
