import type { JoinExpr, JsonTable, Node, RangeFunction, RangeSubselect, RangeTableFunc } from 'libpg-query';
import type { Context } from './context.ts';
import { expression, expressions } from './expressions.ts';
import { callFunction, callJsonSyntax, useType } from './functions.ts';
import { join } from './joins.ts';
import { querySelect } from './queries.ts';

import { readRelation } from './relations.ts';
import { type Column, type ColumnList, type RangeItem, rename, Scope, sourcesOf } from './scope.ts';
import { bodyOf, kindOf, nameParts } from './tree.ts';

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
      expressions(sample.args, scope, { kind: 'expression' }, ctx);
      expression(sample.repeatable, scope, { kind: 'expression' }, ctx);
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
  return named(rv.alias?.aliasname ?? rv.relname ?? '', rename(cte.list, nameParts(rv.alias?.colnames)));
}

function named(alias: string, list: ColumnList): RangeItem {
  return { alias, ...list, wholeRow: sourcesOf(list) };
}

function subselect(body: RangeSubselect, scope: Scope, ctx: Context): RangeItem {
  if (!body.subquery) return openItem('', []);
  // CTEs are in sight either way; columns of earlier members only with LATERAL.
  const outer = body.lateral ? scope : withoutItems(scope);
  const list = querySelect(body.subquery, outer, ctx);
  return named(body.alias?.aliasname ?? '', rename(list, nameParts(body.alias?.colnames)));
}

function withoutItems(scope: Scope): Scope {
  const bare = new Scope(scope.parent);
  for (const [name, cte] of scope.ctes) bare.ctes.set(name, cte);
  return bare;
}

function rangeFunction(body: RangeFunction, scope: Scope, ctx: Context): RangeItem {
  const sources = new Set<string>();
  const columns: Column[] = [];
  let open = false;
  let name = '';
  for (const entry of body.functions ?? []) {
    const [call, definitions] = 'List' in entry ? (entry.List.items ?? []) : [entry];
    if (!call) continue;
    expression(call, scope, { kind: 'expression', sources }, ctx);
    if (definitions && kindOf(definitions) !== '')
      expression(definitions, scope, { kind: 'expression' }, ctx);
    if ('FuncCall' in call) name = nameParts(call.FuncCall.funcname).at(-1) ?? '';
    open = true;
  }
  for (const definition of body.coldeflist ?? []) {
    if (!('ColumnDef' in definition)) continue;
    if (definition.ColumnDef.typeName) useType(definition.ColumnDef.typeName, ctx);
    columns.push({ name: definition.ColumnDef.colname ?? '', sources: [...sources], plain: false });
  }
  // Arguments were counted where they stand; a function's result is derived from them and from what it reads.
  const list = rename(
    { columns, ...(open && columns.length === 0 ? { open: [...sources] } : {}) },
    nameParts(body.alias?.colnames),
  );
  return { alias: body.alias?.aliasname ?? name, ...list, wholeRow: [...sources] };
}

function xmlTable(body: RangeTableFunc, scope: Scope, ctx: Context): RangeItem {
  const sources = new Set<string>();
  const use = { kind: 'expression' as const, sources };
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
  const sources = new Set<string>();
  expressions(
    [{ JsonTable: { ...body, alias: undefined } } as unknown as Node],
    scope,
    { kind: 'expression', sources },
    ctx,
  );
  const columns: Column[] = [];
  collectJsonColumns(body.columns, [...sources], columns);
  return named(body.alias?.aliasname ?? 'json_table', rename({ columns }, nameParts(body.alias?.colnames)));
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
