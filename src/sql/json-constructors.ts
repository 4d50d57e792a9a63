import type {
  JsonAggConstructor,
  JsonArrayAgg,
  JsonKeyValue,
  JsonObjectAgg,
  Node,
  TypeName,
} from 'libpg-query';
import { sortedBy, window } from './calls.ts';
import type { Context } from './context.ts';
import { documentValue } from './documents.ts';
import { children, type ExpressionUse, expression, expressions, gathering } from './expressions.ts';
import { resolveType } from './names.ts';
import type { Scope } from './scope.ts';
import { nameParts } from './tree.ts';
import { shapeOf } from './value-shapes.ts';

/** One entry of JSON_OBJECT or JSON_OBJECTAGG: a key may not be NULL, and text FORMAT JSON has to be json. */
export function keyAndValue(
  { key, value }: JsonKeyValue,
  scope: Scope,
  use: ExpressionUse,
  ctx: Context,
): void {
  expression(key, scope, { ...use, kind: 'call', with: ['a key'] }, ctx);
  jsonValue(value, scope, use, ctx);
}

function jsonValue(value: object | undefined, scope: Scope, use: ExpressionUse, ctx: Context): void {
  const bounded = value && boundedBy('JsonValueExpr', value, scope, ctx);
  children(value, scope, bounded === undefined ? use : { ...use, kind: 'call', with: [bounded] }, ctx);
}

/** JSON_ARRAYAGG and JSON_OBJECTAGG, as `functionCall` does it for other aggregates. */
export function jsonAggregate(
  { constructor: made, arg }: JsonArrayAgg | JsonObjectAgg,
  scope: Scope,
  use: ExpressionUse,
  ctx: Context,
): void {
  const { output, agg_filter, agg_order, over } = (
    typeof made === 'object' ? made : {}
  ) as JsonAggConstructor;
  window(over, scope, use, ctx);
  expression(agg_filter, scope, { kind: 'predicate', ...(use.sources ? { sources: use.sources } : {}) }, ctx);
  const bounded = boundedBy('JsonAggConstructor', { output }, scope, ctx);
  const held: ExpressionUse = bounded === undefined ? use : { ...use, kind: 'call', with: [bounded] };
  const compares = () => sortedBy(agg_order).some((one) => shapeOf(one, scope, ctx) !== undefined);
  const read = (inner: ExpressionUse) => {
    if (arg && 'key' in arg) keyAndValue(arg, scope, inner, ctx);
    else jsonValue(arg, scope, inner, ctx);
    expressions(agg_order, scope, inner, ctx);
  };
  gathering('an order of arrays or rows', compares, held, read, ctx);
}

/** What makes an expression fail for some values that would take any: text that is read as json, a result of a type with limits. */
export function boundedBy(kind: string, body: unknown, scope: Scope, ctx: Context): string | undefined {
  const { format, output, typeName, xmloption, expr } = body as {
    format?: { format_type?: string };
    output?: { typeName?: TypeName };
    typeName?: TypeName;
    xmloption?: string;
    expr?: { raw_expr?: Node };
  };
  if (format?.format_type === 'JS_FORMAT_JSON') return 'FORMAT JSON';
  if (kind === 'JsonSerializeExpr' && !documentValue(expr?.raw_expr, scope, ctx)?.isJson)
    return 'JSON_SERIALIZE, which reads text';
  if (kind === 'XmlSerialize' && xmloption === 'XMLOPTION_DOCUMENT') return 'XMLSERIALIZE (DOCUMENT …)';
  // What SQL/JSON's queries cannot convert they give as NULL.
  if (kind === 'JsonFuncExpr') return undefined;
  const type = kind === 'XmlSerialize' ? typeName : output?.typeName;
  return type !== undefined && !isRoomy(type, ctx) ? 'RETURNING a type with limits' : undefined;
}

const ROOMY: ReadonlySet<string> = new Set(['text', 'varchar', 'json', 'jsonb', 'bytea']);

function isRoomy({ names, typmods, arrayBounds }: TypeName, ctx: Context): boolean {
  if ((typmods?.length ?? 0) > 0 || (arrayBounds?.length ?? 0) > 0) return false;
  return ROOMY.has(nameParts(names).at(-1) ?? '') && resolveType(names, ctx) === undefined;
}
