import type { Stated } from '../../policy/decision.ts';
import { STATED_SETTINGS } from '../../policy/requirement.ts';
import type { SessionChange, StatementFacts } from '../../sql/facts.ts';
import type { Exchange } from './exchange.ts';
import type { ExecuteInFlight, InFlight, QueryInFlight } from './in-flight.ts';
import { isOpaque } from './judgement.ts';

/** What the statement that is answering does; undefined for messages that run none. */
export function factsOf(head: InFlight): StatementFacts | undefined {
  if (head.kind === 'query') return head.judgement.facts.statements[head.statement];
  return head.kind === 'execute' && !head.own ? head.portal.facts : undefined;
}

/** Mirrors what a completed statement did to the session. */
export function mirrorCompleted(
  { desk, names, state }: Exchange,
  head: QueryInFlight | ExecuteInFlight,
): void {
  const facts = factsOf(head);
  if (head.kind === 'query') names.unnamedFailed = false;
  if (facts === undefined) return;
  const text = head.kind === 'query' ? head.judgement.record.text : (head.portal.statement?.text ?? '');
  const oneOfMany = head.kind === 'query' && head.judgement.facts.statements.length > 1;
  for (const change of facts.changes) {
    // Offsets are in bytes of UTF-8.
    const own =
      oneOfMany && change.kind === 'prepare'
        ? Buffer.from(text).toString('utf8', facts.start, facts.end)
        : text;
    names.apply(change, own, text);
    state.apply(change);
    const stated = statedIn(change);
    if (stated !== undefined) desk.state(stated);
  }
  if (isOpaque(facts)) state.apply({ kind: 'opaque' });
}

/**
 * `SET hoopctl.reason = '…'` is what the requester says of its work from now on, in whatever transaction: it is its
 * own word, and undone by RESET alone. A computed value, or SET LOCAL, is not taken for it.
 */
function statedIn(change: SessionChange): Stated | undefined {
  if (change.kind === 'reset-all' || (change.kind === 'discard' && change.what === 'all'))
    return { reason: undefined, ticket: undefined };
  if (change.kind !== 'set' || change.local) return undefined;
  const key = STATED_SETTINGS[change.name.toLowerCase()];
  if (key === undefined || (change.value === undefined && !change.reset)) return undefined;
  return { [key]: change.value };
}

/** What code on the target did before it failed is not all taken back: prepared statements, the commits of a CALL. */
export function mirrorFailed({ state }: Exchange, head: InFlight): void {
  const facts = factsOf(head);
  if (facts === undefined) return;
  if (isOpaque(facts)) state.apply({ kind: 'opaque' });
  else if (facts.functions.length > 0) for (const change of facts.changes) state.apply(change);
}

/** Analysed, and mostly planned, before there is a portal. */
const ANALYSED_FIRST: ReadonlySet<string> = new Set([
  ...['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'CREATE TABLE AS'],
  ...['EXPLAIN', 'EXPLAIN ANALYZE', 'DECLARE CURSOR'],
]);

/**
 * Whether a simple query had its portal when it failed (postgres.c, exec_simple_query): not while it is analysed and
 * planned, where names are not found and a SELECT has shown nothing yet, nor in a transaction that had failed before.
 */
export function noteFailedPortal({ names }: Exchange, head: QueryInFlight, sqlstate: string): void {
  if (sqlstate === '25P02') return;
  const tag = head.judgement.facts.statements[head.statement]?.tag ?? '';
  // Permissions are looked at when it begins to run.
  const analysing =
    sqlstate !== '42501' && (tag === 'SELECT' || (ANALYSED_FIRST.has(tag) && sqlstate.startsWith('42')));
  names.unnamedFailed = head.plan !== undefined || !analysing;
}
