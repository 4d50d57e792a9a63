import { ProtocolViolation } from '../../base/errors.ts';
import type { Exchange } from './exchange.ts';
import type { MessagePlace } from './gate.ts';
import type { ExecuteInFlight, InFlight, QueryInFlight } from './in-flight.ts';
import { maskedResponse } from './large-objects.ts';
import type { Portal } from './names.ts';
import { namesUnknownTable, planResult, type ResultPlan } from './result-plan.ts';
import { checkDataRow, maskDataRow } from './results/data-row.ts';
import { type ResultColumn, withResultFormats } from './results/row-plan.ts';

/** Rows on their way to the client, each result by a plan that is made once. */
export class RowsOut {
  readonly #x: Exchange;
  /** Tables that were looked for in a fresh catalog and not found: made in an open transaction. */
  readonly #unseen = new Set<number>();

  constructor(exchange: Exchange) {
    this.#x = exchange;
  }

  /**
   * False when a column comes from a table that the catalog does not know: then it must be loaded anew, and the
   * message be given once more.
   */
  knows(columns: readonly ResultColumn[] | undefined): boolean {
    const { masked } = this.#x.masking();
    if (columns === undefined || !namesUnknownTable(columns, masked)) return true;
    const unknown = columns.filter((one) => one.tableOid !== 0 && !masked.knowsTable(one.tableOid));
    if (unknown.every((one) => this.#unseen.has(one.tableOid))) return true;
    for (const one of unknown) this.#unseen.add(one.tableOid);
    return false;
  }

  /** RowDescription in the answer to a simple query. */
  describe(head: QueryInFlight, columns: readonly ResultColumn[]): void {
    head.plan = planResult(columns, head.judgement.facts.statements[head.statement], this.#x.masking());
  }

  /** One whole DataRow. Throws ProtocolViolation when it is not as described. */
  row(head: QueryInFlight | ExecuteInFlight, buffer: Buffer, start: number, end: number): void {
    const plan = head.plan ?? (head.kind === 'execute' ? this.#planOf(head) : undefined);
    if (plan === undefined) throw withoutDescription();
    if (plan.rows === undefined) {
      if (plan.columns >= 0) checkDataRow(buffer, start, end, plan.columns);
      this.#x.output.pass(buffer, start, end);
      return;
    }
    const masked = maskDataRow(buffer, start, end, plan.rows);
    if (masked === undefined) this.#x.output.pass(buffer, start, end);
    else this.#x.output.say(masked);
  }

  /** FunctionCallResponse. Throws ProtocolViolation when no FunctionCall is being answered. */
  callResult(head: InFlight, place: MessagePlace): void {
    const call = head.kind === 'query' ? head.call : undefined;
    if (call === undefined) {
      throw new ProtocolViolation('unasked_message', 'the target answered a function call nobody made');
    }
    const masked = maskedResponse(call.of, call.format, place, this.#x.masking());
    if (masked) this.#x.output.say(masked);
    else this.#x.output.pass(place.buffer, place.start, place.end);
  }

  #planOf(head: ExecuteInFlight): ResultPlan {
    const masking = this.#x.masking();
    const { statement, resultFormats, facts } = head.portal;
    const columns = columnsOf(head.portal);
    if (columns === undefined) {
      if (!masking.masked.none) throw withoutDescription();
      head.plan = { columns: -1, rows: undefined };
      return head.plan;
    }
    // What FETCH and EXECUTE return is another matter each time.
    const kept = facts?.dependsOnSession ? undefined : statement;
    const known = kept?.plan;
    if (known && known.masking === masking && sameFormats(known.formats, resultFormats)) {
      head.plan = known.plan;
    } else {
      head.plan = planResult(columns, facts, masking);
      if (kept) kept.plan = { masking, formats: resultFormats, plan: head.plan };
    }
    return head.plan;
  }
}

/** Rows that nothing is done to may go on in pieces. */
export function rowsStream(head: InFlight | undefined): boolean {
  if (head === undefined || head.own || (head.kind !== 'query' && head.kind !== 'execute')) return false;
  return head.plan !== undefined && head.plan.rows === undefined;
}

/** Columns of what a portal returns, with the formats its Bind asked for; undefined when nobody has described them. */
export function columnsOf(portal: Portal): readonly ResultColumn[] | undefined {
  if (portal.columns) return portal.columns;
  return portal.inherited && withResultFormats(portal.inherited, portal.resultFormats);
}

function sameFormats(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((format, i) => format === b[i]);
}

function withoutDescription(): ProtocolViolation {
  return new ProtocolViolation('row_without_description', 'the target sent rows before their description');
}
