import { functionBody } from './bodies.ts';
import type { CatalogFunction, CatalogRelation } from './catalog.ts';
import type { Context } from './context.ts';
import { displayName } from './names.ts';

/**
 * What a table's own code (triggers, defaults, CHECKs, index expressions) does when its rows are written. What it reads
 * may stand in an error or a notice. What defaults, CHECKs and index expressions do to other objects counts as the
 * statement's; what triggers do is the target's own.
 */
export function noteTableCode(relation: CatalogRelation, ctx: Context): void {
  if (ctx.planOnly) return notePlannedCode(relation, ctx);
  const via = displayName(relation, ctx);
  const triggers = relation.triggers ?? [];
  const defaults = relation.columns.flatMap(({ defaultFunctions = [] }) => defaultFunctions);
  for (const oid of new Set([...triggers, ...(relation.functions ?? []), ...defaults])) {
    const fn = ctx.catalog.functionByOid(oid);
    if (!fn || ctx.within.includes(oid)) continue;
    if (!isReadable(fn)) {
      ctx.out.mayQuote ||= fn.extension === undefined;
      continue;
    }
    const { collector, sources } = functionBody(fn, ctx);
    ctx.out.useAll(sources, 'computed');
    for (const action of collector.actions) {
      if (action.effect === 'unknown') ctx.out.mayQuote = true;
      else if (action.effect !== 'read' && !triggers.includes(oid))
        ctx.out.add(action.object ? { ...action, object: { ...action.object, via } } : action);
    }
  }
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
