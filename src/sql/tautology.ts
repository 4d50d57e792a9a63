import type { Node } from 'libpg-query';
import { constantText, nameParts } from './tree.ts';

/**
 * True when a WHERE is absent or plainly keeps every row: `true`, `1=1`, `id = id`, `NOT false`, and what AND and OR
 * make of them. Only spellings that say nothing about the rows; whoever wants to hide finds others.
 */
export function isTautology(where: Node | undefined): boolean {
  return where === undefined || truth(where) === true;
}

function truth(node: Node): boolean | undefined {
  if ('A_Const' in node || 'TypeCast' in node) return literal(node);
  if ('BoolExpr' in node) {
    const values = (node.BoolExpr.args ?? []).map(truth);
    if (node.BoolExpr.boolop === 'NOT_EXPR') return values[0] === undefined ? undefined : !values[0];
    if (node.BoolExpr.boolop === 'OR_EXPR') return or(values);
    return not(or(values.map(not)));
  }
  if ('NullTest' in node) {
    const constant = node.NullTest.arg && constantText(node.NullTest.arg) !== undefined;
    return constant ? node.NullTest.nulltesttype === 'IS_NOT_NULL' : undefined;
  }
  if ('BooleanTest' in node) return booleanTest(node.BooleanTest.booltesttype, node.BooleanTest.arg);
  if ('SubLink' in node) return alwaysExists(node);
  if ('CoalesceExpr' in node) {
    const first = node.CoalesceExpr.args?.[0];
    return first && truth(first);
  }
  if ('A_Expr' in node && node.A_Expr.kind === 'AEXPR_NOT_DISTINCT') {
    return comparison('=', node.A_Expr.lexpr, node.A_Expr.rexpr);
  }
  if ('A_Expr' in node && node.A_Expr.kind === 'AEXPR_DISTINCT') {
    return not(comparison('=', node.A_Expr.lexpr, node.A_Expr.rexpr));
  }
  if ('A_Expr' in node && node.A_Expr.kind === 'AEXPR_IN') return among(node.A_Expr.lexpr, node.A_Expr.rexpr);
  if ('A_Expr' in node && node.A_Expr.kind === 'AEXPR_BETWEEN') {
    const { lexpr, rexpr } = node.A_Expr;
    const [low, high] = rexpr && 'List' in rexpr ? (rexpr.List.items ?? []) : [];
    return both(comparison('>=', lexpr, low), comparison('<=', lexpr, high));
  }
  if ('A_Expr' in node && (node.A_Expr.kind === 'AEXPR_LIKE' || node.A_Expr.kind === 'AEXPR_ILIKE')) {
    const operator = nameParts(node.A_Expr.name).at(-1) ?? '';
    return operator.startsWith('!') ? undefined : constantText(node.A_Expr.rexpr) === '%' ? true : undefined;
  }
  if ('A_Expr' in node && node.A_Expr.kind === 'AEXPR_OP') {
    return comparison(nameParts(node.A_Expr.name).at(-1) ?? '', node.A_Expr.lexpr, node.A_Expr.rexpr);
  }
  return undefined;
}

const not = (value: boolean | undefined) => (value === undefined ? undefined : !value);
const or = (values: readonly (boolean | undefined)[]) =>
  values.includes(true) ? true : values.includes(undefined) ? undefined : false;

function both(a: boolean | undefined, b: boolean | undefined): boolean | undefined {
  return not(or([not(a), not(b)]));
}

/** `x IS TRUE`, `1=2 IS NOT TRUE`. */
function booleanTest(test: string | undefined, arg: Node | undefined): boolean | undefined {
  const value = arg && truth(arg);
  if (value === undefined) return undefined;
  if (test === 'IS_TRUE' || test === 'IS_NOT_FALSE') return value;
  if (test === 'IS_FALSE' || test === 'IS_NOT_TRUE') return !value;
  return test === 'IS_NOT_UNKNOWN';
}

/** `EXISTS (SELECT 1)`: a query that looks at no table always has its row. */
function alwaysExists(node: Extract<Node, { SubLink: unknown }>): boolean | undefined {
  if (node.SubLink.subLinkType !== 'EXISTS_SUBLINK') return undefined;
  const query = node.SubLink.subselect;
  if (!query || !('SelectStmt' in query)) return undefined;
  const { fromClause, whereClause, havingClause, limitCount, limitOffset, op, valuesLists } =
    query.SelectStmt;
  const plain =
    !fromClause && !havingClause && !limitCount && !limitOffset && (op ?? 'SETOP_NONE') === 'SETOP_NONE';
  return plain && !valuesLists && isTautology(whereClause) ? true : undefined;
}

/** `1 IN (1, 2)`, `id IN (id)`. */
function among(left: Node | undefined, list: Node | undefined): boolean | undefined {
  const items = list && 'List' in list ? (list.List.items ?? []) : [];
  return items.some((item) => comparison('=', left, item) === true) ? true : undefined;
}

function literal(node: Node): boolean | undefined {
  const cast = 'TypeCast' in node ? node.TypeCast.arg : node;
  const text = constantText(cast)?.toLowerCase();
  if (text === 'true' || text === 't' || text === 'on' || text === 'yes' || text === '1') return true;
  return text === 'false' || text === 'f' || text === 'off' || text === 'no' || text === '0'
    ? false
    : undefined;
}

function comparison(operator: string, left: Node | undefined, right: Node | undefined): boolean | undefined {
  if (!left || !right) return undefined;
  const a = constantText(left);
  const b = constantText(right);
  if (a !== undefined && b !== undefined) return compareConstants(operator, a, b);
  // A column compared with itself: true for all rows that are not null there.
  const same = sameColumn(left, right);
  return same && (operator === '=' || operator === '>=' || operator === '<=') ? true : undefined;
}

function compareConstants(operator: string, a: string, b: string): boolean | undefined {
  const numeric =
    a.trim() !== '' && b.trim() !== '' && Number.isFinite(Number(a)) && Number.isFinite(Number(b));
  switch (operator) {
    case '=':
      return numeric ? Number(a) === Number(b) : a === b;
    case '<>':
      return numeric ? Number(a) !== Number(b) : a !== b;
    case '<':
      return numeric ? Number(a) < Number(b) : undefined;
    case '>':
      return numeric ? Number(a) > Number(b) : undefined;
    case '<=':
      return numeric ? Number(a) <= Number(b) : undefined;
    case '>=':
      return numeric ? Number(a) >= Number(b) : undefined;
    default:
      return undefined;
  }
}

function sameColumn(left: Node, right: Node): boolean {
  if (!('ColumnRef' in left) || !('ColumnRef' in right)) return false;
  const a = nameParts(left.ColumnRef.fields);
  const b = nameParts(right.ColumnRef.fields);
  return a.length > 0 && a.at(-1) === b.at(-1) && (a.length !== b.length || a.join('.') === b.join('.'));
}
