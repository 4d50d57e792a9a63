import type { Node, RangeVar } from 'libpg-query';
import { ADMIN_RELATIONS, STATISTICS_RELATIONS } from './builtins/relations.ts';
import type { CatalogRelation } from './catalog.ts';
import type { Collector } from './collector.ts';
import type { Context } from './context.ts';
import { displayName, relationObject, resolveRelation } from './names.ts';
import { notePolicies } from './row-security.ts';
import {
  ancestors,
  type ColumnList,
  descendants,
  type RangeItem,
  relationColumns,
  rename,
  sourcesOf,
  union,
} from './scope.ts';
import { notePlannedCode } from './table-code.ts';
import { nameParts } from './tree.ts';
import { copiedInto } from './trigger-copies.ts';
import { viewFacts } from './views.ts';

/** A named relation in FROM, or as the target of a write: its columns, and the reads it means. */
export function readRelation(rv: RangeVar, ctx: Context, command = 'SELECT'): RangeItem {
  const alias = rv.alias?.aliasname ?? rv.relname ?? '';
  const found = resolveRelation(rv, ctx);
  if (found.kind === 'missing') {
    ctx.out.unknownRelation(found, command);
    return { alias, columns: [], open: [`${found.name}.*`], wholeRow: [`${found.name}.*`] };
  }
  noteRead(found.relation, rv.inh === true, ctx, command);
  return rangeItem(found.relation, found.columnsUncertain, rv, ctx);
}

/** The FROM item for a relation, columns renamed as its alias says. */
export function rangeItem(
  relation: CatalogRelation,
  uncertain: boolean,
  rv: RangeVar,
  ctx: Context,
): RangeItem {
  const names = nameParts(rv.alias?.colnames as Node[] | undefined);
  const whole = wholeRow(relation, ctx);
  const known = columnsOf(relation, ctx);
  const list = rename(uncertain ? { ...known, open: whole } : inOneRow(known, relation, rv, ctx), names);
  return {
    ...list,
    alias: rv.alias?.aliasname ?? rv.relname ?? '',
    // With an alias, `schema.table.column` no longer finds it.
    ...(rv.alias ? {} : { schema: relation.schema }),
    wholeRow: whole,
    relation,
  };
}

/** Marks what the primary key tells apart. Rows of inheriting tables, which one does not span, may have the same key. */
function inOneRow(list: ColumnList, relation: CatalogRelation, rv: RangeVar, ctx: Context): ColumnList {
  const { kind, primaryKey } = relation;
  if (primaryKey === undefined || (kind !== 'table' && kind !== 'partitioned-table')) return list;
  if (kind === 'table' && rv.inh === true && ctx.catalog.children(relation.oid).length > 0) return list;
  const row = { keySize: primaryKey.length };
  const isKey = relation.columns.map(({ number }) => primaryKey.includes(number));
  return {
    ...list,
    columns: list.columns.map((column, i) => ({ ...column, row, ...(isKey[i] ? { isKey: true } : {}) })),
  };
}

/** The columns a relation shows, views looked through. */
export function columnsOf(relation: CatalogRelation, ctx: Context): ColumnList {
  if (relation.remote !== undefined) return remoteColumns(relation, relation.remote, ctx);
  if (relation.definition === undefined) return relationColumns(relation, ctx.catalog);
  return viewFacts(relation, ctx).list;
}

/** A foreign table shows what a table of that name holds: of this database (over a loop), or of one made alike. */
function remoteColumns(
  relation: CatalogRelation,
  { schema, name, columns }: NonNullable<CatalogRelation['remote']>,
  ctx: Context,
): ColumnList {
  const own = relationColumns(relation, ctx.catalog);
  const behind = ctx.catalog.relation(schema, name);
  if (behind === undefined || behind.remote !== undefined) return own;
  const there = columnsOf(behind, ctx).columns;
  return {
    columns: own.columns.map((column) => {
      const other = columns.get(column.name) ?? column.name;
      const found = there.find((one) => one.name === other);
      return found ? { ...column, sources: union(column.sources, found.sources) } : column;
    }),
  };
}

function wholeRow(relation: CatalogRelation, ctx: Context): readonly string[] {
  if (relation.definition !== undefined) {
    const list = viewFacts(relation, ctx).list;
    return [`${displayName(relation, ctx)}.*`, ...sourcesOf(list)];
  }
  const own = [relation, ...ancestors(relation, ctx.catalog)].map((one) => `${one.schema}.${one.name}.*`);
  if (relation.remote) own.push(`${relation.remote.schema}.${relation.remote.name}.*`);
  const copied = relation.columns.flatMap(({ name }) =>
    copiedInto(`${relation.schema}.${relation.name}.${name}`, ctx.catalog),
  );
  return copied.length === 0 ? own : [...new Set([...own, ...copied])];
}

/** Reading a relation reads its parents' and children's data, and runs what its view runs. */
export function noteRead(
  relation: CatalogRelation,
  inherited: boolean,
  ctx: Context,
  command = 'SELECT',
  suffix?: string,
): void {
  const inSystem = relation.schema === 'pg_catalog';
  const effect = inSystem && ADMIN_RELATIONS.has(relation.name) ? 'admin' : 'read';
  ctx.out.act(effect, command, relationObject(relation, ctx), undefined, suffix);
  if (STATISTICS_RELATIONS.has(relation.name)) ctx.out.condition('reads-statistics');
  notePolicies(relation, ctx);
  notePlannedCode(relation, ctx);
  noteKin(
    relation,
    inherited,
    (kin, via) => {
      ctx.out.act('read', command, relationObject(kin, ctx, via));
      notePlannedCode(kin, ctx);
    },
    ctx,
  );
  if (relation.definition !== undefined) {
    // A materialized view's rows are stored: reading it runs nothing.
    const view = viewFacts(relation, ctx);
    if (relation.kind === 'materialized-view')
      noteStoredRows(view.collector, displayName(relation, ctx), ctx);
    if (relation.kind === 'view') {
      ctx.out.mergeEffects(view.collector, displayName(relation, ctx));
      // What its owner compares and computes shows nothing by itself, but its errors may quote a value.
      for (const { column } of view.collector.columnUses()) ctx.out.use(column, 'computed');
      ctx.out.changes.push(...view.collector.changes);
    }
  }
}

/** A materialized view shows rows of the tables that it was filled from. */
function noteStoredRows(filledBy: Collector, via: string, ctx: Context): void {
  for (const { effect, object } of filledBy.actions) {
    if (effect === 'read' && (object?.kind === 'table' || object?.kind === 'view'))
      ctx.out.act('read', 'SELECT', { ...object, via: object.via ?? via });
  }
}

/** Parents, and (unless ONLY) children, of a relation. */
export function noteKin(
  relation: CatalogRelation,
  inherited: boolean,
  note: (kin: CatalogRelation, via: string) => void,
  ctx: Context,
): void {
  const via = displayName(relation, ctx);
  if (relation.parents.length > 0) for (const parent of ancestors(relation, ctx.catalog)) note(parent, via);
  if (inherited) for (const child of descendants(relation, ctx.catalog)) note(child, via);
}
