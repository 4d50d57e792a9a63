import type { Node, RangeFunction } from 'libpg-query';
import { functionBody } from './bodies.ts';
import { DOCUMENT_ROWS, ONE_COLUMN } from './builtins/total-functions.ts';
import type { CatalogFunction } from './catalog.ts';
import type { Context } from './context.ts';
import { SHAPE, under } from './document-path.ts';
import { documentValue } from './documents.ts';
import { expression } from './expressions.ts';
import type { Source } from './facts.ts';
import { resolveFunctions } from './names.ts';
import {
  type Column,
  type ColumnList,
  type RangeItem,
  rename,
  type Scope,
  union,
  withoutOrigin,
} from './scope.ts';
import { kindOf, nameParts } from './tree.ts';
import { useType } from './types.ts';

/** Columns of one function of FROM, and what they may be derived from. */
interface CallColumns extends ColumnList {
  readonly sources: readonly Source[];
}

/** Functions in FROM, `ROWS FROM (…)` too. */
export function rangeFunction(body: RangeFunction, scope: Scope, ctx: Context): RangeItem {
  const all = new Set<Source>();
  const columns: Column[] = [];
  let open: readonly Source[] | undefined;
  let name = '';
  for (const entry of body.functions ?? []) {
    const [call, definitions] = 'List' in entry ? (entry.List.items ?? []) : [entry];
    if (!call) continue;
    if (definitions && kindOf(definitions) !== '') expression(definitions, scope, { kind: 'other' }, ctx);
    if ('FuncCall' in call) name = nameParts(call.FuncCall.funcname).at(-1) ?? '';
    const given = callColumns(call, body.alias?.aliasname, scope, ctx);
    for (const source of given.sources) all.add(source);
    columns.push(...given.columns);
    if (given.open) open = union(open ?? [], given.open);
  }
  if (body.coldeflist) {
    columns.length = 0;
    open = undefined;
  }
  for (const definition of body.coldeflist ?? []) {
    if (!('ColumnDef' in definition)) continue;
    if (definition.ColumnDef.typeName) useType(definition.ColumnDef.typeName, ctx);
    columns.push({ name: definition.ColumnDef.colname ?? '', sources: [...all], plain: false });
  }
  if (body.ordinality) columns.push({ name: 'ordinality', sources: [], plain: false });
  const list = rename({ columns, ...(open ? { open } : {}) }, nameParts(body.alias?.colnames));
  return { alias: body.alias?.aliasname ?? name, ...list, wholeRow: [...all] };
}

/** Arguments decide how many rows there are, but for those of a document's own elements. */
function callColumns(call: Node, alias: string | undefined, scope: Scope, ctx: Context): CallColumns {
  const parts = 'FuncCall' in call ? nameParts(call.FuncCall.funcname) : [];
  const args = 'FuncCall' in call ? (call.FuncCall.args ?? []) : [];
  const name = parts.at(-1) ?? '';
  const found = resolveFunctions(parts, args.length, ctx);
  const builtin = found.candidates.length === 0 && !found.opaque ? found.builtin : undefined;
  const document = builtin === undefined ? undefined : documentValue(args[0], scope, ctx);
  if (
    builtin !== undefined &&
    document?.isJson &&
    (DOCUMENT_ROWS[builtin] || builtin === 'jsonb_path_query')
  ) {
    return documentColumns(builtin, call, document.sources, alias, scope, ctx);
  }
  const sources = new Set<Source>();
  const flow = { transformed: false, vanishes: false, copies: 0 };
  expression(call, scope, { kind: builtin === undefined ? 'computed' : 'rows', sources, flow }, ctx);
  const all = [...sources];
  const [candidate, ...others] = found.candidates;
  if (
    builtin !== undefined &&
    (ONE_COLUMN.has(name) || DOCUMENT_ROWS[name]) &&
    args.length <= (name === 'unnest' ? 1 : 9)
  ) {
    const names = DOCUMENT_ROWS[name] ?? [alias ?? name];
    return { sources: all, columns: names.map((one) => ({ name: one, sources: all, plain: false })) };
  }
  const columns = candidate && others.length === 0 ? functionColumns(candidate, all, alias, ctx) : undefined;
  return columns ? { sources: all, columns } : { sources: all, columns: [], open: all };
}

function documentColumns(
  name: string,
  call: Node,
  sources: readonly Source[],
  alias: string | undefined,
  scope: Scope,
  ctx: Context,
): CallColumns {
  const shape = sources.map((source) => under(source, SHAPE));
  ctx.out.functions.add(`pg_catalog.${name}`);
  const path = documentValue(call, scope, ctx);
  if (name === 'jsonb_path_query') {
    // One row for each element that a plain path reaches.
    if (path === undefined) ctx.out.useAll(sources, 'rows');
    else ctx.out.useAll(shape, 'rows');
    return {
      sources,
      columns: [
        {
          name: alias ?? name,
          sources: path?.sources ?? sources,
          plain: false,
          document: path !== undefined,
        },
      ],
    };
  }
  ctx.out.useAll(shape, 'rows');
  const isJson = !name.endsWith('_text');
  const isArray = name.includes('array');
  const of = {};
  const columns = (DOCUMENT_ROWS[name] ?? []).map((column): Column => {
    const entry = { of, is: column };
    if (column === 'key') return { name: column, sources: shape, plain: false, entry };
    // An array's elements lie under the array's own key; an object's under keys that only the rows know.
    return {
      name: column,
      sources,
      plain: false,
      carried: true,
      ...(isArray ? {} : { entry }),
      ...(isArray && isJson ? { document: true } : {}),
    };
  });
  return { sources, columns };
}

/** Columns of a function whose result's shape the catalog tells. */
function functionColumns(
  fn: CatalogFunction,
  sources: readonly Source[],
  alias: string | undefined,
  ctx: Context,
): Column[] | undefined {
  const outputs = (fn.parameters ?? []).filter((parameter) => parameter.output);
  const relationOid = ctx.catalog.typeByOid(fn.returnTypeOid)?.relationOid ?? 0;
  const relation = relationOid === 0 ? undefined : ctx.catalog.relationByOid(relationOid);
  const names =
    outputs.length > 0 ? outputs.map((one) => one.name) : relation?.columns.map((one) => one.name);
  if (names === undefined) {
    // record: only a column list would tell. Anything else is one value.
    if (fn.returnTypeOid === 2249 || fn.returnTypeOid === 0) return undefined;
    return [{ name: alias ?? fn.name, sources, plain: false, vanishes: true }];
  }
  const body = fn.language === 'sql' ? functionBody(fn, ctx).outputs : undefined;
  const byPlace =
    body?.open === undefined && body?.columns.length === names.length ? body.columns : undefined;
  return names.map((name, i) => {
    const column = byPlace?.[i];
    return column ? { ...withoutOrigin(column), name } : { name, sources, plain: false, vanishes: true };
  });
}
