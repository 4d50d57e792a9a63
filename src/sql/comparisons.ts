import type { A_Expr, Node } from 'libpg-query';
import { referredColumn } from './column-references.ts';
import type { Context } from './context.ts';
import { documentValue } from './documents.ts';
import { type ExpressionUse, expression } from './expressions.ts';
import type { ColumnUseKind, Source } from './facts.ts';
import type { Scope } from './scope.ts';
import { nameParts } from './tree.ts';
import { nullTest } from './values.ts';

type Comparison = 'equality' | 'range' | 'pattern';

const BY_KIND: Readonly<Record<string, Comparison>> = {
  AEXPR_DISTINCT: 'equality',
  AEXPR_NOT_DISTINCT: 'equality',
  AEXPR_NULLIF: 'equality',
  AEXPR_IN: 'equality',
  AEXPR_LIKE: 'pattern',
  AEXPR_ILIKE: 'pattern',
  AEXPR_SIMILAR: 'pattern',
  AEXPR_BETWEEN: 'range',
  AEXPR_NOT_BETWEEN: 'range',
  AEXPR_BETWEEN_SYM: 'range',
  AEXPR_NOT_BETWEEN_SYM: 'range',
};

/** How an operator compares its operands; undefined for one that does something else. */
export function comparisonOf(expr: A_Expr): Comparison | undefined {
  const listed = BY_KIND[expr.kind ?? ''];
  if (listed) return listed;
  const operator = nameParts(expr.name).at(-1) ?? '';
  if (operator === '=' || operator === '<>') return 'equality';
  if (/^(?:<|>|<=|>=|~<~|~>~|~<=~|~>=~)$/.test(operator)) return 'range';
  return /^(?:!?~~?\*?|\^@|@@@?|@>|<@|\?[|&]?|&&|%>?>?|<?<?%)$/.test(operator) ? 'pattern' : undefined;
}

/**
 * Both sides of a comparison. A column by itself that is compared for equality is noted as such; in any other part of a
 * side, and in any other comparison, something could be told step by step.
 */
export function compare(
  expr: A_Expr,
  comparison: Comparison,
  scope: Scope,
  use: ExpressionUse,
  ctx: Context,
): void {
  const tested = testedForNull(expr);
  if (tested) return nullTest(tested, scope, use, ctx);
  if (comparison === 'equality') {
    const flows = use.sources ? { sources: use.sources } : {};
    return equate(expr.lexpr, operands(expr.rexpr), scope, flows, ctx);
  }
  const inside = { ...use, kind: comparison };
  expression(expr.lexpr, scope, inside, ctx);
  for (const operand of operands(expr.rexpr)) expression(operand, scope, inside, ctx);
}

/** What `IS [NOT] DISTINCT FROM NULL` tests. */
function testedForNull({ kind, lexpr, rexpr }: A_Expr): Node | undefined {
  if (kind !== 'AEXPR_DISTINCT' && kind !== 'AEXPR_NOT_DISTINCT') return undefined;
  return rexpr && 'A_Const' in rexpr && rexpr.A_Const.isnull ? lexpr : undefined;
}

/** A side that is a list (IN, BETWEEN) is all of its members. */
function operands(node: Node | undefined): readonly Node[] {
  if (node === undefined) return [];
  return 'List' in node ? (node.List.items ?? []) : [node];
}

export function equate(
  left: Node | undefined,
  right: readonly Node[],
  scope: Scope,
  use: Pick<ExpressionUse, 'sources'>,
  ctx: Context,
): void {
  const a = storedValue(left, scope, ctx);
  const [only] = right;
  const b = right.length === 1 ? storedValue(only, scope, ctx) : undefined;
  side(left, a, b, scope, use, ctx);
  if (right.length === 1) return side(only, b, a, scope, use, ctx);
  for (const node of right) side(node, storedValue(node, scope, ctx), undefined, scope, use, ctx);
}

function side(
  node: Node | undefined,
  value: readonly Source[] | undefined,
  partner: readonly Source[] | undefined,
  scope: Scope,
  use: Pick<ExpressionUse, 'sources'>,
  ctx: Context,
): void {
  if (value === undefined) return expression(node, scope, { ...use, kind: 'predicate' }, ctx);
  for (const source of value) use.sources?.add(source);
  const kind: ColumnUseKind = partner === undefined ? 'equality' : 'join';
  ctx.out.useAll(value, kind, partner);
}

/** The sources of a stored value as it is: a column, or a named part of a document. */
function storedValue(node: Node | undefined, scope: Scope, ctx: Context): readonly Source[] | undefined {
  const column = referredColumn(node, scope, ctx);
  if (column) return column.plain && column.sources.length > 0 ? column.sources : undefined;
  return node && !('ColumnRef' in node) ? documentValue(node, scope, ctx)?.sources : undefined;
}
