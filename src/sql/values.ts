import type {
  A_ArrayExpr,
  JsonArrayAgg,
  JsonFuncExpr,
  JsonKeyValue,
  JsonObjectAgg,
  Node,
  TypeCast,
} from 'libpg-query';
import {
  DATED_OIDS,
  DATED_TYPES,
  READ_FROM_JSON,
  READ_FROM_TEXT,
  TEXT_OIDS,
  TOTAL_CASTS,
  WIDER,
} from './builtins/total-functions.ts';
import { referredColumn } from './column-references.ts';
import type { Context } from './context.ts';
import { documentValue } from './documents.ts';
import {
  children,
  type ExpressionUse,
  expression,
  gathering,
  noteAll,
  transforming,
  vanishing,
} from './expressions.ts';
import type { Source } from './facts.ts';
import { boundedBy, jsonAggregate, keyAndValue } from './json-constructors.ts';
import { isJsonOfColumns } from './json-edits.ts';
import { resolveFunctions, resolveType } from './names.ts';
import { useOperator } from './operators.ts';
import type { Column, Scope } from './scope.ts';
import { constantText, nameParts } from './tree.ts';
import { useType } from './types.ts';
import { shapeOf } from './value-shapes.ts';

/** Nodes whose value holds those of their parts. */
const HOLDING = new Set([
  ...['RowExpr', 'List', 'NamedArgExpr', 'CollateClause', 'JsonObjectConstructor', 'JsonArrayConstructor'],
  ...['JsonArrayQueryConstructor', 'JsonScalarExpr', 'JsonValueExpr'],
]);
/** Nodes that compute something of any value. */
const TOTAL = new Set([
  'XmlSerialize',
  'JsonSerializeExpr',
  'SQLValueFunction',
  'GroupingFunc',
  'SetToDefault',
]);

/** An expression without a rule of its own, in a value that is shown. */
export function otherValue(
  node: Node,
  kind: string,
  body: unknown,
  scope: Scope,
  use: ExpressionUse,
  ctx: Context,
): void {
  const bounded = boundedBy(kind, body, scope, ctx);
  if (bounded !== undefined) use = { ...use, kind: 'call', with: [bounded] };
  if (HOLDING.has(kind)) return children(body, scope, use, ctx);
  if (TOTAL.has(kind)) return transforming(use, (inner) => children(body, scope, inner, ctx));
  if (kind === 'A_ArrayExpr') return array(body as A_ArrayExpr, scope, use, ctx);
  if (kind === 'MinMaxExpr') {
    const { args = [] } = body as { args?: Node[] };
    const compares = () => args.some((arg) => shapeOf(arg, scope, ctx) !== undefined);
    const read = (inner: ExpressionUse) => children(body, scope, inner, ctx);
    return gathering(
      'GREATEST or LEAST of arrays or rows',
      compares,
      use,
      (into) => transforming(into, read),
      ctx,
    );
  }
  if (
    kind === 'XmlExpr' &&
    ['IS_XMLELEMENT', 'IS_XMLFOREST', 'IS_XMLCONCAT'].includes((body as { op: string }).op)
  ) {
    return transforming(use, (inner) =>
      children({ ...(body as object), op: undefined, args: xmlValues(body) }, scope, inner, ctx),
    );
  }
  if (kind === 'JsonFuncExpr') {
    const found = documentValue(node, scope, ctx);
    if (found) return noteAll(found.sources, use, ctx);
    const { on_empty, on_error } = body as { on_empty?: unknown; on_error?: unknown };
    // Text that is no json fails before the query begins.
    const { context_item: item } = body as JsonFuncExpr;
    const fails = on_empty || on_error || !documentValue(item?.raw_expr, scope, ctx)?.isJson;
    const kept: ExpressionUse = fails ? { ...use, kind: 'call', with: ['SQL/JSON'] } : use;
    return vanishing(kept, (inner) => children(body, scope, inner, ctx));
  }
  if (kind === 'JsonKeyValue') return keyAndValue(body as JsonKeyValue, scope, use, ctx);
  if (kind === 'JsonObjectAgg' || kind === 'JsonArrayAgg')
    return jsonAggregate(body as JsonObjectAgg | JsonArrayAgg, scope, use, ctx);
  const branching = kind === 'BoolExpr' || kind === 'BooleanTest';
  children(body, scope, { ...use, kind: branching ? 'branch' : 'other' }, ctx);
}

/** Nested brackets make one array of as many dimensions; an element that is an array itself has to be as long as the others. */
function array(body: A_ArrayExpr, scope: Scope, use: ExpressionUse, ctx: Context): void {
  const elements = (one: A_ArrayExpr): readonly Node[] =>
    (one.elements ?? []).flatMap((node) => ('A_ArrayExpr' in node ? elements(node.A_ArrayExpr) : [node]));
  const differ = () => elements(body).some((node) => shapeOf(node, scope, ctx) === 'array');
  gathering('ARRAY[…] of arrays', differ, use, (inner) => children(body, scope, inner, ctx), ctx);
}

/** Names given to the elements of xmlforest stand in `ResTarget`s. */
function xmlValues(body: unknown): Node[] {
  const { args = [], named_args = [] } = body as { args?: Node[]; named_args?: Node[] };
  return [...args, ...named_args].map((one) =>
    'ResTarget' in one && one.ResTarget.val ? one.ResTarget.val : one,
  );
}

/** A cast that may fail tells something of a value that the client has put together; of a column as it is, only its form. */
export function cast({ arg, typeName }: TypeCast, scope: Scope, use: ExpressionUse, ctx: Context): void {
  if (typeName) useType(typeName, ctx);
  if (use.kind !== 'computed' || typeName === undefined) return expression(arg, scope, use, ctx);
  const name = nameParts(typeName.names).at(-1) ?? '';
  const builtin =
    (typeName.arrayBounds?.length ?? 0) === 0 &&
    ctx.catalog.isBuiltinType(name) &&
    !resolveType(typeName.names, ctx);
  const bounded = (typeName.typmods?.length ?? 0) > 0;
  const column = referredColumn(arg, scope, ctx);
  const isText = TEXT_OIDS.has(column?.typeOid ?? 0);
  if (builtin && TOTAL_CASTS.has(name)) {
    if (isText && !bounded) return expression(arg, scope, use, ctx);
    return transforming(use, (inner) => expression(arg, scope, inner, ctx));
  }
  const document = column === undefined || !isText ? documentValue(arg, scope, ctx) : undefined;
  const reads =
    READ_FROM_TEXT.has(name) &&
    (column ? column.plain && isText : document !== undefined && !document.isJson);
  const asJson = (name === 'json' || name === 'jsonb') && isJsonOfColumns(arg, scope, ctx) && !isText;
  const scalar = document?.isJson === true && column === undefined && READ_FROM_JSON.has(name);
  const dated = DATED_TYPES.has(name) && isDated(arg, column, ctx);
  const counted = column?.plain && WIDER.has(`${column.typeOid} ${name}`);
  const letter = name === 'char' && column?.plain === true && isText;
  const takes = builtin && !bounded && (letter || reads || asJson || scalar || dated || counted);
  const kept: ExpressionUse = takes ? use : { ...use, kind: 'call', with: [`a cast to ${name}`] };
  transforming(kept, (inner) => expression(arg, scope, inner, ctx));
}

/** A date or timestamp as it is stored, or truncated. */
function isDated(arg: Node | undefined, column: Column | undefined, ctx: Context): boolean {
  if (column) return column.plain && DATED_OIDS.has(column.typeOid ?? 0);
  if (!arg || !('FuncCall' in arg)) return false;
  const { funcname, args = [] } = arg.FuncCall;
  const found = resolveFunctions(nameParts(funcname), args.length, ctx);
  return found.builtin === 'date_trunc' && found.candidates.length === 0 && !found.opaque;
}

/** That a stored value is there shows anyway, since a mask leaves NULL as it is. */
export function nullTest(arg: Node | undefined, scope: Scope, use: ExpressionUse, ctx: Context): void {
  const column = referredColumn(arg, scope, ctx);
  if (column && (column.plain || column.carried) && !column.counts && !column.vanishes) return;
  if (column === undefined && documentValue(arg, scope, ctx)) return;
  expression(arg, scope, use.kind === 'computed' ? { ...use, kind: 'predicate' } : use, ctx);
}

/** Later arguments are computed only where earlier ones are NULL. */
export function coalesce(args: readonly Node[], scope: Scope, use: ExpressionUse, ctx: Context): void {
  const earlier = new Set<Source>();
  for (const arg of args) {
    if (!isSimple(arg)) ctx.out.useAll([...earlier], 'branch');
    const sources = new Set<Source>();
    const mayVanish = !('ColumnRef' in arg) || (referredColumn(arg, scope, ctx)?.vanishes ?? false);
    expression(arg, scope, { ...use, sources }, ctx);
    for (const source of sources) {
      use.sources?.add(source);
      if (mayVanish) earlier.add(source);
    }
  }
  // Arrays of arrays take no further element: which of them it is would tell whether the first one was NULL.
  const isArray = args.some((arg) => shapeOf(arg, scope, ctx) === 'array');
  if (isArray && !args.slice(1).every(isFlat)) ctx.out.useAll([...earlier], 'branch');
}

/** Not an array of arrays. */
function isFlat(node: Node): boolean {
  return 'A_Const' in node && !/^\s*(?:\{\s*\{|\[)/.test(constantText(node) ?? '');
}

/** Costs nothing, cannot fail and does nothing. */
function isSimple(node: Node): boolean {
  return 'A_Const' in node || 'ColumnRef' in node || 'ParamRef' in node;
}

/** A condition decides which result is computed. */
export function cases(
  body: { arg?: Node; args?: Node[]; defresult?: Node },
  scope: Scope,
  use: ExpressionUse,
  ctx: Context,
): void {
  const { flow: _, ...deciding } = use;
  const condition: ExpressionUse = use.kind === 'computed' ? { ...deciding, kind: 'branch' } : use;
  if (body.arg) useOperator(['='], ctx);
  expression(body.arg, scope, condition, ctx);
  for (const clause of body.args ?? []) {
    if (!('CaseWhen' in clause)) continue;
    expression(clause.CaseWhen.expr, scope, condition, ctx);
    expression(clause.CaseWhen.result, scope, use, ctx);
  }
  expression(body.defresult, scope, use, ctx);
}
