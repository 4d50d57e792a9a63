import type { Node } from 'libpg-query';
import { nameParts, stringOf } from './tree.ts';

/** The name the server gives a result column that has no alias (FigureColname in parse_target.c). */
export function outputName(node: Node): string {
  return figure(node) ?? '?column?';
}

function figure(node: Node): string | undefined {
  if ('ColumnRef' in node) return nameParts(node.ColumnRef.fields).at(-1);
  if ('FuncCall' in node) return nameParts(node.FuncCall.funcname).at(-1);
  if ('A_Indirection' in node) {
    const named = node.A_Indirection.indirection?.map(stringOf).filter((name) => name !== undefined);
    return named?.at(-1) ?? (node.A_Indirection.arg ? figure(node.A_Indirection.arg) : undefined);
  }
  if ('TypeCast' in node) {
    const inner = node.TypeCast.arg ? figure(node.TypeCast.arg) : undefined;
    return inner ?? nameParts(node.TypeCast.typeName?.names).at(-1);
  }
  if ('CollateClause' in node) return node.CollateClause.arg ? figure(node.CollateClause.arg) : undefined;
  if ('CaseExpr' in node)
    return (node.CaseExpr.defresult ? figure(node.CaseExpr.defresult) : undefined) ?? 'case';
  if ('CoalesceExpr' in node) return 'coalesce';
  if ('MinMaxExpr' in node) return node.MinMaxExpr.op === 'IS_LEAST' ? 'least' : 'greatest';
  if ('A_ArrayExpr' in node) return 'array';
  if ('RowExpr' in node) return 'row';
  if ('SubLink' in node) return subLinkName(node.SubLink.subLinkType, node.SubLink.subselect);
  if ('SQLValueFunction' in node) return node.SQLValueFunction.op?.replace(/^SVFOP_|_N$/gu, '').toLowerCase();
  if ('A_Expr' in node && node.A_Expr.kind === 'AEXPR_NULLIF') return 'nullif';
  return undefined;
}

function subLinkName(type: string | undefined, query: Node | undefined): string | undefined {
  if (type === 'EXISTS_SUBLINK') return 'exists';
  if (type === 'ARRAY_SUBLINK') return 'array';
  if (type !== 'EXPR_SUBLINK' || !query || !('SelectStmt' in query)) return undefined;
  const target = query.SelectStmt.targetList?.[0];
  if (!target || !('ResTarget' in target)) return undefined;
  return target.ResTarget.name ?? (target.ResTarget.val ? figure(target.ResTarget.val) : undefined);
}
