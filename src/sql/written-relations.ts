import type { RangeVar } from 'libpg-query';
import type { CatalogRelation } from './catalog.ts';
import type { Context } from './context.ts';
import type { Effect } from './facts.ts';
import { noteCascades } from './foreign-keys.ts';
import { noteInnerChanges } from './inner-effects.ts';
import { relationObject, resolveRelation } from './names.ts';
import { noteKin, rangeItem } from './relations.ts';
import { notePolicies } from './row-security.ts';
import { descendants, type RangeItem } from './scope.ts';
import { notePlannedCode, noteTableCode } from './table-code.ts';
import { triggersLoseRows } from './trigger-copies.ts';
import { typeEffects } from './types.ts';
import { ruleFacts, viewFacts } from './views.ts';

/** Planning a write reads. */
export const writing = (ctx: Context): Effect => (ctx.planOnly ? 'read' : 'write');

type WriteKind = 'insert' | 'update' | 'delete' | 'merge';

const COMMANDS: Readonly<Record<WriteKind, string>> = {
  insert: 'INSERT',
  update: 'UPDATE',
  delete: 'DELETE',
  merge: 'MERGE',
};

/** The relation that a statement writes, as its other parts see it; the write is noted. */
export function writeTarget(
  rv: RangeVar,
  kind: WriteKind,
  columns: readonly string[],
  ctx: Context,
): RangeItem {
  const command = COMMANDS[kind];
  const alias = rv.alias?.aliasname ?? rv.relname ?? '';
  const found = resolveRelation(rv, ctx);
  if (found.kind === 'missing') {
    ctx.out.unknownRelation(found, command);
    return { alias, columns: [], open: [`${found.name}.*`], wholeRow: [`${found.name}.*`] };
  }
  noteWrite(found.relation, kind, command, rv.inh === true, ctx, columns);
  return rangeItem(found.relation, found.columnsUncertain, rv, ctx);
}

/**
 * Notes the write of a relation and of all that stands behind it: base tables of a view, kin, rules, domains.
 * `columns`: those that are assigned, none for all; `suffix` goes behind the command's words.
 */
export function noteWrite(
  relation: CatalogRelation,
  kind: WriteKind,
  command: string,
  inherited: boolean,
  ctx: Context,
  columns: readonly string[] = [],
  suffix?: string,
): void {
  const object = relationObject(relation, ctx);
  if (relation.schema === 'pg_catalog') {
    if (!setsBy(relation, kind)) ctx.out.act(ctx.planOnly ? 'read' : 'admin', command, object, columns);
    else noteSettings(relation, command, ctx);
    return;
  }
  ctx.out.act(writing(ctx), command, object, columns, suffix);
  noteKin(
    relation,
    inherited,
    (kin, via) => {
      ctx.out.act(writing(ctx), command, relationObject(kin, ctx, via));
      notePlannedCode(kin, ctx);
    },
    ctx,
  );
  noteBehind(relation, kind, inherited, columns, ctx);
  if (relation.kind === 'view') writeThroughView(relation, kind, command, ctx);
}

/** pg_settings has a rule that turns its UPDATE into set_config; other catalogs are the server's own. */
const setsBy = ({ schema, name }: CatalogRelation, kind: WriteKind) =>
  schema === 'pg_catalog' && name === 'pg_settings' && kind === 'update';

function noteSettings(relation: CatalogRelation, command: string, ctx: Context, via?: string): void {
  ctx.out.act(ctx.planOnly ? 'read' : 'session', command, relationObject(relation, ctx, via));
  ctx.out.condition('dangerous-session-change');
  ctx.out.changes.push({ kind: 'opaque' });
}

/** What the server does besides when rows of the relation are written: its rules, policies, code and foreign keys. */
function noteBehind(
  relation: CatalogRelation,
  kind: WriteKind,
  inherited: boolean,
  columns: readonly string[],
  ctx: Context,
): void {
  notePolicies(relation, ctx);
  const object = relationObject(relation, ctx);
  for (const rule of relation.rules) {
    if (rule.event !== kind && kind !== 'merge') continue;
    const facts = ruleFacts(rule.definition, relation, ctx);
    ctx.out.mergeEffects(facts, object.name);
    if (!ctx.planOnly) noteInnerChanges(facts.changes, ctx);
    for (const { column, use } of facts.columnUses()) if (use !== 'target') ctx.out.use(column, 'other');
  }
  if (triggersLoseRows(relation, ctx.catalog))
    ctx.out.use(`${relation.schema}.${relation.name}.*`, 'stored', []);
  noteTableCode(relation, ctx);
  // A row goes where its partition key says, and an inheriting table's rows are its parent's.
  if (inherited) for (const heir of descendants(relation, ctx.catalog)) noteTableCode(heir, ctx);
  if (kind === 'delete' || kind === 'update') noteCascades(relation, kind, columns, ctx);
  if (kind === 'delete') return;
  for (const column of relation.columns) {
    // A new row has a value, if only NULL, in every column (preptlist.c, expand_insert_targetlist).
    const assigned = kind !== 'update' || columns.length === 0 || columns.includes(column.name);
    const type = assigned ? ctx.catalog.typeByOid(column.typeOid) : undefined;
    if (type) typeEffects(type, ctx, new Set());
  }
}

/**
 * An updatable view writes its base tables, with their rules and code, and applies the rules of views in between.
 * PostgreSQL docs, CREATE VIEW, "Updatable Views".
 */
function writeThroughView(view: CatalogRelation, kind: WriteKind, command: string, ctx: Context): void {
  const { collector } = viewFacts(view, ctx);
  const via = relationObject(view, ctx).name;
  ctx.out.mergeEffects(collector, via);
  for (const { effect, object } of collector.actions) {
    if (effect !== 'read' || (object?.kind !== 'table' && object?.kind !== 'view')) continue;
    if (object.kind === 'table') ctx.out.act(writing(ctx), command, { ...object, via });
    const dot = object.name.indexOf('.');
    const base = ctx.catalog.relation(object.name.slice(0, dot), object.name.slice(dot + 1));
    if (base === undefined) continue;
    if (setsBy(base, kind)) noteSettings(base, command, ctx, via);
    else if (base.schema !== 'pg_catalog') noteBehind(base, kind, true, [], ctx);
    if (kind === 'merge')
      for (const event of ['delete', 'update'] as const) noteCascades(base, event, [], ctx);
  }
}
