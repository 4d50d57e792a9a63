import type { JoinExpr, JsonTable, Node, RangeFunction, RangeSubselect, RangeTableFunc } from 'libpg-query';
import { functionBody } from './bodies.ts';
import { DOCUMENT_ROWS, ONE_COLUMN } from './builtins/total-functions.ts';
import type { CatalogFunction } from './catalog.ts';
import type { Context } from './context.ts';
import { SHAPE, under } from './document-path.ts';
import { documentValue, pathKeys } from './documents.ts';
import { expression, expressions } from './expressions.ts';
import type { Source } from './facts.ts';
import { callFunction, callJsonSyntax } from './functions.ts';
import { join } from './joins.ts';
import { resolveFunctions } from './names.ts';
import { querySelect } from './queries.ts';
import { readRelation } from './relations.ts';
import {
  type Column,
  type ColumnList,
  type RangeItem,
  rename,
  Scope,
  sourcesOf,
  union,
  withoutEntries,
  withoutOrigin,
} from './scope.ts';
import { bodyOf, constantText, kindOf, nameParts } from './tree.ts';
import { useType } from './types.ts';

/** One member of a FROM list: what can be named in it, and the columns it adds to `*`. */
export interface FromMember extends ColumnList {
  readonly items: readonly RangeItem[];
}

/** Reads a FROM list into `scope`; each member sees those before it where the server lets it (LATERAL, functions). */
export function fromClause(members: readonly Node[], scope: Scope, ctx: Context): void {
  for (const member of members) {
    const { items, ...list } = fromMember(member, scope, ctx);
    scope.add(items, list);
  }
}

export function fromMember(node: Node, scope: Scope, ctx: Context): FromMember {
  const body = bodyOf(node);
  switch (kindOf(node)) {
    case 'RangeVar':
      return single(rangeVar(node, scope, ctx));
    case 'RangeSubselect':
      return single(subselect(body as RangeSubselect, scope, ctx));
    case 'RangeFunction':
      return single(rangeFunction(body as RangeFunction, scope, ctx));
    case 'JoinExpr':
      return join(body as JoinExpr, scope, ctx);
    case 'RangeTableSample': {
      const sample = body as { relation?: Node; method?: Node[]; args?: Node[]; repeatable?: Node };
      callFunction(nameParts(sample.method), [{ A_Const: {} } as Node], ctx);
      expressions(sample.args, scope, { kind: 'rows' }, ctx);
      expression(sample.repeatable, scope, { kind: 'rows' }, ctx);
      return sample.relation ? fromMember(sample.relation, scope, ctx) : single(openItem('', []));
    }
    case 'RangeTableFunc':
      return single(xmlTable(body as RangeTableFunc, scope, ctx));
    case 'JsonTable':
      return single(jsonTable(body as JsonTable, scope, ctx));
    default:
      ctx.out.unknown(`${kindOf(node)} in FROM is not known`, 'SELECT');
      return single(openItem('', []));
  }
}

const single = (item: RangeItem): FromMember => ({
  items: [item],
  columns: item.columns,
  ...(item.open ? { open: item.open } : {}),
});

const openItem = (alias: string, sources: readonly string[]): RangeItem => ({
  alias,
  columns: [],
  open: sources,
  wholeRow: sources,
});

function rangeVar(node: Node, scope: Scope, ctx: Context): RangeItem {
  const rv = 'RangeVar' in node ? node.RangeVar : {};
  // Common table expressions hide tables, but only from unqualified names.
  const cte = rv.schemaname === undefined ? scope.cte(rv.relname ?? '') : undefined;
  if (!cte) return readRelation(rv, ctx);
  return named(
    rv.alias?.aliasname ?? rv.relname ?? '',
    rename(withoutEntries(cte.list), nameParts(rv.alias?.colnames)),
  );
}

function named(alias: string, list: ColumnList): RangeItem {
  return { alias, ...list, wholeRow: sourcesOf(list) };
}

function subselect(body: RangeSubselect, scope: Scope, ctx: Context): RangeItem {
  if (!body.subquery) return openItem('', []);
  // CTEs are in sight either way; columns of earlier members only with LATERAL.
  const outer = body.lateral ? scope : withoutItems(scope);
  const list = withoutEntries(querySelect(body.subquery, outer, ctx));
  return named(body.alias?.aliasname ?? '', rename(list, nameParts(body.alias?.colnames)));
}

function withoutItems(scope: Scope): Scope {
  const bare = new Scope(scope.parent);
  for (const [name, cte] of scope.ctes) bare.ctes.set(name, cte);
  return bare;
}

/** Columns of one function of FROM, and what they may be derived from. */
interface CallColumns extends ColumnList {
  readonly sources: readonly Source[];
}

function rangeFunction(body: RangeFunction, scope: Scope, ctx: Context): RangeItem {
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
  const flow = { transformed: false };
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
    return [{ name: alias ?? fn.name, sources, plain: false }];
  }
  const body = fn.language === 'sql' ? functionBody(fn, ctx).outputs : undefined;
  const byPlace =
    body?.open === undefined && body?.columns.length === names.length ? body.columns : undefined;
  return names.map((name, i) => {
    const column = byPlace?.[i];
    return column ? { ...withoutOrigin(column), name } : { name, sources, plain: false };
  });
}

function xmlTable(body: RangeTableFunc, scope: Scope, ctx: Context): RangeItem {
  const sources = new Set<string>();
  const use = { kind: 'rows' as const, sources };
  expression(body.docexpr, scope, use, ctx);
  expression(body.rowexpr, scope, use, ctx);
  expressions(body.namespaces, scope, use, ctx);
  expressions(body.columns, scope, use, ctx);
  const columns = (body.columns ?? []).map((column) => ({
    name: 'RangeTableFuncCol' in column ? (column.RangeTableFuncCol.colname ?? '') : '',
    sources: [...sources],
    plain: false,
  }));
  return named(body.alias?.aliasname ?? 'xmltable', rename({ columns }, nameParts(body.alias?.colnames)));
}

function jsonTable(body: JsonTable, scope: Scope, ctx: Context): RangeItem {
  callJsonSyntax('JsonTable', ctx);
  const columns: Column[] = [];
  const alias = body.alias?.aliasname ?? 'json_table';
  const document = documentValue(body.context_item?.raw_expr, scope, ctx);
  const root = pathKeys(constantText(body.pathspec?.string));
  if (document?.isJson && root && !body.passing?.length && !body.on_error) {
    const rows = document.sources.map((source) => under(source, ...root));
    if (pathColumns(body.columns, rows, columns, ctx)) {
      ctx.out.useAll(
        rows.map((source) => under(source, SHAPE)),
        'rows',
      );
      return named(alias, rename({ columns }, nameParts(body.alias?.colnames)));
    }
    columns.length = 0;
  }
  const behind = new Set<Source>();
  const whole = { JsonTable: { ...body, alias: undefined } } as unknown as Node;
  expressions([whole], scope, { kind: 'rows', sources: behind }, ctx);
  collectJsonColumns(body.columns, [...behind], columns);
  return named(alias, rename({ columns }, nameParts(body.alias?.colnames)));
}

/** Columns by plain paths below the row's; false where one is anything else. */
function pathColumns(
  nodes: readonly Node[] | undefined,
  rows: readonly Source[],
  into: Column[],
  ctx: Context,
): boolean {
  for (const node of nodes ?? []) {
    if (!('JsonTableColumn' in node)) return false;
    const column = node.JsonTableColumn;
    if (column.typeName) useType(column.typeName, ctx);
    if (column.coltype === 'JTC_FOR_ORDINALITY') {
      into.push({ name: column.name ?? '', sources: [], plain: false });
      continue;
    }
    const name = column.name ?? '';
    const text = constantText(column.pathspec?.string);
    const keys = column.pathspec === undefined ? [name] : pathKeys(text);
    if (keys === undefined || column.on_empty || column.on_error) return false;
    const sources = rows.map((source) => under(source, ...keys));
    if (column.coltype !== 'JTC_NESTED') {
      into.push({ name, sources, plain: false, carried: true });
      continue;
    }
    ctx.out.useAll(
      sources.map((source) => under(source, SHAPE)),
      'rows',
    );
    if (!pathColumns(column.columns, sources, into, ctx)) return false;
  }
  return true;
}

function collectJsonColumns(
  nodes: readonly Node[] | undefined,
  sources: readonly string[],
  into: Column[],
): void {
  for (const node of nodes ?? []) {
    if (!('JsonTableColumn' in node)) continue;
    const column = node.JsonTableColumn;
    if (column.coltype === 'JTC_NESTED') collectJsonColumns(column.columns, sources, into);
    else into.push({ name: column.name ?? '', sources, plain: false });
  }
}
