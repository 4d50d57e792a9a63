import type { OnConflictClause } from 'libpg-query';
import type { Context } from './context.ts';
import { assignments, targetNames } from './dml.ts';
import { expression } from './expressions.ts';
import { noteCascades } from './foreign-keys.ts';
import { relationObject } from './names.ts';
import { type ColumnList, columnNamed, type RangeItem, Scope, sourcesOf, withoutOrigin } from './scope.ts';
import { writing } from './written-relations.ts';

/** EXCLUDED: the row that the client proposed, each column derived from what the query hands to it. */
export function proposedRow(given: ColumnList, target: RangeItem, assigned: readonly string[]): RangeItem {
  const into = assigned.length > 0 ? assigned : target.columns.map((column) => column.name);
  const columns = target.columns.map(({ name }) => {
    const column = given.columns[into.indexOf(name)];
    return { ...(column ? withoutOrigin(column) : { sources: given.open ?? [], plain: false }), name };
  });
  return {
    alias: 'excluded',
    columns,
    wholeRow: sourcesOf(given),
    ...(target.open || given.open ? { open: sourcesOf(given) } : {}),
  };
}

/** ON CONFLICT: what it infers and compares, and the update it may make of the row that is there. */
export function onConflict(
  clause: OnConflictClause,
  target: RangeItem,
  proposed: RangeItem,
  rows: Scope,
  ctx: Context,
): void {
  const predicate = { kind: 'predicate' as const };
  for (const element of clause.infer?.indexElems ?? []) {
    if (!('IndexElem' in element)) continue;
    const column =
      element.IndexElem.name === undefined ? undefined : columnNamed(target, element.IndexElem.name);
    if (column) ctx.out.useAll(column.sources, 'equality');
    expression(element.IndexElem.expr, rows, predicate, ctx);
  }
  expression(clause.infer?.whereClause, rows, predicate, ctx);
  if (clause.action !== 'ONCONFLICT_UPDATE') return;
  if (target.relation) {
    ctx.out.act(writing(ctx), 'UPDATE', relationObject(target.relation, ctx));
    noteCascades(target.relation, 'update', targetNames(clause.targetList), ctx);
  }
  const scope = new Scope(rows);
  scope.items.push(target, proposed);
  assignments(clause.targetList, target, scope, ctx);
  expression(clause.whereClause, scope, predicate, ctx);
}
