import type { Node } from 'libpg-query';
import {
  builtinEffect,
  MAKES_NAMED_TYPES,
  POPULATES,
  RELATION_READERS,
  readsStatistics,
  readsStorage,
  SEQUENCE_WRITERS,
  SQL_RUNNERS,
  WAITING_LOCKS,
} from './builtins/functions.ts';
import type { CatalogRelation } from './catalog.ts';
import type { Context } from './context.ts';
import type { ObjectRef } from './facts.ts';
import { runSqlArgument } from './inner-effects.ts';
import { noteLockWait } from './locks.ts';
import { displayName, relationObject, resolveRelation } from './names.ts';
import { noteRead } from './relations.ts';
import { changeSetting } from './settings.ts';
import { constantText } from './tree.ts';
import { useActingTypes, useTypeArgument } from './types.ts';

/** Effects of calling a function of pg_catalog; what texts and names in its arguments do is `builtinSources`'. */
export function callBuiltin(name: string, args: readonly Node[], ctx: Context): void {
  const volatility = ctx.catalog.builtinFunction(name) ?? 'volatile';
  ctx.out.functions.add(`pg_catalog.${name}`);
  if (readsStatistics(name)) ctx.out.condition('reads-statistics');
  if (readsStorage(name)) ctx.out.condition('reads-raw-storage');
  // A volatile function is never run by planning alone.
  if (ctx.planOnly && volatility === 'volatile') return;
  if (name in SQL_RUNNERS || name in RELATION_READERS) return;
  if (MAKES_NAMED_TYPES.has(name)) useTypeArgument(args[1], ctx);
  // A cast in its place names the type itself.
  else if (POPULATES.has(name) && !(args[0] && 'TypeCast' in args[0])) useActingTypes(ctx);
  const said = name === 'set_config' ? undefined : ctx.catalog.functionEffect?.(`pg_catalog.${name}`);
  const effect = said ?? builtinEffect(name, volatility);
  if (effect === 'read') return;
  if (WAITING_LOCKS.has(name)) noteLockWait(ctx);
  const object = { kind: 'function' as const, name: `pg_catalog.${name}` };
  const sequence = SEQUENCE_WRITERS.has(name) ? sequenceNamed(args[0], ctx) : undefined;
  if (sequence !== undefined) {
    ctx.out.add({ effect, command: `CALL pg_catalog.${name}`, object: sequence });
  } else if (effect === 'unknown') {
    ctx.out.unknown(`what pg_catalog.${name} does depends on what it is given`, 'CALL', object);
  } else {
    ctx.out.act(effect, 'CALL', object);
  }
  if (name === 'set_config') noteSetConfig(args, ctx);
}

/** set_config(name, value, local): SET by a call, which may never be reached (WHERE false). */
function noteSetConfig(args: readonly Node[], ctx: Context): void {
  const setting = constantText(args[0]);
  if (setting === undefined) {
    ctx.out.condition('dangerous-session-change');
    ctx.out.changes.push({ kind: 'opaque' });
    return;
  }
  const local = constantText(args[2]);
  changeSetting(ctx, setting, constantText(args[1]), local !== 'false' && local !== 'f' && local !== 'off');
  // For the rest of the text the path is not known, since the call may not have been made.
  if (setting.toLowerCase() === 'search_path') {
    ctx.out.changes.push({ kind: 'set', name: 'search_path', value: undefined, local: true });
  }
}

/** SQL texts and relation names in arguments: their effects, and the columns that come out. */
export function builtinSources(name: string, args: readonly Node[], ctx: Context): readonly string[] {
  const position = SQL_RUNNERS[name];
  if (position !== undefined) return runSqlArgument(args[position], `pg_catalog.${name}`, ctx);
  const reads = RELATION_READERS[name];
  if (reads === undefined) return [];
  const via = `pg_catalog.${name}`;
  const text = constantText(args[0]);
  const sources: string[] = [];
  const take = (relation: CatalogRelation) => {
    ctx.out.act('read', 'SELECT', relationObject(relation, ctx, via));
    noteRead(relation, true, ctx);
    sources.push(`${displayName(relation, ctx)}.*`);
  };
  if (reads === 'database' || (reads === 'schema' && text === undefined)) {
    ctx.out.condition('reads-every-table');
    for (const relation of ctx.catalog.relations())
      if (isUserTable(relation.schema, relation.kind)) take(relation);
  } else if (reads === 'schema') {
    for (const relation of ctx.catalog.relations()) if (relation.schema === text) take(relation);
  } else {
    const named = relationNamed(text, ctx);
    if (named) take(named);
    else
      ctx.out.unknown(`${via} reads a relation that cannot be told`, 'CALL', { kind: 'function', name: via });
  }
  ctx.out.useAll(sources, 'other');
  return sources;
}

const isUserTable = (schema: string, kind: string) =>
  schema !== 'pg_catalog' && schema !== 'information_schema' && kind !== 'index' && kind !== 'composite';

/** The sequence that `nextval('name')` means; undefined where the name is computed or found nowhere. */
function sequenceNamed(arg: Node | undefined, ctx: Context): ObjectRef | undefined {
  const named = relationNamed(constantText(arg), ctx);
  return named?.kind === 'sequence' ? relationObject(named, ctx) : undefined;
}

function relationNamed(text: string | undefined, ctx: Context): CatalogRelation | undefined {
  const names = splitName(text ?? '');
  if (names === undefined) return undefined;
  const [schemaname] = names.length > 1 ? names : [];
  const found = resolveRelation({ relname: names.at(-1) ?? '', ...(schemaname ? { schemaname } : {}) }, ctx);
  return found.kind === 'found' ? found.relation : undefined;
}

/** `schema.table` as regclass input reads it; quoted names keep their case. */
function splitName(text: string): string[] | undefined {
  const parts = [...text.trim().matchAll(/(?:^|\.)(?:([A-Za-z_][A-Za-z0-9_$]*)|"((?:[^"]|"")+)")/gu)];
  if (parts.length > 2 || parts.map(([part]) => part).join('') !== text.trim()) return undefined;
  const names = parts.map(([, plain, quoted]) => plain?.toLowerCase() ?? quoted?.replaceAll('""', '"') ?? '');
  return names.length > 0 ? names : undefined;
}
