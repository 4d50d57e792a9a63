import type { Node, RangeVar } from 'libpg-query';
import type { CatalogFunction, CatalogOperator, CatalogRelation, CatalogType } from './catalog.ts';
import type { Context } from './context.ts';
import type { ObjectRef } from './facts.ts';
import { nameParts } from './tree.ts';

export type ResolvedRelation =
  | { readonly kind: 'found'; readonly relation: CatalogRelation; readonly columnsUncertain: boolean }
  /** `absent`: as the text names it, when the catalog has no such relation (rather than that it cannot be told). */
  | { readonly kind: 'missing'; readonly name: string; readonly reason: string; readonly absent?: string };

/** The relation that the server would take, by its own order of search. */
export function resolveRelation(rv: RangeVar, ctx: Context): ResolvedRelation {
  const name = rv.relname ?? '';
  const shown = `${rv.schemaname ?? '?'}.${name}`;
  if (ctx.state.undone) {
    return {
      kind: 'missing',
      name: shown,
      reason: `a transaction that changed objects ended before "${name}" is used`,
    };
  }
  const change = ctx.state.nameChange(name);
  if (change?.kind === 'created' && isMeant(rv, change.relation, ctx)) {
    return {
      kind: 'found',
      relation: change.relation,
      columnsUncertain: change.relation.columns.length === 0,
    };
  }
  if (change?.kind === 'opaque') {
    return { kind: 'missing', name: shown, reason: `"${name}" is changed earlier in the same text` };
  }
  if (rv.schemaname === undefined && ctx.state.searchPath === undefined) {
    return {
      kind: 'missing',
      name: shown,
      reason: `search_path is not known, so "${name}" cannot be resolved`,
    };
  }
  const relation = findRelation(rv.schemaname, name, ctx);
  if (relation === undefined) {
    const absent = shownName(rv);
    return { kind: 'missing', name: shown, reason: `relation "${absent}" is not in the catalog`, absent };
  }
  if (relation.unreadable) {
    const reason = `relation "${shownName(rv)}" is locked by another transaction, which may be changing it`;
    return { kind: 'missing', name: `${relation.schema}.${relation.name}`, reason };
  }
  return {
    kind: 'found',
    relation,
    columnsUncertain: change?.kind === 'altered' || ctx.state.catalogUncertain,
  };
}

/** Whether the name finds the table that the text has just made rather than another of that name. */
function isMeant({ schemaname, relname }: RangeVar, made: CatalogRelation, ctx: Context): boolean {
  const isHere = (schema: string) =>
    made.schema === 'pg_temp'
      ? schema === 'pg_temp' || schema === ctx.state.tempSchema
      : schema === made.schema;
  if (schemaname !== undefined) return isHere(schemaname);
  const path = ctx.state.searchPath;
  if (path === undefined) return false;
  // Temporary tables come first unless the path names their schema.
  if (made.schema === 'pg_temp' && !path.some(isHere)) return true;
  const found = path.find((schema) => isHere(schema) || ctx.catalog.relation(schema, relname ?? ''));
  return found !== undefined && isHere(found);
}

function findRelation(schema: string | undefined, name: string, ctx: Context): CatalogRelation | undefined {
  if (schema === 'pg_temp') {
    return ctx.state.tempSchema ? ctx.catalog.relation(ctx.state.tempSchema, name) : undefined;
  }
  if (schema !== undefined) return ctx.catalog.relation(schema, name);
  for (const searched of ctx.state.searchPath ?? []) {
    const relation = ctx.catalog.relation(searched, name);
    if (relation) return relation;
  }
  return undefined;
}

/** Where a new object of that name would go: the first schema of the path that is not an implicit one. */
export function creationName(rv: RangeVar, ctx: Context): string {
  if (rv.relpersistence === 't' || rv.schemaname === 'pg_temp') return `pg_temp.${rv.relname}`;
  if (rv.schemaname !== undefined) return `${rv.schemaname}.${rv.relname}`;
  return `${creationSchema(ctx) ?? '?'}.${rv.relname}`;
}

/**
 * Where a name without a schema is made: the first of the path that is not an implicit one. Undefined where none is
 * known.
 */
export function creationSchema(ctx: Context): string | undefined {
  return ctx.state.searchPath?.find((schema) => schema !== 'pg_catalog' && schema !== ctx.state.tempSchema);
}

/** `pg_temp` stands for whatever number the session's own temporary schema has. */
export function displayName(relation: CatalogRelation, ctx: Context): string {
  return `${relation.schema === ctx.state.tempSchema ? 'pg_temp' : relation.schema}.${relation.name}`;
}

const OBJECT_KINDS: Readonly<Record<CatalogRelation['kind'], ObjectRef['kind']>> = {
  table: 'table',
  'partitioned-table': 'table',
  view: 'view',
  'materialized-view': 'view',
  'foreign-table': 'table',
  sequence: 'sequence',
  index: 'other',
  toast: 'table',
  composite: 'type',
};

/** A relation as facts name it; `via` is the view or function through which it is reached. */
export function relationObject(relation: CatalogRelation, ctx: Context, via?: string): ObjectRef {
  return {
    kind: OBJECT_KINDS[relation.kind],
    name: displayName(relation, ctx),
    ...(via === undefined ? {} : { via }),
  };
}

/** The object a DDL or utility statement names: as found, or as it would be made. */
export function namedObject(
  rv: RangeVar | undefined,
  ctx: Context,
  kind: ObjectRef['kind'] = 'table',
): ObjectRef {
  if (rv === undefined) return { kind, name: '?' };
  const found = resolveRelation(rv, ctx);
  if (found.kind === 'found') return relationObject(found.relation, ctx);
  return { kind, name: rv.schemaname === undefined ? creationName(rv, ctx) : shownName(rv) };
}

export interface ResolvedFunctions {
  /** Overloads outside pg_catalog that could be meant. */
  readonly candidates: readonly CatalogFunction[];
  /** Name in pg_catalog, when that could be meant. */
  readonly builtin: string | undefined;
  /** A definition made earlier in the same text could be meant and cannot be told. */
  readonly opaque: boolean;
}

/** Every function a call could mean: all of that name and number of arguments that the path reaches. */
export function resolveFunctions(
  parts: readonly string[],
  count: number | undefined,
  ctx: Context,
): ResolvedFunctions {
  const name = parts.at(-1) ?? '';
  const schema = parts.length > 1 ? parts.at(-2) : undefined;
  const schemas = schema === undefined ? (ctx.state.searchPath ?? []) : [schemaNamed(schema, ctx)];
  const candidates: CatalogFunction[] = [];
  let builtin: string | undefined;
  for (const searched of schemas) {
    if (searched === 'pg_catalog') {
      if (ctx.catalog.builtinFunction(name) !== undefined) builtin = name;
    }
    // The server never looks for unqualified functions in the temporary schema.
    if (schema === undefined && searched === ctx.state.tempSchema) continue;
    for (const candidate of ctx.catalog.functions(searched, name)) {
      if (count === undefined || takes(candidate, count)) candidates.push(candidate);
    }
  }
  const changed = ctx.state.functionChange(name);
  if (changed !== undefined && changed !== 'opaque') candidates.push(...changed);
  return { candidates, builtin, opaque: changed === 'opaque' || (ctx.state.undone && builtin === undefined) };
}

const takes = (candidate: CatalogFunction, count: number) =>
  candidate.kind === 'aggregate' || (candidate.minArguments <= count && count <= candidate.maxArguments);

const schemaNamed = (schema: string, ctx: Context) =>
  schema === 'pg_temp' ? (ctx.state.tempSchema ?? 'pg_temp') : schema;

/** Operators outside pg_catalog that the name could mean. */
export function resolveOperators(parts: readonly string[], ctx: Context): readonly CatalogOperator[] {
  const name = parts.at(-1) ?? '';
  const operators = ctx.catalog.operators(name);
  if (operators.length === 0) return operators;
  const schema = parts.length > 1 ? parts.at(-2) : undefined;
  if (schema !== undefined) return operators.filter((o) => o.schema === schemaNamed(schema, ctx));
  // Without a known path any of them may be meant.
  const path = ctx.state.searchPath;
  return path === undefined ? operators : operators.filter((o) => path.includes(o.schema));
}

/** A type outside pg_catalog, undefined for built-in ones and those not known. */
export function resolveType(names: readonly Node[] | undefined, ctx: Context): CatalogType | undefined {
  const parts = nameParts(names);
  const name = parts.at(-1) ?? '';
  const schema = parts.length > 1 ? parts.at(-2) : undefined;
  if (schema === 'pg_catalog') return undefined;
  if (schema !== undefined) return ctx.catalog.type(schemaNamed(schema, ctx), name);
  for (const searched of ctx.state.searchPath ?? []) {
    if (searched === 'pg_catalog') {
      if (ctx.catalog.isBuiltinType(name)) return undefined;
      continue;
    }
    const type = ctx.catalog.type(searched, name);
    if (type) return type;
  }
  return undefined;
}

const shownName = (rv: RangeVar) =>
  rv.schemaname === undefined ? (rv.relname ?? '') : `${rv.schemaname}.${rv.relname}`;
