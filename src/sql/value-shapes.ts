import type { A_Expr, A_Indirection, FuncCall, Node, SubLink, TypeCast } from 'libpg-query';
import { referredColumn } from './column-references.ts';
import type { Context } from './context.ts';
import { resolveFunctions, resolveType } from './names.ts';
import type { Scope, Shape } from './scope.ts';
import { nameParts } from './tree.ts';

/**
 * Values that hold others may fail where single ones cannot: arrays of different lengths do not go into one array, rows
 * are compared field by field until a type without an order. Which of the two an expression may give; undefined for a
 * single value. Source: PostgreSQL docs 8.15.4, 9.25.5 and record_cmp in rowtypes.c.
 */
export function shapeOf(node: Node | undefined, scope: Scope, ctx: Context, depth = 0): Shape | undefined {
  if (node === undefined) return undefined;
  // What nobody looks at may be anything.
  if (depth > 64) return 'array';
  const of = (inner: Node | undefined) => shapeOf(inner, scope, ctx, depth + 1);
  const any = (nodes: readonly Node[] | undefined) => firstShape((nodes ?? []).map(of));
  if ('A_ArrayExpr' in node) return 'array';
  if ('RowExpr' in node) return 'row';
  if ('ColumnRef' in node) {
    const column = referredColumn(node, scope, ctx);
    return column?.shape ?? shapeOfType(column?.typeOid ?? 0, ctx);
  }
  if ('FuncCall' in node) return ofCall(node.FuncCall, any, ctx);
  if ('TypeCast' in node) return ofCast(node.TypeCast, ctx);
  if ('SubLink' in node) return ofSubLink(node.SubLink);
  if ('A_Indirection' in node) return ofIndirection(node.A_Indirection, of);
  if ('A_Expr' in node) return ofOperation(node.A_Expr, any);
  if ('CoalesceExpr' in node) return any(node.CoalesceExpr.args);
  if ('MinMaxExpr' in node) return any(node.MinMaxExpr.args);
  if ('CollateClause' in node) return of(node.CollateClause.arg);
  if ('CaseExpr' in node) {
    const results = (node.CaseExpr.args ?? []).map((one) =>
      'CaseWhen' in one ? of(one.CaseWhen.result) : undefined,
    );
    return firstShape([...results, of(node.CaseExpr.defresult)]);
  }
  return undefined;
}

const firstShape = (shapes: readonly (Shape | undefined)[]) => shapes.find((shape) => shape !== undefined);

/** Functions of pg_catalog whose value is an array. */
const ARRAY_MAKERS: ReadonlySet<string> = new Set(
  `string_to_array array_agg array_append array_prepend array_cat array_remove array_replace array_fill trim_array
  array_sample array_shuffle array_sort array_reverse regexp_split_to_array regexp_match regexp_matches xpath
  percentile_disc percentile_cont parse_ident tsvector_to_array`.split(/\s+/u),
);
/** Functions that give one of the values they are given. */
const PASSING: ReadonlySet<string> = new Set([
  ...['first_value', 'last_value', 'nth_value', 'lag', 'lead'],
  ...['any_value', 'mode', 'min', 'max', 'unnest', 'coalesce'],
]);

function ofCall(
  call: FuncCall,
  any: (nodes: readonly Node[] | undefined) => Shape | undefined,
  ctx: Context,
): Shape | undefined {
  const parts = nameParts(call.funcname);
  const { candidates } = resolveFunctions(parts, undefined, ctx);
  const [shape] = candidates.map((one) => shapeOfType(one.returnTypeOid, ctx)).filter((one) => one);
  if (shape) return shape;
  const name = parts.at(-1) ?? '';
  if (ARRAY_MAKERS.has(name)) return 'array';
  if (!PASSING.has(name)) return undefined;
  return (
    any(call.args) ?? any((call.agg_order ?? []).flatMap((one) => ('SortBy' in one && one.SortBy.node) || []))
  );
}

function ofCast({ typeName }: TypeCast, ctx: Context): Shape | undefined {
  const name = nameParts(typeName?.names).at(-1) ?? '';
  if ((typeName?.arrayBounds?.length ?? 0) > 0 || name.startsWith('_')) return 'array';
  if (name === 'record') return 'row';
  return shapeOfType(resolveType(typeName?.names, ctx)?.oid ?? 0, ctx);
}

const shapes = new WeakMap<SubLink, Shape>();

/** Keeps what a sub-select in an expression gives, for whoever asks for the expression's shape. */
export function rememberShape(link: SubLink, shape: Shape | undefined): void {
  if (shape) shapes.set(link, shape);
}

function ofSubLink(link: SubLink): Shape | undefined {
  return link.subLinkType === 'ARRAY_SUBLINK' ? 'array' : shapes.get(link);
}

function ofIndirection(
  { arg, indirection }: A_Indirection,
  of: (node: Node | undefined) => Shape | undefined,
): Shape | undefined {
  const last = indirection?.at(-1);
  if (last === undefined) return of(arg);
  // A field of a row may be an array.
  if (!('A_Indices' in last)) return 'array';
  return last.A_Indices.is_slice ? 'array' : undefined;
}

function ofOperation(
  { kind, name, lexpr, rexpr }: A_Expr,
  any: (nodes: readonly Node[] | undefined) => Shape | undefined,
): Shape | undefined {
  if (kind === 'AEXPR_NULLIF') return any(lexpr ? [lexpr] : []);
  if (kind !== 'AEXPR_OP' || nameParts(name).at(-1) !== '||') return undefined;
  return any([lexpr, rexpr].filter((one) => one !== undefined));
}

/** Array types of pg_catalog for those columns most often have (pg_type.dat). */
const ARRAY_OIDS: ReadonlySet<number> = new Set([
  ...[
    143, 199, 271, 629, 651, 719, 775, 791, 1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011,
  ],
  ...[
    1012, 1013, 1014, 1015, 1016, 1017, 1018, 1019, 1020, 1021, 1022, 1027, 1028, 1034, 1040, 1041, 1115,
    1182,
  ],
  ...[
    1183, 1185, 1187, 1231, 1263, 1270, 1561, 1563, 2201, 2207, 2208, 2209, 2210, 2211, 2949, 2951, 3221,
    3643,
  ],
  ...[
    3644, 3645, 3735, 3770, 3807, 3905, 3907, 3909, 3911, 3913, 3927, 4073, 4090, 4097, 4192, 5039, 6150,
    6151,
  ],
  ...[6152, 6153, 6155, 6157],
]);
/** `record` and `record[]`. */
const RECORD = 2249;
const RECORDS = 2287;

/** The same of a type, by its OID. */
export function shapeOfType(oid: number, ctx: Context): Shape | undefined {
  if (oid === 0) return undefined;
  if (oid === RECORD) return 'row';
  if (oid === RECORDS || ARRAY_OIDS.has(oid)) return 'array';
  const type = ctx.catalog.typeByOid(oid);
  if (type === undefined) return undefined;
  if (type.kind === 'composite') return 'row';
  if (type.kind === 'domain') return shapeOfType(type.baseTypeOid, ctx);
  // An array type's element stands where a domain's base does.
  return type.kind === 'base' && type.baseTypeOid !== 0 ? 'array' : undefined;
}
