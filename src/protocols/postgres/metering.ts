import type { PassedLimit } from '../../session/session-meter.ts';
import { writesRows } from '../../sql/collector.ts';
import type { Exchange } from './exchange.ts';
import type { MessagePlace } from './gate.ts';
import type { InFlight } from './in-flight.ts';
import { factsOf } from './statement-effects.ts';
import { rowsWritten } from './written-rows.ts';

/**
 * Counts a row (a DataRow, or a CopyData, of which PostgreSQL sends one for each row) before it is shown. Answers the
 * limit that stands against it, `muted` where its answer was stopped before, undefined where it may be shown.
 */
export function passedBy(
  { desk, output, queue }: Exchange,
  place: MessagePlace,
): PassedLimit | 'muted' | undefined {
  if (!desk.metered) return undefined;
  const { head } = queue;
  if (output.muted || (head?.kind !== 'query' && head?.kind !== 'execute')) return 'muted';
  desk.spend('rows_read', 1);
  return desk.spend('bytes', place.end - place.start);
}

/** A statement has completed with this tag: what it wrote counts for limits, and for the card of its COMMIT. */
export function noteCompleted({ commit, desk }: Exchange, head: InFlight, tag: string): void {
  const facts = factsOf(head);
  const written = facts?.copy?.direction === 'out' && !facts.actions.some(writesRows) ? 0 : rowsWritten(tag);
  if (written > 0) desk.spend('rows_written', written);
  commit.completed(facts, tag);
}
