import type { Node, TypeName } from 'libpg-query';
import { checkFacts, defaultFacts } from './bodies.ts';
import type { Catalog, CatalogFunction, CatalogType } from './catalog.ts';
import { Collector } from './collector.ts';
import type { Context } from './context.ts';
import type { Source } from './facts.ts';
import { callCandidate } from './functions.ts';
import { takeBody } from './inner-effects.ts';
import { resolveType } from './names.ts';
import { constantText, nameParts } from './tree.ts';

/** Functions that a cast to the type, or a value of it, may run. */
export function useType(typeName: TypeName, ctx: Context): void {
  const parts = nameParts(typeName.names);
  const name = parts.at(-1) ?? '';
  if (parts.length === 1 && ctx.state.searchPath === undefined && !ctx.catalog.isBuiltinType(name)) {
    ctx.out.unknown(`search_path is not known, so type "${name}" cannot be resolved`, `TYPE ?.${name}`);
    return;
  }
  if (ctx.state.nameChange(name)?.kind === 'opaque') {
    ctx.out.unknown(`type "${name}" is changed earlier in the same text`, `TYPE ${name}`);
  }
  useNamedType(parts, ctx);
}

/** The same for a name that may be a type's; false where it is none outside pg_catalog. */
export function useNamedType(parts: readonly string[], ctx: Context): boolean {
  const name = parts.at(-1) ?? '';
  if (ctx.catalog.isBuiltinType(name)) callCasts(ctx.catalog.castFunctionsTo(name), ctx);
  const type = resolveType(
    parts.map((sval) => ({ String: { sval } })),
    ctx,
  );
  if (type) typeEffects(type, ctx, new Set());
  return type !== undefined || (parts.length === 1 && ctx.catalog.isBuiltinType(name));
}

/**
 * What making a value of the type runs: a domain's CHECKs, those of the types inside it. `seen` holds types that are
 * under way.
 */
export function typeEffects(type: CatalogType, ctx: Context, seen: Set<number>): void {
  makeValue(type, ctx, seen, true);
}

/** What runs when a value of the type is made: CHECKs of domains, in it and beneath it; with `casts`, casts to and from it. */
function makeValue(type: CatalogType, ctx: Context, seen: Set<number>, casts: boolean): void {
  if (seen.has(type.oid)) return;
  seen.add(type.oid);
  const name = `${type.schema}.${type.name}`;
  if (casts) callCasts(type.castFunctionOids, ctx);
  for (const check of type.checks) takeBody(checkFacts(check, type.oid, ctx), name, ctx);
  const base = type.baseTypeOid === 0 ? undefined : ctx.catalog.typeByOid(type.baseTypeOid);
  if (base) makeValue(base, ctx, seen, casts);
  const relation = type.relationOid === 0 ? undefined : ctx.catalog.relationByOid(type.relationOid);
  for (const column of relation?.columns ?? []) {
    const field = ctx.catalog.typeByOid(column.typeOid);
    if (field) makeValue(field, ctx, seen, casts);
    else if (casts) callCasts(ctx.catalog.castFunctionsTo(column.typeOid), ctx);
  }
}

function callCasts(oids: readonly number[], ctx: Context): void {
  for (const oid of oids) {
    const cast = ctx.catalog.functionByOid(oid);
    if (cast) callCandidate(cast, [], ctx);
  }
}

/**
 * What a call runs besides the function itself: defaults of arguments left out, and CHECKs on what goes in and out.
 * Gives what the defaults are derived from.
 */
export function noteParameters(fn: CatalogFunction, ctx: Context): readonly Source[] {
  const name = `${fn.schema}.${fn.name}`;
  const sources =
    fn.defaults === undefined ? [] : takeBody(defaultFacts(fn.oid, fn.defaults, ctx), name, ctx);
  const seen = new Set<number>();
  for (const oid of [...(fn.parameterTypeOids ?? []), fn.returnTypeOid]) {
    const type = ctx.catalog.typeByOid(oid);
    if (type) makeValue(type, ctx, seen, false);
  }
  return sources;
}

/** A type named by an argument; where that is computed, any type whose values do something when they are made. */
export function useTypeArgument(arg: Node | undefined, ctx: Context): void {
  const text = constantText(arg);
  if (text !== undefined && /^[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)?$/u.test(text))
    useNamedType(text.split('.'), ctx);
  else useActingTypes(ctx);
}

const acting = new WeakMap<Catalog, readonly CatalogType[]>();

/** All domains whose CHECK does more than read: for what makes values of a type that the text does not name. */
export function useActingTypes(ctx: Context): void {
  let types = acting.get(ctx.catalog);
  if (types === undefined) {
    types = [...ctx.catalog.types()].filter((type) => type.checks.length > 0 && acts(type, ctx));
    acting.set(ctx.catalog, types);
  }
  for (const type of types) makeValue(type, ctx, new Set(), false);
}

/** Whether making a value of the type does more than read. */
export function acts(type: CatalogType, ctx: Context): boolean {
  const inner: Context = { ...ctx, out: new Collector() };
  makeValue(type, inner, new Set(), false);
  return inner.out.actions.some((action) => action.effect !== 'read');
}

/** Some functions any expression may call without naming them: those that do more than read count for every statement. */
export function noteImplicitCalls(ctx: Context): void {
  for (const oid of ctx.catalog.implicitFunctionOids) {
    const fn = ctx.catalog.functionByOid(oid);
    if (!fn) continue;
    const inner: Context = { ...ctx, out: new Collector() };
    callCandidate(fn, [], inner);
    if (inner.out.actions.some((action) => action.effect !== 'read')) callCandidate(fn, [], ctx);
  }
}
