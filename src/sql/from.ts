import type { JoinExpr, JsonTable, Node, RangeFunction, RangeSubselect, RangeTableFunc } from 'libpg-query';
import type { Context } from './context.ts';
import { jsonTable, xmlTable } from './document-tables.ts';
import { expression, expressions } from './expressions.ts';
import { rangeFunction } from './function-rows.ts';
import { callFunction } from './functions.ts';
import { join } from './joins.ts';
import { querySelect } from './queries.ts';
import { readRelation } from './relations.ts';
import { aliased, type ColumnList, type RangeItem, Scope, withoutEntries } from './scope.ts';
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

/** Reads one member of a FROM list; what it may name is in `scope`. */
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
  const alias = rv.alias?.aliasname ?? rv.relname ?? '';
  return aliased(alias, withoutEntries(cte.list), nameParts(rv.alias?.colnames));
}

function subselect(body: RangeSubselect, scope: Scope, ctx: Context): RangeItem {
  if (!body.subquery) return openItem('', []);
  // CTEs are in sight either way; columns of earlier members only with LATERAL.
  const outer = body.lateral ? scope : withoutItems(scope);
  const list = withoutEntries(querySelect(body.subquery, outer, ctx));
  return aliased(body.alias?.aliasname ?? '', list, nameParts(body.alias?.colnames));
}

function withoutItems(scope: Scope): Scope {
  const bare = new Scope(scope.parent);
  for (const [name, cte] of scope.ctes) bare.ctes.set(name, cte);
  return bare;
}
