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
  if ('A_Expr' in node && node.A_Expr.kind === 'AEXPR_OP') {
    return comparison(nameParts(node.A_Expr.name).at(-1) ?? '', node.A_Expr.lexpr, node.A_Expr.rexpr);
  }
  return undefined;
}

const not = (value: boolean | undefined) => (value === undefined ? undefined : !value);
const or = (values: readonly (boolean | undefined)[]) =>
  values.includes(true) ? true : values.includes(undefined) ? undefined : false;

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
