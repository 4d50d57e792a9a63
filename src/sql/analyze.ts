import type { Catalog, CatalogRelation, SessionState } from './catalog.ts';
import { Collector } from './collector.ts';
import { type Context, MAX_DEPTH } from './context.ts';
import type { Action, StatementFacts, TextFacts } from './facts.ts';
import { type ParsedStatement, parseText } from './parse.ts';
import { applyChanges } from './settings.ts';
import { makeFacts } from './statement-facts.ts';
import { statement } from './statements.ts';
import { TextState } from './text-state.ts';
import { acts, noteImplicitCalls } from './types.ts';

export { CONDITIONS } from './conditions.ts';
export { loadParser, MAX_TEXT_BYTES } from './parse.ts';

/** Tag of the one statement that stands for a text which PostgreSQL's grammar does not take, or we do not. */
export const UNPARSEABLE = 'UNPARSEABLE';

/**
 * What the text of one `Query` or `Parse` message does, judged against the catalog and the session's state. Later
 * statements see what earlier ones change (search_path, prepared statements, new tables). Pure and synchronous;
 * never throws: what cannot be told is the effect `unknown`, with a reason. Needs `loadParser()` once before.
 */
export function analyze(text: string, catalog: Catalog, state: SessionState): TextFacts {
  const parsed = parseText(text);
  if (!parsed.ok) {
    const { bytes, reason, syntaxError } = parsed;
    return { statements: [{ ...unparseable(bytes, reason), ...(syntaxError ? { syntaxError } : {}) }] };
  }
  const textState = new TextState(state);
  return { statements: parsed.statements.map((one) => judge(one, catalog, textState)) };
}

/** The first of these types of which a value, handed in by itself, does more than read (or of which nothing is known). */
export function actingType(
  oids: readonly number[],
  catalog: Catalog,
  session: SessionState,
): string | undefined {
  for (const oid of oids) {
    // What initdb makes has no CHECK of a user's (FirstNormalObjectId, transam.h).
    if (oid < 16_384) continue;
    const type = catalog.typeByOid(oid);
    const state = new TextState(session);
    const ctx = { catalog, state, out: new Collector(), within: [], inFunction: false, planOnly: false };
    if (type === undefined || acts(type, ctx)) return type ? `${type.schema}.${type.name}` : `OID ${oid}`;
  }
  return undefined;
}

function judge({ node, start, end }: ParsedStatement, catalog: Catalog, state: TextState): StatementFacts {
  const out = new Collector();
  const ctx: Context = { catalog, state, out, within: [], inFunction: false, planOnly: false };
  try {
    const result = statement(node, ctx);
    noteImplicitCalls(ctx);
    const facts = { ...makeFacts(result, out, start, end), tableRows: largestTable(out.actions, catalog) };
    applyChanges(state, facts.changes, catalog);
    return facts;
  } catch (error) {
    // Only a tree deeper than the stack gets here; whatever else might is as little known.
    const reason =
      error instanceof RangeError
        ? 'the statement is nested too deeply'
        : 'the statement could not be analysed';
    applyChanges(state, [{ kind: 'opaque' }], catalog);
    return { ...unparseable(end, reason), start, tag: 'UNKNOWN' };
  }
}

/** Rows of the largest relation among the objects; negative where one was never counted. */
function largestTable(actions: readonly Action[], catalog: Catalog): number {
  let largest = 0;
  for (const { object, command } of actions) {
    const dot = object?.name.indexOf('.') ?? -1;
    if (object === undefined || dot < 0) continue;
    // The catalog holds no indexes: which table one stands on is not known.
    if (command.startsWith('DROP INDEX ')) return -1;
    const relation = catalog.relation(object.name.slice(0, dot), object.name.slice(dot + 1));
    const missing = command.startsWith('REINDEX ') ? -1 : 0;
    const rows = relation === undefined ? missing : rowsOf(relation, catalog, 0);
    if (rows < 0) return -1;
    largest = Math.max(largest, rows);
  }
  return largest;
}

/** A partitioned table has the rows of its partitions. */
function rowsOf(relation: CatalogRelation, catalog: Catalog, depth: number): number {
  if (!COUNTED.has(relation.kind) || depth > MAX_DEPTH) return 0;
  if (relation.kind !== 'partitioned-table') return relation.rowEstimate;
  let sum = 0;
  for (const child of catalog.children(relation.oid)) {
    const rows = rowsOf(child, catalog, depth + 1);
    if (rows < 0) return -1;
    sum += rows;
  }
  return sum;
}

const COUNTED: ReadonlySet<string> = new Set(['table', 'partitioned-table', 'materialized-view', 'index']);

function unparseable(end: number, reason: string): StatementFacts {
  return {
    start: 0,
    end,
    tag: UNPARSEABLE,
    actions: [{ effect: 'unknown', command: UNPARSEABLE }],
    conditions: [],
    functions: [],
    columnUses: [],
    changes: [{ kind: 'opaque' }],
    reasons: [reason],
    explainable: false,
    dependsOnSession: false,
  };
}
