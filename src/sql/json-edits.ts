import type { A_Expr, FuncCall, Node } from 'libpg-query';
import { referredColumn } from './column-references.ts';
import { isFixed } from './constants.ts';
import type { Context } from './context.ts';
import { documentValue } from './documents.ts';
import { resolveFunctions } from './names.ts';
import { runsUserOperator } from './operators.ts';
import type { Column, Scope } from './scope.ts';
import { constantText, nameParts, visit } from './tree.ts';
import { shapeOf } from './value-shapes.ts';

/** Functions whose value is json whatever they are given. */
const MAKES_JSON: ReadonlySet<string> = new Set(
  `to_json to_jsonb row_to_json json_build_object jsonb_build_object json_build_array jsonb_build_array json_agg jsonb_agg
  json_agg_strict jsonb_agg_strict json_object_agg jsonb_object_agg array_to_json json_strip_nulls jsonb_strip_nulls`.split(
    /\s+/u,
  ),
);
/** Of these it is an object, unless it is made of something else than a row. */
const MAKES_OBJECT: ReadonlySet<string> = new Set(
  'row_to_json json_build_object jsonb_build_object json_object_agg jsonb_object_agg'.split(' '),
);
/** jsonb_set(target, path, value, …): places that are named change, all else stays where it is. */
const SETS: ReadonlySet<string> = new Set(['jsonb_set', 'jsonb_insert']);

const TOO_DEEP = 64;
/** OID of jsonb. */
const JSONB = 3802;

/** The name of the function of pg_catalog that is surely called. */
function builtinOf(call: FuncCall, ctx: Context): string | undefined {
  const found = resolveFunctions(nameParts(call.funcname), call.args?.length ?? 0, ctx);
  return found.candidates.length === 0 && !found.opaque ? found.builtin : undefined;
}

/**
 * Whether json is made of nothing but stored values, so that jsonb takes it: what the client itself writes as json could
 * hold an escape that jsonb refuses (\\u0000), for some values only.
 */
export function isJsonOfColumns(node: Node | undefined, scope: Scope, ctx: Context): boolean {
  if (node === undefined || !('FuncCall' in node)) return documentValue(node, scope, ctx)?.isJson === true;
  let stored = true;
  visit(node, (kind, body) => {
    if (kind === 'FuncCall') stored &&= MAKES_JSON.has(builtinOf(body as FuncCall, ctx) ?? '');
    else if (kind === 'ColumnRef') stored &&= isStored({ ColumnRef: body } as Node, scope, ctx);
    else if (kind !== 'String' && kind !== 'A_Star') stored &&= kind === 'A_Const' && !isEscaped(body);
  });
  return stored;
}

const isEscaped = (body: unknown) => JSON.stringify(body).includes('u0000');

/** A stored column, or a table's row. */
function isStored(ref: Node, scope: Scope, ctx: Context): boolean {
  const column = referredColumn(ref, scope, ctx);
  if (column?.plain) return true;
  const [name, ...more] = 'ColumnRef' in ref ? nameParts(ref.ColumnRef.fields) : [];
  return more.length === 0 && name !== undefined && scope.item(name)?.relation !== undefined;
}

/** Whether parts of the value can be taken out or set by a place: a stored document, or an object made of values. */
export function isObject(node: Node | undefined, scope: Scope, ctx: Context, depth = 0): boolean {
  if (node === undefined || depth > TOO_DEEP) return false;
  if ('FuncCall' in node) {
    const name = builtinOf(node.FuncCall, ctx) ?? '';
    const [first] = node.FuncCall.args ?? [];
    if (MAKES_OBJECT.has(name)) return true;
    if (name === 'to_json' || name === 'to_jsonb') return shapeOf(first, scope, ctx) === 'row';
    return SETS.has(name) && isObject(first, scope, ctx, depth + 1);
  }
  if ('A_Expr' in node && isRemoval(node.A_Expr, ctx))
    return isObject(node.A_Expr.lexpr, scope, ctx, depth + 1);
  return documentValue(node, scope, ctx)?.isJson === true && isJsonb(node, scope, ctx, depth);
}

/**
 * Whether what is taken out of a column is jsonb, which alone `-` and `#-` take parts from: of a number, a date, an address
 * or an element of an array `-` is another operator, and fails at the ends of its type.
 */
function isJsonb(node: Node | undefined, scope: Scope, ctx: Context, depth: number): boolean {
  if (node === undefined || depth > TOO_DEEP) return false;
  if ('ColumnRef' in node) return referredColumn(node, scope, ctx)?.typeOid === JSONB;
  if ('A_Expr' in node) return isJsonb(node.A_Expr.lexpr, scope, ctx, depth + 1);
  if ('A_Indirection' in node) return isJsonb(node.A_Indirection.arg, scope, ctx, depth + 1);
  if ('TypeCast' in node) return nameParts(node.TypeCast.typeName?.names).at(-1) === 'jsonb';
  return 'FuncCall' in node && (builtinOf(node.FuncCall, ctx)?.startsWith('jsonb_') ?? false);
}

/** `document - 'key'` and `document #- '{place}'`: what stands there is left out. */
export function isRemoval({ kind, name, lexpr, rexpr }: A_Expr, ctx: Context): boolean {
  const operator = nameParts(name).at(-1) ?? '';
  if (kind !== 'AEXPR_OP' || lexpr === undefined || rexpr === undefined) return false;
  if ((operator !== '-' && operator !== '#-') || runsUserOperator(nameParts(name), ctx)) return false;
  return isFixed(rexpr) && !('A_Const' in rexpr && 'ival' in rexpr.A_Const);
}

/** Whether such a removal fails for nothing but the form of a stored document. */
export function removesPlace(expr: A_Expr, scope: Scope, ctx: Context): boolean {
  if (!isRemoval(expr, ctx) || !isObject(expr.lexpr, scope, ctx)) return false;
  return nameParts(expr.name).at(-1) === '-' || isKnownPlace(expr.lexpr, expr.rexpr, scope, ctx);
}

/**
 * One key of an object, or any place of a stored document. What the client makes may hold an array at a place for some
 * values only, and of an array a place is a number or fails.
 */
function isKnownPlace(
  target: Node | undefined,
  path: Node | undefined,
  scope: Scope,
  ctx: Context,
  depth = 0,
): boolean {
  if (target === undefined || path === undefined || depth > TOO_DEEP) return false;
  if ('A_ArrayExpr' in path && (path.A_ArrayExpr.elements?.length ?? 0) <= 1) return true;
  if ('A_Const' in path && /^\{[^,{}"\\]*\}$/.test(constantText(path) ?? '')) return true;
  const within = (inner: Node | undefined) => isKnownPlace(inner, path, scope, ctx, depth + 1);
  if ('A_Const' in target || documentValue(target, scope, ctx)?.isJson) return true;
  if ('A_Expr' in target) return within(target.A_Expr.lexpr);
  // What it is given to set could be told by failing, and is refused there.
  if (!('FuncCall' in target)) return false;
  const name = builtinOf(target.FuncCall, ctx) ?? '';
  const [first, ...more] = target.FuncCall.args ?? [];
  if (SETS.has(name)) return within(first);
  return ROWS.has(name) && more.length === 0 && first !== undefined && isStoredRow(first, scope);
}

const ROWS: ReadonlySet<string> = new Set(['to_json', 'to_jsonb', 'row_to_json']);

/** A row of FROM with nothing in it but stored columns. */
function isStoredRow(ref: Node, scope: Scope): boolean {
  const [name, ...more] = 'ColumnRef' in ref ? nameParts(ref.ColumnRef.fields) : [];
  const item = name === undefined || more.length > 0 ? undefined : scope.item(name);
  return item?.relation !== undefined && item.open === undefined && item.columns.every(({ plain }) => plain);
}

/** Whether jsonb_set or jsonb_insert of this fails for nothing but the form of a stored document. */
export function setsPlaces(name: string, args: readonly Node[], scope: Scope, ctx: Context): boolean {
  const [target, path, , ...flags] = args;
  if (!SETS.has(name) || path === undefined || !isFixed(path) || !flags.every(isFixed)) return false;
  if (!isKnownPlace(target, path, scope, ctx)) return false;
  return (target !== undefined && 'A_Const' in target) || isObject(target, scope, ctx);
}

/** A stored document with some of its places changed, and what they are given. */
export interface EditedDocument {
  readonly column: Column;
  readonly given: readonly Node[];
}

/**
 * `profile || x`, `profile - 'key'`, `jsonb_set(profile, '{a,b}', x)` and what is put together of these: whatever of the
 * document is not named stays under the keys where it was. Undefined for anything else.
 */
export function editedDocument(
  node: Node | undefined,
  scope: Scope,
  ctx: Context,
  depth = 0,
): EditedDocument | undefined {
  if (node === undefined || depth > TOO_DEEP) return undefined;
  const of = (inner: Node | undefined) => editedDocument(inner, scope, ctx, depth + 1);
  if ('ColumnRef' in node) {
    const column = referredColumn(node, scope, ctx);
    return column?.plain && column.typeOid === JSONB ? { column, given: [] } : undefined;
  }
  if ('CoalesceExpr' in node)
    return giving(of(node.CoalesceExpr.args?.[0]), node.CoalesceExpr.args?.slice(1));
  if ('FuncCall' in node) {
    const [target, path, ...rest] = node.FuncCall.args ?? [];
    if (!SETS.has(builtinOf(node.FuncCall, ctx) ?? '') || path === undefined || !isFixed(path))
      return undefined;
    return giving(of(target), rest);
  }
  if (!('A_Expr' in node)) return undefined;
  const { name, lexpr, rexpr, kind } = node.A_Expr;
  if (isRemoval(node.A_Expr, ctx)) return of(lexpr);
  if (kind !== 'AEXPR_OP' || nameParts(name).at(-1) !== '||' || runsUserOperator(nameParts(name), ctx))
    return undefined;
  return giving(of(lexpr), rexpr ? [rexpr] : []);
}

function giving(
  edited: EditedDocument | undefined,
  more: readonly Node[] | undefined,
): EditedDocument | undefined {
  return edited && { ...edited, given: [...edited.given, ...(more ?? [])] };
}
