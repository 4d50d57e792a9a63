import type { RangeVar } from 'libpg-query';
import type { CatalogRelation } from './catalog.ts';
import type { Context } from './context.ts';
import type { Effect } from './facts.ts';
import { noteCascades } from './foreign-keys.ts';
import { displayName, relationObject, resolveRelation } from './names.ts';
import { noteKin, rangeItem } from './relations.ts';
import { notePolicies } from './row-security.ts';
import type { RangeItem } from './scope.ts';
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
  if (relation.schema === 'pg_catalog') return noteCatalogWrite(relation, kind, command, ctx, columns);
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
  notePolicies(relation, ctx);
  const name = displayName(relation, ctx);
  for (const rule of relation.rules) {
    if (rule.event !== kind && kind !== 'merge') continue;
    const facts = ruleFacts(rule.definition, relation, ctx);
    ctx.out.mergeEffects(facts, name);
    for (const { column, use } of facts.columnUses()) if (use !== 'target') ctx.out.use(column, 'other');
  }
  if (triggersLoseRows(relation, ctx.catalog))
    ctx.out.use(`${relation.schema}.${relation.name}.*`, 'stored', []);
  if (relation.kind === 'view') writeThroughView(relation, command, name, ctx);
  noteTableCode(relation, ctx);
  if (kind === 'delete' || kind === 'update') noteCascades(relation, kind, columns, ctx);
  if (kind === 'delete') return;
  for (const column of relation.columns) {
    const type = ctx.catalog.typeByOid(column.typeOid);
    if (type && (columns.length === 0 || columns.includes(column.name))) typeEffects(type, ctx, new Set());
  }
}

/** pg_settings has a rule that turns its UPDATE into set_config; other catalogs are the server's own. */
function noteCatalogWrite(
  relation: CatalogRelation,
  kind: WriteKind,
  command: string,
  ctx: Context,
  columns: readonly string[],
): void {
  const object = relationObject(relation, ctx);
  const sets = relation.name === 'pg_settings' && kind === 'update';
  const effect = sets ? 'session' : 'admin';
  ctx.out.act(ctx.planOnly ? 'read' : effect, command, object, columns);
  if (!sets) return;
  ctx.out.condition('dangerous-session-change');
  ctx.out.changes.push({ kind: 'opaque' });
}

/** An updatable view writes its base tables. PostgreSQL docs, CREATE VIEW, "Updatable Views". */
function writeThroughView(view: CatalogRelation, command: string, name: string, ctx: Context): void {
  const { collector } = viewFacts(view, ctx);
  ctx.out.mergeEffects(collector, name);
  for (const action of collector.actions) {
    if (action.effect !== 'read' || action.object?.kind !== 'table') continue;
    ctx.out.act(writing(ctx), command, { ...action.object, via: name });
    const dot = action.object.name.indexOf('.');
    const base = ctx.catalog.relation(action.object.name.slice(0, dot), action.object.name.slice(dot + 1));
    if (base && command === 'DELETE') noteCascades(base, 'delete', [], ctx);
    else if (base && command !== 'INSERT') noteCascades(base, 'update', [], ctx);
  }
}
