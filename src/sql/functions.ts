import type { Node } from 'libpg-query';
import { functionBody } from './bodies.ts';
import { builtinSources, callBuiltin } from './builtin-calls.ts';
import {
  EXTENSION_SQL_RUNNERS,
  extensionEffect,
  showsStatistics,
  sideDoorOf,
} from './builtins/extensions.ts';
import { POPULATES, RELATION_READERS, SQL_RUNNERS } from './builtins/functions.ts';
import { JSON_SYNTAX } from './builtins/json-syntax.ts';
import type { CatalogFunction, FunctionName } from './catalog.ts';
import type { Context } from './context.ts';
import type { Effect, ObjectRef } from './facts.ts';
import { runSqlArgument, takeBody } from './inner-effects.ts';
import { resolveFunctions } from './names.ts';
import { union } from './scope.ts';
import { noteParameters, useActingTypes, useNamedType } from './types.ts';

/** What a call's value may be derived from besides its arguments. */
export interface CallResult {
  readonly sources: readonly string[];
  /** The functions of the user's that may be meant, for the columns of a call in FROM. */
  readonly candidates: readonly CatalogFunction[];
  readonly builtin?: string | undefined;
}

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

/** Effects of calling one function outside pg_catalog; the columns that its value may be derived from. */
export function callCandidate(
  candidate: CatalogFunction,
  args: readonly Node[],
  ctx: Context,
): readonly string[] {
  const name = `${candidate.schema === ctx.state.tempSchema ? 'pg_temp' : candidate.schema}.${candidate.name}`;
  const object = { kind: 'function' as const, name };
  ctx.out.functions.add(name);
  if (showsStatistics(candidate.extension ?? '', candidate.name)) ctx.out.condition('reads-statistics');
  const sideDoor = candidate.extension === undefined ? undefined : sideDoorOf(candidate.extension);
  if (sideDoor) ctx.out.condition(sideDoor);
  const said = candidate.schema.startsWith('pg_temp') ? undefined : ctx.catalog.functionEffect?.(name);
  if (said !== undefined) return callAsSaid(said, candidate, object, ctx);
  // Each of its functions in SQL calls the one of pg_catalog that has the same name.
  if (candidate.extension === 'citext' && candidate.language === 'sql') return [];
  const compiled = candidate.language === 'c' || candidate.language === 'internal';
  if (compiled && candidate.extension !== undefined)
    return callOfExtension(candidate, candidate.extension, object, args, ctx);
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

/** A function of an extension in C, which is known by its name alone. */
function callOfExtension(
  candidate: CatalogFunction,
  extension: string,
  object: ObjectRef,
  args: readonly Node[],
  ctx: Context,
): readonly string[] {
  const runs = EXTENSION_SQL_RUNNERS[`${extension}.${candidate.name}`];
  if (POPULATES.has(candidate.name)) useActingTypes(ctx);
  if (runs) return runs.flatMap((position) => runSqlArgument(args[position], object.name, ctx));
  const effect = extensionEffect(extension, candidate.name);
  if (effect === 'unknown')
    ctx.out.unknown(`function ${object.name} of extension ${extension} is not classified`, 'CALL', object);
  else if (effect !== 'read') ctx.out.act(effect, 'CALL', object);
  return [];
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
