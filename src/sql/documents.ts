import type { A_Expr, A_Indirection, FuncCall, JsonFuncExpr, Node, TypeCast, TypeName } from 'libpg-query';
import { referredColumn } from './column-references.ts';
import type { Context } from './context.ts';
import { SHAPE, under } from './document-path.ts';
import type { Source } from './facts.ts';
import { resolveFunctions, resolveType } from './names.ts';
import { runsUserOperator } from './operators.ts';
import type { Scope } from './scope.ts';
import { constantText, nameParts } from './tree.ts';

/** A json document, or the part of one that lies under keys which the text itself names. */
export interface DocumentValue {
  readonly sources: readonly Source[];
  /** It is json still, rather than the text in it. */
  readonly isJson: boolean;
}

/** Steps into a document that are followed: each level of a longer chain would be looked at from each above it. */
const MOST_STEPS = 64;

/**
 * What part of a document an expression takes out: by `->`, `->>`, `#>`, `#>>`, subscripts, jsonb_extract_path and a plain
 * path of SQL/JSON. Undefined for anything else, and where a key is computed: then it is the whole document.
 */
export function documentValue(
  node: Node | undefined,
  scope: Scope,
  ctx: Context,
  depth = 0,
): DocumentValue | undefined {
  if (node === undefined || depth > MOST_STEPS) return undefined;
  if ('ColumnRef' in node) {
    const column = referredColumn(node, scope, ctx);
    return column?.document ? { sources: column.sources, isJson: true } : undefined;
  }
  if ('A_Expr' in node) return byOperator(node.A_Expr, scope, ctx, depth + 1);
  if ('FuncCall' in node) return byFunction(node.FuncCall, scope, ctx, depth + 1);
  if ('A_Indirection' in node) return bySubscript(node.A_Indirection, scope, ctx, depth + 1);
  if ('TypeCast' in node) return byCast(node.TypeCast, scope, ctx, depth + 1);
  if ('JsonFuncExpr' in node) return bySqlJson(node.JsonFuncExpr, scope, ctx, depth + 1);
  return undefined;
}

/** `profile::json`, of what is json: the same document. */
function byCast(
  { arg, typeName }: TypeCast,
  scope: Scope,
  ctx: Context,
  depth: number,
): DocumentValue | undefined {
  const name = nameParts(typeName?.names).at(-1) ?? '';
  if ((name !== 'json' && name !== 'jsonb') || (typeName?.arrayBounds?.length ?? 0) > 0) return undefined;
  if (!ctx.catalog.isBuiltinType(name) || resolveType(typeName?.names, ctx)) return undefined;
  return part(documentValue(arg, scope, ctx, depth), [], true);
}

function part(
  document: DocumentValue | undefined,
  keys: readonly string[] | undefined,
  isJson: boolean,
): DocumentValue | undefined {
  // A key that spells the mark for "the keys themselves" is not followed.
  if (!document?.isJson || keys === undefined || keys.includes(SHAPE)) return undefined;
  return { sources: document.sources.map((source) => under(source, ...keys)), isJson };
}

function byOperator(
  { kind, name, lexpr, rexpr }: A_Expr,
  scope: Scope,
  ctx: Context,
  depth: number,
): DocumentValue | undefined {
  if (kind !== 'AEXPR_OP') return undefined;
  const operator = nameParts(name).at(-1) ?? '';
  if (!['->', '->>', '#>', '#>>'].includes(operator) || runsUserOperator(nameParts(name), ctx))
    return undefined;
  const keys = operator.startsWith('#') ? arrayKeys(rexpr) : oneKey(rexpr);
  if (keys === undefined) return undefined;
  return part(documentValue(lexpr, scope, ctx, depth), keys, !operator.endsWith('>>'));
}

/** An integer picks an array's element, which lies under the array's own key; a text is a key. */
function oneKey(node: Node | undefined): readonly string[] | undefined {
  if (node && 'A_Const' in node && 'ival' in node.A_Const) return [];
  const text = textConstant(node);
  return text === undefined ? undefined : [text];
}

function textConstant(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if ('A_Const' in node) return 'sval' in node.A_Const ? constantText(node) : undefined;
  return 'TypeCast' in node && nameParts(node.TypeCast.typeName?.names).at(-1) === 'text'
    ? textConstant(node.TypeCast.arg)
    : undefined;
}

/** `'{a,b}'` or `ARRAY['a','b']`, of plain keys. */
function arrayKeys(node: Node | undefined): readonly string[] | undefined {
  if (node && 'A_ArrayExpr' in node) return allText(node.A_ArrayExpr.elements ?? []);
  const inner = /^\{([A-Za-z_][A-Za-z0-9_-]*(?:,[A-Za-z0-9_-]+)*)\}$/.exec(
    (node && 'A_Const' in node ? constantText(node) : undefined) ?? '',
  )?.[1];
  return inner?.split(',');
}

function allText(nodes: readonly Node[]): readonly string[] | undefined {
  const keys: string[] = [];
  for (const node of nodes) {
    const key = textConstant(node);
    if (key === undefined) return undefined;
    keys.push(key);
  }
  return keys;
}

const PATH_FUNCTIONS = new Set(['jsonb_path_query', 'jsonb_path_query_first', 'jsonb_path_query_array']);
const EXTRACT_FUNCTIONS: Readonly<Record<string, boolean>> = {
  jsonb_extract_path: true,
  json_extract_path: true,
  jsonb_extract_path_text: false,
  json_extract_path_text: false,
};

function byFunction(call: FuncCall, scope: Scope, ctx: Context, depth: number): DocumentValue | undefined {
  const parts = nameParts(call.funcname);
  const name = parts.at(-1) ?? '';
  const isJson = EXTRACT_FUNCTIONS[name];
  if (isJson === undefined && !PATH_FUNCTIONS.has(name)) return undefined;
  const [document, ...rest] = call.args ?? [];
  const found = resolveFunctions(parts, undefined, ctx);
  if (found.builtin === undefined || found.candidates.length > 0 || found.opaque) return undefined;
  if (isJson !== undefined) return part(documentValue(document, scope, ctx, depth), allText(rest), isJson);
  // Variables and flags that come after the path do nothing to a plain one.
  return part(documentValue(document, scope, ctx, depth), pathKeys(constantText(rest[0])), true);
}

function bySubscript(
  node: A_Indirection,
  scope: Scope,
  ctx: Context,
  depth: number,
): DocumentValue | undefined {
  const keys: string[] = [];
  for (const step of node.indirection ?? []) {
    if (!('A_Indices' in step) || step.A_Indices.is_slice) return undefined;
    const key = constantText(step.A_Indices.uidx);
    if (key === undefined) return undefined;
    keys.push(key);
  }
  return part(documentValue(node.arg, scope, ctx, depth), keys, true);
}

function bySqlJson(node: JsonFuncExpr, scope: Scope, ctx: Context, depth: number): DocumentValue | undefined {
  if (node.op !== 'JSON_VALUE_OP' && node.op !== 'JSON_QUERY_OP') return undefined;
  if (node.passing?.length || node.on_empty || node.on_error) return undefined;
  // Of another type it is the same value, or NULL where it has none.
  if (node.output?.typeName && !isUnlimited(node.output.typeName, ctx)) return undefined;
  const keys = pathKeys(constantText(node.pathspec));
  return part(
    documentValue(node.context_item?.raw_expr, scope, ctx, depth),
    keys,
    node.op === 'JSON_QUERY_OP',
  );
}

/** Whether SQL/JSON gives a value as this type, but for one of another kind: of a type with limits it is NULL for what is beyond them. */
export function isUnlimited({ names, typmods, arrayBounds }: TypeName, ctx: Context): boolean {
  if (typmods?.length || arrayBounds?.length || resolveType(names, ctx)) return false;
  return SCALARS.has(nameParts(names).at(-1) ?? '');
}

const SCALARS: ReadonlySet<string> = new Set(
  'text varchar int4 int8 numeric float8 bool date timestamp timestamptz json jsonb'.split(' '),
);

const STEP = /\.(?:([A-Za-z_][A-Za-z0-9_]*)|"([^"\\]+)")|\[(?:\*|\d+)\]/y;

/** The keys of a path such as `$.a."b c"[*].d`; undefined for one with a filter, a method or `strict`. */
export function pathKeys(path: string | undefined): readonly string[] | undefined {
  const text = path?.trim().replace(/^lax\s+/, '');
  if (!text?.startsWith('$')) return undefined;
  const keys: string[] = [];
  STEP.lastIndex = 1;
  for (let at = 1; at < text.length; at = STEP.lastIndex) {
    STEP.lastIndex = at;
    const step = STEP.exec(text);
    if (!step) return undefined;
    const key = step[1] ?? step[2];
    if (key !== undefined) keys.push(key);
  }
  return keys;
}
