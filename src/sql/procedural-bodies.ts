import { type BodyFacts, opaqueBody, proceduralFacts, runText } from './bodies.ts';
import { Collector } from './collector.ts';
import type { Context } from './context.ts';
import { openedCursor } from './cursors.ts';
import type { SessionChange } from './facts.ts';
import { parseText } from './parse.ts';
import type { PlStep } from './plpgsql.ts';
import { parseIdentifierList } from './settings.ts';
import { effectivePath } from './text-state.ts';

/** More search paths than a body sets are not followed. */
const MOST_PATHS = 4;

/** The search paths under which a body's statements may run. */
class Paths {
  readonly known = new Map<string, readonly string[]>();
  /** One of them cannot be told. */
  open = false;

  add(path: readonly string[] | undefined): void {
    if (path === undefined || this.known.size > MOST_PATHS) this.open = true;
    else this.known.set(path.join('\0'), path);
  }

  /** What a statement has set, and what that makes the path. */
  note(changes: readonly SessionChange[], ctx: Context): void {
    for (const change of changes) {
      if (change.kind === 'role') this.open = true;
      if (change.kind !== 'set' || change.name !== 'search_path' || change.value === undefined) continue;
      this.add(effectivePath(parseIdentifierList(change.value), ctx.state, ctx.catalog));
    }
    this.add(ctx.state.searchPath);
  }
}

/**
 * What a PL/pgSQL body does. Which of its statements run, how often and in which order is not told: branches, loops and
 * handlers are taken together, so each statement is judged under each search path that any of them may have set.
 */
export function runPlpgsql(steps: readonly PlStep[] | undefined, ctx: Context, name: string): BodyFacts {
  if (steps === undefined) return opaqueBody(`${name} has a PL/pgSQL body that cannot be analysed`);
  const sources = new Set<string>();
  const paths = new Paths();
  if (ctx.state.searchPath) paths.add(ctx.state.searchPath);
  const wasKnown = ctx.state.searchPath !== undefined;
  for (const step of steps) {
    const changes = run(step, sources, ctx);
    if (wasKnown && step.kind === 'text') paths.note(changes, ctx);
  }
  if (paths.known.size > 1) {
    // Paths that are found on the way are looked at as well.
    for (const path of paths.known.values()) runUnder(path, steps, paths, sources, ctx);
  }
  if (paths.open && steps.some(({ kind }) => kind === 'repeats'))
    runUnder(undefined, steps, paths, sources, ctx);
  return proceduralFacts(ctx.out, sources);
}

function run(step: PlStep, sources: Set<string>, ctx: Context): readonly SessionChange[] {
  switch (step.kind) {
    case 'text': {
      const before = ctx.state.names();
      const inner = runText(step.sql, { ...ctx, out: new Collector() });
      take(inner, sources, ctx);
      doubtNames(before, ctx);
      return inner.collector.changes;
    }
    case 'open': {
      const parsed = parseText(step.sql);
      const [query] = parsed.ok ? parsed.statements : [];
      if (query) ctx.out.changes.push({ kind: 'open-cursor', statement: openedCursor(query.node, ctx) });
      return [];
    }
    case 'fetch':
      // Whatever the variable's own query is, its name may be that of a cursor of the session.
      ctx.out.dependsOnSession = true;
      for (const { outputs, anyOutput } of ctx.state.openCursors())
        ctx.out.useAll([...(anyOutput ?? []), ...(outputs ?? []).flatMap((one) => one.sources)], 'other');
      return [];
    case 'unknown':
      ctx.out.unknown(step.reason, 'EXECUTE');
      ctx.out.changes.push({ kind: 'opaque' });
      ctx.state.searchPath = undefined;
      return [];
    case 'repeats':
      return [];
    default:
      return step satisfies never;
  }
}

function runUnder(
  path: readonly string[] | undefined,
  steps: readonly PlStep[],
  paths: Paths,
  sources: Set<string>,
  ctx: Context,
): void {
  for (const step of steps) {
    if (step.kind !== 'text') continue;
    ctx.state.searchPath = path;
    const changes = runAgain(step.sql, sources, ctx);
    if (path) paths.note(changes, ctx);
  }
}

/** Under a path where it names what is not there, the server refuses a statement before any of it runs. */
function runAgain(sql: string, sources: Set<string>, ctx: Context): readonly SessionChange[] {
  const inner = runText(sql, { ...ctx, out: new Collector() });
  if (inner.collector.absent.some(({ kind }) => kind !== 'column')) return [];
  take(inner, sources, ctx);
  return inner.collector.changes;
}

function take(inner: BodyFacts, sources: Set<string>, ctx: Context): void {
  for (const { column, use, with: together } of inner.collector.columnUses())
    ctx.out.use(column, use, together);
  ctx.out.mergeEffects(inner.collector, undefined);
  ctx.out.changes.push(...inner.collector.changes.flatMap(doubted));
  for (const source of inner.sources) sources.add(source);
}

/** A table may not have been made after all: where another one has its name, it is not told which is meant. */
function doubtNames(before: ReturnType<Context['state']['names']>, ctx: Context): void {
  for (const [name, change] of ctx.state.names()) {
    if (change.kind !== 'created' || before.get(name) === change) continue;
    const path = ctx.state.searchPath ?? [];
    if (path.some((schema) => ctx.catalog.relation(schema, name)))
      ctx.state.changeName(name, { kind: 'opaque' });
  }
}

/** Nor is a statement prepared, or a cursor declared, for sure: the name may stand for what it stood for before. */
function doubted(change: SessionChange): readonly SessionChange[] {
  if (change.kind === 'prepare') return [{ kind: 'deallocate', name: change.name }, { kind: 'opaque' }];
  if (change.kind === 'declare-cursor')
    return [{ kind: 'close-cursor', name: change.name }, { kind: 'opaque' }];
  if (change.kind === 'deallocate' || change.kind === 'close-cursor') return [change, { kind: 'opaque' }];
  return [change];
}
