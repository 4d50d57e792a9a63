import type { Node } from 'libpg-query';
import { type BodyFacts, functionBody, sqlTextFacts } from './bodies.ts';
import { EXTENSION_SQL_RUNNERS, extensionEffect, sideDoorOf } from './builtins/extensions.ts';
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
import { JSON_SYNTAX } from './builtins/json-syntax.ts';
import type { CatalogFunction, CatalogRelation, FunctionName } from './catalog.ts';
import type { Context } from './context.ts';
import type { Effect, ObjectRef, SessionChange } from './facts.ts';
import { noteLockWait } from './locks.ts';
import { displayName, relationObject, resolveFunctions, resolveRelation } from './names.ts';
import { noteRead } from './relations.ts';
import { union } from './scope.ts';
import { changeSetting } from './settings.ts';
import { constantText } from './tree.ts';
import { noteParameters, useActingTypes, useNamedType, useTypeArgument } from './types.ts';

/** What a call's value may be derived from besides its arguments. */
export interface CallResult {
  readonly sources: readonly string[];
  /** The functions of the user's that may be meant, for the columns of a call in FROM. */
  readonly candidates: readonly CatalogFunction[];
  readonly builtin?: string | undefined;
}

/** Extensions whose functions show other sessions' texts or the constants of their conditions. */
const READS_STATISTICS = new Set(['pg_stat_statements', 'pg_stat_monitor', 'pg_store_plans', 'pg_qualstats']);

/** What CREATE TYPE … AS RANGE makes constructors of (rangetypes.c, multirangetypes.c): they make a value, and that is all. */
const RANGE_CONSTRUCTORS = new Set([
  'range_constructor2',
  'range_constructor3',
  'multirange_constructor0',
  'multirange_constructor1',
  'multirange_constructor2',
]);

const NOTHING: CallResult = { sources: [], candidates: [] };

/** Effects of calling whatever the name may mean with these arguments. */
export function callFunction(
  parts: readonly string[],
  args: readonly Node[],
  ctx: Context,
  count = args.length,
): CallResult {
  const shown = parts.join('.');
  if (parts.length === 1 && ctx.state.searchPath === undefined) {
    ctx.out.unknown(`search_path is not known, so function "${shown}" cannot be resolved`, `CALL ?.${shown}`);
    return NOTHING;
  }
  const found = resolveFunctions(parts, ctx.state.catalogUncertain ? undefined : count, ctx);
  if (found.opaque)
    ctx.out.unknown(`function "${shown}" is changed earlier in the same text`, `CALL ${shown}`);
  if (found.builtin !== undefined) callBuiltin(found.builtin, args, ctx);
  const sources = new Set<string>();
  if (found.builtin !== undefined) for (const s of builtinSources(found.builtin, args, ctx)) sources.add(s);
  for (const candidate of found.candidates) {
    for (const source of callCandidate(candidate, args, ctx)) sources.add(source);
  }
  if (found.builtin === undefined && found.candidates.length === 0 && !found.opaque)
    notAFunction(parts, args, ctx);
  return { sources: [...sources], candidates: found.candidates, builtin: found.builtin };
}

/** `name(x)` also writes a cast, or a field of x; else it is nothing that the catalog knows. */
function notAFunction(parts: readonly string[], args: readonly Node[], ctx: Context): void {
  const shown = parts.join('.');
  if (args.length === 1 && !ctx.state.catalogUncertain) {
    if (parts.length === 1 && ctx.catalog.isBuiltinType(shown)) return;
    if (useNamedType(parts, ctx)) return;
  }
  ctx.out.missing({ kind: 'function', name: shown });
  ctx.out.unknown(
    `function "${shown}" is not in the catalog`,
    `CALL ${parts.length > 1 ? shown : `?.${shown}`}`,
  );
}

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
  if (name === 'set_config') {
    const local = constantText(args[2]);
    const setting = constantText(args[0]);
    if (setting === undefined) {
      ctx.out.condition('dangerous-session-change');
      ctx.out.changes.push({ kind: 'opaque' });
    } else {
      changeSetting(
        ctx,
        setting,
        constantText(args[1]),
        local !== 'false' && local !== 'f' && local !== 'off',
      );
      // A call may never be reached (WHERE false): for the rest of the text the path is not known.
      if (setting.toLowerCase() === 'search_path') {
        ctx.out.changes.push({ kind: 'set', name: 'search_path', value: undefined, local: true });
      }
    }
  }
}

/** SQL texts and relation names in arguments: their effects, and the columns that come out. */
function builtinSources(name: string, args: readonly Node[], ctx: Context): readonly string[] {
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
    const names = text === undefined ? undefined : splitName(text);
    const found =
      names &&
      resolveRelation(
        { relname: names.at(-1) ?? '', ...(names[1] ? { schemaname: names[0] ?? '' } : {}) },
        ctx,
      );
    if (found?.kind === 'found') take(found.relation);
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
  const names = splitName(constantText(arg) ?? '');
  if (names === undefined) return undefined;
  const [schemaname] = names.length > 1 ? names : [];
  const found = resolveRelation({ relname: names.at(-1) ?? '', ...(schemaname ? { schemaname } : {}) }, ctx);
  return found.kind === 'found' && found.relation.kind === 'sequence'
    ? relationObject(found.relation, ctx)
    : undefined;
}

/** `schema.table` as regclass input reads it; quoted names keep their case. */
function splitName(text: string): string[] | undefined {
  const parts = [...text.trim().matchAll(/(?:^|\.)(?:([A-Za-z_][A-Za-z0-9_$]*)|"((?:[^"]|"")+)")/gu)];
  if (parts.length > 2 || parts.map(([part]) => part).join('') !== text.trim()) return undefined;
  const names = parts.map(([, plain, quoted]) => plain?.toLowerCase() ?? quoted?.replaceAll('""', '"') ?? '');
  return names.length > 0 ? names : undefined;
}

function runSqlArgument(arg: Node | undefined, via: string, ctx: Context): readonly string[] {
  if (arg === undefined) return [];
  const sql = constantText(arg);
  if (sql === undefined) {
    ctx.out.unknown(
      `${via} runs SQL text that is computed: give it as a constant, or run it as a statement`,
      'CALL',
      { kind: 'function', name: via },
    );
    return [];
  }
  return takeBody(sqlTextFacts(sql, ctx), via, ctx);
}

export function callCandidate(
  candidate: CatalogFunction,
  args: readonly Node[],
  ctx: Context,
): readonly string[] {
  const name = `${candidate.schema === ctx.state.tempSchema ? 'pg_temp' : candidate.schema}.${candidate.name}`;
  const object = { kind: 'function' as const, name };
  ctx.out.functions.add(name);
  if (READS_STATISTICS.has(candidate.extension ?? '')) ctx.out.condition('reads-statistics');
  const sideDoor = candidate.extension === undefined ? undefined : sideDoorOf(candidate.extension);
  if (sideDoor) ctx.out.condition(sideDoor);
  const said = candidate.schema.startsWith('pg_temp') ? undefined : ctx.catalog.functionEffect?.(name);
  if (said !== undefined) return callAsSaid(said, candidate, object, ctx);
  // Each of its functions in SQL calls the one of pg_catalog that has the same name.
  if (candidate.extension === 'citext' && candidate.language === 'sql') return [];
  if (
    (candidate.language === 'c' || candidate.language === 'internal') &&
    candidate.extension !== undefined
  ) {
    const runs = EXTENSION_SQL_RUNNERS[`${candidate.extension}.${candidate.name}`];
    if (POPULATES.has(candidate.name)) useActingTypes(ctx);
    if (runs) return runs.flatMap((position) => runSqlArgument(args[position], name, ctx));
    const effect = extensionEffect(candidate.extension, candidate.name);
    if (effect === 'unknown') {
      ctx.out.unknown(
        `function ${name} of extension ${candidate.extension} is not classified`,
        'CALL',
        object,
      );
    } else if (effect !== 'read') {
      ctx.out.act(effect, 'CALL', object);
    }
    return [];
  }
  if (candidate.language === 'internal' && RANGE_CONSTRUCTORS.has(candidate.body)) {
    noteParameters(candidate, ctx);
    return [];
  }
  ctx.out.runsUserCode = true;
  const given = noteParameters(candidate, ctx);
  if (candidate.kind === 'aggregate') {
    return (candidate.supportFunctions ?? []).flatMap((support) => callSupport(support, ctx));
  }
  if (candidate.language !== 'sql' && candidate.language !== 'plpgsql') {
    ctx.out.unknown(
      `function ${name} is written in ${candidate.language}, which cannot be analysed`,
      'CALL',
      object,
    );
    return [];
  }
  return union(given, takeBody(functionBody(candidate, ctx), name, ctx));
}

/** A function that an aggregate runs, whichever of its overloads that is. */
function callSupport({ schema, name }: FunctionName, ctx: Context): readonly string[] {
  const running = { ...ctx, planOnly: false };
  const { candidates, builtin, opaque } = resolveFunctions([schema, name], undefined, running);
  if (opaque || (candidates.length === 0 && builtin === undefined))
    ctx.out.unknown(`function "${schema}.${name}" is not what the catalog says`, `CALL ${schema}.${name}`);
  if (builtin !== undefined) callBuiltin(builtin, [], running);
  return candidates.flatMap((candidate) => callCandidate(candidate, [], running));
}

/** An owner vouches for what it does. What it reads is followed by masks all the same, where its body can be read. */
function callAsSaid(
  effect: Exclude<Effect, 'unknown'>,
  candidate: CatalogFunction,
  object: ObjectRef,
  ctx: Context,
): readonly string[] {
  ctx.out.runsUserCode = true;
  if (effect !== 'read') {
    ctx.out.act(effect, 'CALL', object);
    ctx.out.changes.push({ kind: 'opaque' });
  }
  if (candidate.language !== 'sql' && candidate.language !== 'plpgsql') return [];
  const { sources } = functionBody(candidate, ctx);
  ctx.out.useAll(sources, 'other');
  return sources;
}

/**
 * Effects of an inner body become the statement's. Columns that a query's body only shows flow on into its result;
 * every other use counts here as it does there, and those of a procedural body are out of any mask's reach.
 */
export function takeBody(body: BodyFacts, via: string, ctx: Context): readonly string[] {
  ctx.out.mergeEffects(body.collector, via);
  noteInnerChanges(body.collector.changes, ctx);
  if (body.outputs === undefined) {
    ctx.out.useAll(body.sources, 'other');
    return body.sources;
  }
  for (const { column, use, with: together } of body.collector.columnUses()) {
    if (use !== 'output' && use !== 'computed' && use !== 'target') ctx.out.use(column, use, together);
  }
  return body.sources;
}

/** What a body changed for the session; which names its DDL touched is not followed. */
export function noteInnerChanges(changes: readonly SessionChange[], ctx: Context): void {
  ctx.out.changes.push(...changes);
  if (changes.some((change) => change.kind === 'catalog')) ctx.out.changes.push({ kind: 'opaque' });
}

/**
 * Attribute notation on something that has no such column, `(x).name`: a function of that name with one argument, or a
 * cast, as the server takes it for any type of x. True for a function outside pg_catalog.
 */
export function callAttribute(name: string, arg: Node | undefined, ctx: Context): boolean {
  const found = resolveFunctions([name], 1, ctx);
  if (found.opaque) ctx.out.unknown(`function "${name}" is changed earlier in the same text`, `CALL ${name}`);
  for (const candidate of found.candidates) callCandidate(candidate, [], ctx);
  if (found.builtin !== undefined) {
    const args = arg === undefined ? [] : [arg];
    callBuiltin(found.builtin, args, ctx);
    if (found.builtin in SQL_RUNNERS || found.builtin in RELATION_READERS) {
      const via = `pg_catalog.${found.builtin}`;
      ctx.out.unknown(`${via} is called in attribute notation`, 'CALL', { kind: 'function', name: via });
    }
  }
  useNamedType([name], ctx);
  return found.opaque || found.candidates.length > 0;
}

/** SQL/JSON syntax that an older server takes for a call. */
export function callJsonSyntax(kind: string, ctx: Context): void {
  const syntax = JSON_SYNTAX[kind];
  if (syntax === undefined || ctx.catalog.serverVersion >= syntax.since) return;
  for (const name of syntax.names) {
    for (const candidate of resolveFunctions([name], undefined, ctx).candidates)
      callCandidate(candidate, [], ctx);
  }
}
