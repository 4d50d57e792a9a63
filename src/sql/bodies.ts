import type { Node } from 'libpg-query';
import type { CatalogFunction } from './catalog.ts';
import { Collector } from './collector.ts';
import { type Context, MAX_DEPTH } from './context.ts';
import { emptyScope, expression } from './expressions.ts';
import type { Source } from './facts.ts';
import { KeptByCatalog } from './kept-by-catalog.ts';
import { parseText } from './parse.ts';
import { plpgsqlStatements } from './plpgsql.ts';
import { runPlpgsql } from './procedural-bodies.ts';
import { type ColumnList, sourcesOf } from './scope.ts';
import { applyChanges, parseIdentifierList } from './settings.ts';
import { statement } from './statements.ts';
import { effectivePath, type TextState } from './text-state.ts';

/** What running a body does, and every column it touches. */
export interface BodyFacts {
  readonly collector: Collector;
  readonly sources: readonly Source[];
  /** Columns of the last query of a body that is nothing but queries. */
  readonly outputs?: ColumnList;
}

const kept = new KeptByCatalog<BodyFacts>();

/** Facts depend on the catalog, the body and the path alone, as long as no earlier statement changed what names mean. */
function remembered(key: string, ctx: Context, make: () => BodyFacts): BodyFacts {
  if (!ctx.state.pristine || ctx.within.length > 0) return make();
  const known = kept.get(ctx.catalog, key);
  if (known) return known;
  const made = make();
  // A cursor or prepared statement used inside makes the body a matter of the session.
  if (!made.collector.dependsOnSession) kept.set(ctx.catalog, key, made);
  return made;
}

const NOTHING: BodyFacts = { collector: new Collector(), sources: [] };

/** What a function in SQL or PL/pgSQL does when it is called. A call of itself adds nothing. */
export function functionBody(fn: CatalogFunction, ctx: Context): BodyFacts {
  if (ctx.within.includes(fn.oid)) return NOTHING;
  const path = functionPath(fn, ctx);
  return remembered(`f${fn.oid} ${path?.join('\0') ?? '?'} ${ctx.state.tempSchema ?? ''}`, ctx, () => {
    const called = ctx.state.inner(path);
    const state = fn.standardBody ? called.bound(ctx.catalog.definitionPath) : called;
    const inner = innerContext(ctx, fn.oid, state);
    if (ctx.within.length >= MAX_DEPTH) {
      inner.out.unknown(`function ${fn.schema}.${fn.name} is nested too deeply`, 'CALL');
      return proceduralFacts(inner.out, []);
    }
    if (fn.settings.some(changesStrings)) {
      inner.out.unknown(`function ${fn.schema}.${fn.name} reads strings by other rules`, 'CALL');
      return proceduralFacts(inner.out, []);
    }
    if (fn.standardBody) return runStandardBody(fn, inner);
    if (fn.language === 'sql') return runSqlBody(fn.body, inner, ctx.state.inner(path));
    return runPlpgsql(plpgsqlStatements(fn), inner, `${fn.schema}.${fn.name}`);
  });
}

/** A SET clause under which a literal ends elsewhere than the grammar has it end. */
const changesStrings = (setting: string) => /^standard_conforming_strings=(?!on$)/iu.test(setting);

/** `SET search_path` of the function itself, else what the caller has. */
function functionPath(fn: CatalogFunction, ctx: Context): readonly string[] | undefined {
  for (const setting of fn.settings) {
    const at = setting.indexOf('=');
    if (setting.slice(0, at).toLowerCase() !== 'search_path') continue;
    const names = parseIdentifierList(setting.slice(at + 1));
    return effectivePath(names, ctx.state, ctx.catalog, fn.securityDefiner);
  }
  return ctx.state.callPath;
}

function innerContext(ctx: Context, oid: number, state: TextState): Context {
  return {
    catalog: ctx.catalog,
    state,
    out: new Collector(),
    within: [...ctx.within, oid],
    inFunction: true,
    planOnly: false,
  };
}

/** SQL text handed to a function such as query_to_xml, run with the caller's names. */
export function sqlTextFacts(sql: string, ctx: Context): BodyFacts {
  if (ctx.within.length >= MAX_DEPTH) return opaqueBody('SQL text is nested too deeply');
  return runText(sql, { ...innerContext(ctx, 0, ctx.state.inner(ctx.state.callPath)), inFunction: false });
}

/** A domain's CHECK constraint, `CHECK ((expr))`. */
export function checkFacts(check: string, typeOid: number, ctx: Context): BodyFacts {
  if (ctx.within.includes(-typeOid)) return NOTHING;
  return remembered(`d${typeOid} ${ctx.state.callPath?.join('\0') ?? '?'} ${check}`, ctx, () => {
    const inner = innerContext(ctx, -typeOid, ctx.state.bound(ctx.catalog.definitionPath));
    const parsed = parseText(`ALTER TABLE x ADD ${check}`);
    const node = parsed.ok ? parsed.statements[0]?.node : undefined;
    const constraint =
      node && 'AlterTableStmt' in node
        ? (node.AlterTableStmt.cmds?.[0] as CommandNode | undefined)
        : undefined;
    const raw = constraint?.AlterTableCmd?.def?.Constraint?.raw_expr;
    if (!raw) return opaqueBody('a domain has a CHECK that cannot be read');
    expression(raw, emptyScope(), { kind: 'other' }, inner);
    return proceduralFacts(inner.out, []);
  });
}

/** Default values of a function's parameters, as pg_get_expr prints them. */
export function defaultFacts(oid: number, list: string, ctx: Context): BodyFacts {
  if (ctx.within.includes(oid)) return NOTHING;
  return remembered(`p${oid} ${ctx.state.callPath?.join('\0') ?? '?'}`, ctx, () =>
    runText(`SELECT ${list}`, innerContext(ctx, oid, ctx.state.bound(ctx.catalog.definitionPath))),
  );
}

interface CommandNode {
  readonly AlterTableCmd?: { readonly def?: { readonly Constraint?: { readonly raw_expr?: Node } } };
}

/**
 * A body in SQL. Up to PostgreSQL 17 all of it is bound before any of it runs, so that later statements do not see what
 * earlier ones make or set (docs 36.5): such statements are judged both ways. `before`: the state that it begins with.
 */
function runSqlBody(body: string, ctx: Context, before: TextState): BodyFacts {
  const ran = runText(body, ctx);
  const parsed = parseText(body);
  if (!parsed.ok || ran.collector.changes.length === 0) return ran;
  for (const { node } of parsed.statements) {
    const out = new Collector();
    const { outputs } = statement(node, { ...ctx, out, state: before.inner(before.searchPath) });
    // The server refuses all of the body.
    if (out.absent.some(({ kind }) => kind !== 'column')) continue;
    ran.collector.mergeEffects(out, undefined);
    for (const { column, use, with: together } of out.columnUses()) ran.collector.use(column, use, together);
    if (outputs) ran.collector.useAll(sourcesOf(outputs), 'other');
  }
  return ran;
}

/** One or more statements of SQL text, each seeing what the ones before it changed. */
export function runText(sql: string, ctx: Context): BodyFacts {
  const parsed = parseText(sql);
  if (!parsed.ok) return opaqueBody(`SQL inside a function cannot be read: ${parsed.reason}`);
  return runStatements(
    parsed.statements.map((s) => s.node),
    ctx,
  );
}

function runStatements(nodes: readonly Node[], ctx: Context): BodyFacts {
  let outputs: ColumnList = { columns: [] };
  for (const node of nodes) {
    const before = ctx.out.changes.length;
    outputs = statement(node, ctx).outputs ?? { columns: [] };
    applyChanges(ctx.state, ctx.out.changes.slice(before), ctx.catalog);
  }
  return { collector: ctx.out, sources: sourcesOf(outputs), outputs };
}

function runStandardBody(fn: CatalogFunction, ctx: Context): BodyFacts {
  const parsed = parseText(`CREATE FUNCTION x() RETURNS int ${fn.body}`);
  const node = parsed.ok ? parsed.statements[0]?.node : undefined;
  const body = node && 'CreateFunctionStmt' in node ? node.CreateFunctionStmt.sql_body : undefined;
  if (!body) return opaqueBody(`function ${fn.schema}.${fn.name} has a body that cannot be read`);
  return runStatements(bodyStatements(body), ctx);
}

/** `BEGIN ATOMIC` is a list of lists, `RETURN x` a single node. */
function bodyStatements(body: Node): Node[] {
  if (!('List' in body)) return [body];
  return (body.List.items ?? []).flatMap((item) => bodyStatements(item));
}

/** All columns a procedural body uses, besides those it only assigns, leave it in ways that no mask follows. */
export function proceduralFacts(collector: Collector, outputs: Iterable<string>): BodyFacts {
  const sources = new Set<string>(outputs);
  for (const { column, use } of collector.columnUses()) if (use !== 'target') sources.add(column);
  return { collector, sources: [...sources] };
}

export function opaqueBody(reason: string): BodyFacts {
  const collector = new Collector();
  collector.unknown(reason, 'EXECUTE');
  collector.changes.push({ kind: 'opaque' });
  collector.runsUserCode = true;
  return { collector, sources: [] };
}
