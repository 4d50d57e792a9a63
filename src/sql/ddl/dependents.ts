import type { ObjectType } from 'libpg-query';
import type { CatalogRelation } from '../catalog.ts';
import type { Context } from '../context.ts';
import { displayName, relationObject } from '../names.ts';
import { descendants } from '../scope.ts';
import { viewFacts } from '../views.ts';
import { definitionEffect, isRelation, objectWords } from './words.ts';

/** An index is its table's: whoever keeps the table keeps it. */
export function noteIndexTable(
  relation: CatalogRelation,
  command: string,
  effect: 'ddl' | 'admin',
  ctx: Context,
): void {
  const table = relation.tableOid === undefined ? undefined : ctx.catalog.relationByOid(relation.tableOid);
  if (table) ctx.out.act(effect, command, relationObject(table, ctx, displayName(relation, ctx)));
}

/** A change of a table's columns or constraints is made to the tables that inherit from it, too. */
export function noteHeirs(relation: CatalogRelation, command: string, suffix: string, ctx: Context): void {
  for (const heir of descendants(relation, ctx.catalog)) {
    ctx.out.act('ddl', command, relationObject(heir, ctx, displayName(relation, ctx)), undefined, suffix);
  }
}

/**
 * What goes or loses a part along with a relation: its partitions, and with CASCADE the tables that inherit from it or
 * refer to it and the views over any of them.
 */
export function noteDropped(relation: CatalogRelation, cascade: boolean, ctx: Context): void {
  const via = displayName(relation, ctx);
  const gone = new Map<string, CatalogRelation>([[via, relation]]);
  if (relation.kind === 'partitioned-table' || cascade) {
    for (const heir of descendants(relation, ctx.catalog)) gone.set(`${heir.schema}.${heir.name}`, heir);
  }
  if (cascade) addViews(gone, ctx);
  for (const one of gone.values()) {
    if (one !== relation) ctx.out.act('ddl', 'DROP', relationObject(one, ctx, via));
    if (!cascade) continue;
    for (const { tableOid } of ctx.catalog.referencing(one.oid)) {
      const child = ctx.catalog.relationByOid(tableOid);
      if (child)
        ctx.out.act('ddl', 'ALTER TABLE', relationObject(child, ctx, via), undefined, 'DROP CONSTRAINT');
    }
  }
}

/** Views that read what goes, directly or through one another. */
function addViews(gone: Map<string, CatalogRelation>, ctx: Context): void {
  for (const view of ctx.catalog.relations()) {
    if (view.definition === undefined) continue;
    const reads = viewFacts(view, { ...ctx, planOnly: true }).collector.actions;
    if (reads.some(({ object }) => object !== undefined && gone.has(object.name)))
      gone.set(`${view.schema}.${view.name}`, view);
  }
}

/** What goes with a function, type or sequence is not followed: it may be a part of any table. */
export function noteUnfollowedCascade(type: ObjectType | undefined, name: string, ctx: Context): void {
  if (isRelation(type) && type !== 'OBJECT_SEQUENCE') return;
  if (type === 'OBJECT_SCHEMA' || definitionEffect(type) === 'admin') return;
  ctx.out.act('ddl', `DROP ${objectWords(type)} ${name} CASCADE`);
}
