import type { JoinExpr } from 'libpg-query';
import type { Context } from './context.ts';
import { expression } from './expressions.ts';
import { type FromMember, fromMember } from './from.ts';
import { useOperator } from './operators.ts';
import { type Column, columnNamed, type RangeItem, rename, Scope, sourcesOf, union } from './scope.ts';
import { nameParts } from './tree.ts';

/** A join: both sides, its condition, and the columns of JOIN USING and NATURAL merged as the server merges them. */
export function join(node: JoinExpr, scope: Scope, ctx: Context): FromMember {
  const empty: FromMember = { items: [], columns: [] };
  const left = node.larg ? fromMember(node.larg, scope, ctx) : empty;
  // The right side may look at the left one (LATERAL, functions).
  const besides = new Scope(scope.parent);
  for (const [name, cte] of scope.ctes) besides.ctes.set(name, cte);
  besides.add(scope.items, scope);
  besides.add(left.items, left);
  const right = node.rarg ? fromMember(node.rarg, besides, ctx) : empty;
  const on = new Scope(besides);
  on.add(left.items, left);
  on.add(right.items, right);
  expression(node.quals, on, { kind: 'predicate' }, ctx);

  const merged = mergedColumns(node, left, right, ctx);
  const names = new Set(merged.map((column) => column.name));
  const rest = (side: FromMember) => side.columns.filter((column) => !names.has(column.name));
  const open = left.open || right.open ? union(left.open ?? [], right.open ?? []) : undefined;
  const list = { columns: [...merged, ...rest(left), ...rest(right)], ...(open ? { open } : {}) };
  const items: RangeItem[] = [...left.items, ...right.items];
  if (node.join_using_alias?.aliasname !== undefined) {
    items.push({
      alias: node.join_using_alias.aliasname,
      columns: merged,
      wholeRow: sourcesOf({ columns: merged }),
    });
  }
  if (node.alias?.aliasname === undefined) return { items, ...list };
  // An alias on the join hides the names within it.
  const renamed = rename(list, nameParts(node.alias.colnames));
  return { items: [{ alias: node.alias.aliasname, ...renamed, wholeRow: sourcesOf(renamed) }], ...renamed };
}

function mergedColumns(node: JoinExpr, left: FromMember, right: FromMember, ctx: Context): Column[] {
  const names = node.isNatural
    ? left.columns.map((column) => column.name).filter((name) => columnNamed(right, name))
    : nameParts(node.usingClause);
  if (names.length > 0) useOperator(['='], ctx);
  return names.map((name) => {
    const a = columnNamed(left, name);
    const b = columnNamed(right, name);
    const sources = union(a?.sources ?? left.open ?? [], b?.sources ?? right.open ?? []);
    if (!sameOrigin(a, b)) {
      if (a?.plain) ctx.out.useAll(a.sources, 'join', b?.sources ?? []);
      if (b?.plain) ctx.out.useAll(b.sources, 'join', a?.sources ?? []);
      if (!a?.plain || !b?.plain) ctx.out.useAll(sources, 'predicate');
    }
    // FULL JOIN merges with COALESCE, and the server then names no origin.
    if (node.jointype === 'JOIN_FULL' || !a || !b)
      return { name, sources, plain: false, carried: (a?.plain ?? false) && (b?.plain ?? false) };
    const shown = node.jointype === 'JOIN_RIGHT' ? b : a;
    return { ...shown, name };
  });
}

/** A column joined with itself (a view's or a copy's) tells nothing but that it equals itself. */
function sameOrigin(a: Column | undefined, b: Column | undefined): boolean {
  if (!a?.plain || !b?.plain) return false;
  const base = a.sources.at(-1);
  return base !== undefined && base === b.sources.at(-1);
}
