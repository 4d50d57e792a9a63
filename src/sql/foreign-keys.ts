import type { CatalogRelation } from './catalog.ts';
import type { Context } from './context.ts';
import { displayName, relationObject } from './names.ts';
import { noteTableCode } from './table-code.ts';

/**
 * What foreign keys write when rows of a table go (`delete`) or change in these columns (`update`; none named: any).
 * PostgreSQL docs 5.5.5.
 */
export function noteCascades(
  relation: CatalogRelation,
  event: 'delete' | 'update',
  columns: readonly string[],
  ctx: Context,
  seen: Set<number> = new Set(),
): void {
  if (ctx.planOnly || seen.has(relation.oid)) return;
  seen.add(relation.oid);
  const via = displayName(relation, ctx);
  for (const key of ctx.catalog.referencing(relation.oid)) {
    const action = event === 'delete' ? key.onDelete : key.onUpdate;
    const child = ctx.catalog.relationByOid(key.tableOid);
    if (action === 'none' || child === undefined) continue;
    const touched = relation.columns.filter(({ number }) => key.referredColumns.includes(number));
    if (event === 'update' && columns.length > 0 && !touched.some(({ name }) => columns.includes(name)))
      continue;
    const goes = event === 'delete' && action === 'cascade';
    ctx.out.act('write', goes ? 'DELETE' : 'UPDATE', relationObject(child, ctx, via));
    noteTableCode(child, ctx);
    noteCascades(child, goes ? 'delete' : 'update', [], ctx, seen);
  }
}

/** TRUNCATE … CASCADE empties every table that refers to this one, and those that refer to them. */
export function referringTables(relation: CatalogRelation, ctx: Context): CatalogRelation[] {
  const found = new Map<number, CatalogRelation>([[relation.oid, relation]]);
  for (const one of found.values()) {
    for (const { tableOid } of ctx.catalog.referencing(one.oid)) {
      const child = ctx.catalog.relationByOid(tableOid);
      if (child) found.set(child.oid, child);
    }
  }
  return [...found.values()].slice(1);
}
