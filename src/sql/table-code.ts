import { functionBody } from './bodies.ts';
import { NAMING_SETTINGS } from './builtins/settings.ts';
import type { CatalogFunction, CatalogRelation } from './catalog.ts';
import type { Context } from './context.ts';
import type { SessionChange } from './facts.ts';
import { noteInnerChanges } from './inner-effects.ts';
import { displayName } from './names.ts';

/**
 * What a table's own code (triggers, defaults, CHECKs, index expressions) does when its rows are written. What it reads
 * may stand in an error or a notice. What defaults, CHECKs and index expressions do to other objects counts as the
 * statement's; what triggers do is the target's own. What any of it changes in the session counts for what comes next.
 */
export function noteTableCode(relation: CatalogRelation, ctx: Context): void {
  if (ctx.planOnly) return notePlannedCode(relation, ctx);
  const via = displayName(relation, ctx);
  const triggers = relation.triggers ?? [];
  const defaults = relation.columns.flatMap(({ defaultFunctions = [], typeOid }) => [
    ...defaultFunctions,
    ...(ctx.catalog.typeByOid(typeOid)?.defaultFunctions ?? []),
  ]);
  for (const oid of new Set([...triggers, ...(relation.functions ?? []), ...defaults])) {
    const fn = ctx.catalog.functionByOid(oid);
    if (!fn || ctx.within.includes(oid)) continue;
    if (!isReadable(fn)) {
      if (fn.extension === undefined) noteUnread(ctx);
      continue;
    }
    const { collector, sources } = functionBody(fn, ctx);
    ctx.out.useAll(sources, 'computed');
    noteInnerChanges(collector.changes.filter(changesNames), ctx);
    for (const action of collector.actions) {
      if (action.effect === 'unknown') noteUnread(ctx);
      else if (action.effect !== 'read' && !triggers.includes(oid))
        ctx.out.add(action.object ? { ...action, object: { ...action.object, via } } : action);
    }
  }
}

/** Whether names may mean something else afterwards; what cannot be told of it is noted by itself. */
export const changesNames = (change: SessionChange) =>
  change.kind === 'set' ? NAMING_SETTINGS.has(change.name) : change.kind !== 'opaque';

/** It may quote any value, and have set another search path or role, as any code may. */
function noteUnread({ out }: Context): void {
  out.mayQuote = true;
  out.changes.push({ kind: 'unread' });
}

/**
 * Expressions of a table that planning any statement on it may run: calls with constant arguments in index, statistics
 * and partition key expressions and in CHECKs are folded (eval_const_expressions; plancat.c, relcache.c, partcache.c),
 * in EXPLAIN as well. Only functions that are declared immutable are. What cannot be told of them is the owner's own.
 */
export function notePlannedCode(relation: CatalogRelation, ctx: Context): void {
  for (const oid of relation.functions ?? []) {
    const fn = ctx.catalog.functionByOid(oid);
    if (fn?.volatility !== 'immutable' || !isReadable(fn) || ctx.within.includes(oid)) continue;
    const via = displayName(relation, ctx);
    for (const action of functionBody(fn, ctx).collector.actions) {
      if (action.effect === 'read' || action.effect === 'unknown') continue;
      ctx.out.add(action.object ? { ...action, object: { ...action.object, via } } : action);
    }
  }
}

const isReadable = ({ language }: CatalogFunction) => language === 'sql' || language === 'plpgsql';
