import { ProtocolViolation } from '../../base/errors.ts';
import type { StatementFacts } from '../../sql/facts.ts';
import {
  decodeCommandComplete,
  decodeDataRow,
  decodeParameterStatus,
  decodeReadyForQuery,
  decodeResponseFields,
} from './codec/backend-messages.ts';
import { BackendFramer, type FrameSink } from './codec/framer.ts';
import { copyDataMessage } from './codec/frontend-builders.ts';
import { BACKEND, typeText } from './codec/message-types.ts';
import type { Exchange } from './exchange.ts';
import { isOpaque } from './judgement.ts';
import type { Portal } from './names.ts';
import type { OwnQueries } from './own-query.ts';
import { namesUnknownTable, planResult, type ResultPlan } from './result-plan.ts';
import { type CopyOutRewriter, openCopyOut, parseCopyOutResponse } from './results/copy-out.ts';
import { maskDataRow } from './results/data-row.ts';
import { parseRowDescription, type ResultColumn, withResultFormats } from './results/row-plan.ts';
import { scrubErrorFields } from './results/scrub.ts';
import type { ExecuteInFlight, InFlight } from './statements.ts';

/** What the session does for this side. */
export interface TargetSideHost {
  /** A result comes from a table the catalog does not know: load it again, then call `resume`. */
  refreshCatalog(): void;
}

/** Longest row of COPY TO that is rewritten, in bytes. */
const COPY_ROW_LIMIT = 16 * 1024 * 1024;

/**
 * The target's messages in the order they came, each matched against what was asked. What nobody asked for, or
 * what does not fit its description, ends the session: nothing unmasked may pass by way of a surprise.
 */
export class TargetMessages implements FrameSink {
  readonly #x: Exchange;
  readonly #own: OwnQueries;
  readonly #host: TargetSideHost;
  readonly #framer = new BackendFramer();
  readonly #chunks: Buffer[] = [];
  #offset = 0;
  #waiting:
    | { readonly type: number; readonly buffer: Buffer; readonly start: number; readonly end: number }
    | undefined;
  #copyOut: 'none' | 'pass' | CopyOutRewriter = 'none';
  /** Tables that were looked for in a fresh catalog and not found: made in an open transaction. */
  readonly #unseen = new Set<number>();
  /** A statement of the open transaction touched masked columns: a late error could quote them. */
  #maskedInTransaction = false;
  /** The target has said that it ends the session. */
  fatal = false;

  constructor(exchange: Exchange, own: OwnQueries, host: TargetSideHost) {
    this.#x = exchange;
    this.#own = own;
    this.#host = host;
  }

  get midMessage(): boolean {
    return !this.#framer.atBorder;
  }

  get blocked(): boolean {
    return this.#waiting !== undefined;
  }

  receive(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#pump();
  }

  /** The catalog was loaded anew. */
  resume(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    this.message(waiting.type, waiting.buffer, waiting.start, waiting.end);
    this.#pump();
  }

  #pump(): void {
    for (let chunk = this.#chunks[0]; chunk && this.#waiting === undefined; chunk = this.#chunks[0]) {
      const at = this.#framer.push(chunk, this, this.#offset);
      if (at === chunk.length) {
        this.#chunks.shift();
        this.#offset = 0;
      } else {
        this.#offset = at;
      }
    }
  }

  message(type: number, buffer: Buffer, start: number, end: number): boolean {
    const x = this.#x;
    switch (type) {
      case BACKEND.dataRow:
        return this.#dataRow(type, buffer, start, end);
      case BACKEND.bindComplete:
      case BACKEND.parseComplete:
      case BACKEND.closeComplete:
        this.#confirmed(type, buffer, start, end);
        return true;
      case BACKEND.commandComplete:
      case BACKEND.emptyQueryResponse:
        this.#complete(type, buffer, start, end);
        return true;
      case BACKEND.readyForQuery:
        this.#ready(buffer, start, end);
        return true;
      case BACKEND.rowDescription:
        return this.#rowDescription(type, buffer, start, end);
      case BACKEND.noData:
        this.#noData(buffer, start, end);
        return true;
      case BACKEND.parameterDescription:
        if (this.#head(type).kind !== 'describe-statement') throw unasked(type);
        this.#pass(buffer, start, end);
        return true;
      case BACKEND.portalSuspended:
        if (this.#head(type).kind !== 'execute') throw unasked(type);
        this.#pass(buffer, start, end);
        this.#answered();
        return true;
      case BACKEND.errorResponse:
        this.#error(buffer, start, end);
        return true;
      case BACKEND.noticeResponse:
        this.#notice(buffer, start, end);
        return true;
      case BACKEND.parameterStatus: {
        const { name, value } = decodeParameterStatus(buffer, start, end);
        x.state.reported(name, value);
        x.output.pass(buffer, start, end);
        return true;
      }
      case BACKEND.notificationResponse:
        x.output.pass(buffer, start, end);
        return true;
      case BACKEND.copyData:
        this.#copyData(type, buffer, start, end);
        return true;
      case BACKEND.copyDone:
        if (this.#copyOut === 'none') throw unasked(type);
        if (this.#copyOut !== 'pass') this.#copyOut.end();
        this.#copyOut = 'none';
        x.output.pass(buffer, start, end);
        return true;
      case BACKEND.copyInResponse:
        this.#copyInResponse(type, buffer, start, end);
        return true;
      case BACKEND.copyOutResponse:
        this.#copyOutResponse(type, buffer, start, end);
        return true;
      default:
        throw unasked(type);
    }
  }

  streams(type: number): boolean {
    if (type === BACKEND.copyData) return this.#copyOut === 'pass';
    if (type !== BACKEND.dataRow) return false;
    const head = this.#x.queue.head;
    return (
      head !== undefined &&
      !head.own &&
      (head.kind === 'query' || head.kind === 'execute') &&
      head.plan !== undefined &&
      head.plan.rows === undefined
    );
  }

  piece(_type: number, buffer: Buffer, start: number, end: number, remaining: number): boolean {
    this.#x.output.pass(buffer, start, end, remaining === 0);
    return true;
  }

  #head(type: number): InFlight {
    const head = this.#x.queue.head;
    if (head === undefined || head.kind === 'refusal') throw unasked(type);
    return head;
  }

  #pass(buffer: Buffer, start: number, end: number): void {
    if (!this.#x.queue.head?.own) this.#x.output.pass(buffer, start, end);
  }

  #answered(): void {
    const head = this.#x.queue.head;
    if (head === undefined) return;
    this.#x.queue.answered();
    this.#x.settled(head);
  }

  #confirmed(type: number, buffer: Buffer, start: number, end: number): void {
    const head = this.#head(type);
    const { names } = this.#x;
    if (type === BACKEND.bindComplete && head.kind === 'bind') {
      if (!head.own) names.bindConfirmed(head.portal);
    } else if (type === BACKEND.parseComplete && head.kind === 'parse') {
      if (!head.own) names.parseConfirmed(head.statement);
    } else if (type === BACKEND.closeComplete && head.kind === 'close') {
      if (!head.own) names.closed(head.what, head.name);
    } else {
      throw unasked(type);
    }
    this.#pass(buffer, start, end);
    this.#answered();
    if (head.own && head.kind === 'close' && head.what === 'statement') this.#own.answered('close-statement');
  }

  #rowDescription(type: number, buffer: Buffer, start: number, end: number): boolean {
    const head = this.#head(type);
    const columns = parseRowDescription(buffer, start, end);
    if (head.kind === 'describe-statement' || head.kind === 'describe-portal') {
      this.#described(head, columns);
      this.#pass(buffer, start, end);
      this.#answered();
      return true;
    }
    if (head.kind !== 'query' || head.plan !== undefined) throw unasked(type);
    if (this.#mustLookAgain(columns, type, buffer, start, end)) return false;
    head.plan = planResult(columns, head.judgement.facts.statements[head.statement], this.#x.masking());
    this.#x.output.pass(buffer, start, end);
    return true;
  }

  #described(
    head: Extract<InFlight, { kind: 'describe-statement' | 'describe-portal' }>,
    columns: readonly ResultColumn[],
  ): void {
    if (head.kind === 'describe-statement') {
      head.statement.columns = columns;
      return;
    }
    head.portal.columns = columns;
    if (head.portal.statement) head.portal.statement.columns = columns;
  }

  /** Some table is not in the catalog: the message waits until it was loaded once more. */
  #mustLookAgain(
    columns: readonly ResultColumn[],
    type: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): boolean {
    const { masked } = this.#x.masking();
    if (!namesUnknownTable(columns, masked)) return false;
    const unknown = columns.filter((one) => one.tableOid !== 0 && !masked.knowsTable(one.tableOid));
    if (unknown.every((one) => this.#unseen.has(one.tableOid))) return false;
    for (const one of unknown) this.#unseen.add(one.tableOid);
    this.#waiting = { type, buffer, start, end };
    this.#host.refreshCatalog();
    return true;
  }

  #noData(buffer: Buffer, start: number, end: number): void {
    const head = this.#head(BACKEND.noData);
    if (head.kind !== 'describe-statement' && head.kind !== 'describe-portal') throw unasked(BACKEND.noData);
    this.#described(head, []);
    this.#pass(buffer, start, end);
    this.#answered();
  }

  #dataRow(type: number, buffer: Buffer, start: number, end: number): boolean {
    const head = this.#head(type);
    if (head.kind !== 'query' && head.kind !== 'execute') throw unasked(type);
    if (head.own) {
      this.#own.row(decodeDataRow(buffer, start, end).map((value) => value?.toString('utf8') ?? null));
      return true;
    }
    let plan = head.plan;
    if (plan === undefined) {
      if (head.kind === 'query') throw unasked(type);
      const columns = columnsOf(head.portal);
      if (columns && this.#mustLookAgain(columns, type, buffer, start, end)) return false;
      plan = this.#planOfPortal(head, columns);
    }
    if (plan.rows === undefined) {
      const count = ((buffer[start + 5] ?? 0) << 8) | (buffer[start + 6] ?? 0);
      if (plan.columns >= 0 && (end - start < 7 || count !== plan.columns)) {
        throw new ProtocolViolation(
          'bad_data_row',
          'the target sent a row with more or fewer columns than described',
        );
      }
      this.#x.output.pass(buffer, start, end);
      return true;
    }
    const masked = maskDataRow(buffer, start, end, plan.rows);
    if (masked === undefined) this.#x.output.pass(buffer, start, end);
    else this.#x.output.say(masked);
    return true;
  }

  #planOfPortal(head: ExecuteInFlight, columns: readonly ResultColumn[] | undefined): ResultPlan {
    const masking = this.#x.masking();
    const { statement, resultFormats, facts } = head.portal;
    if (columns === undefined) {
      if (!masking.masked.none)
        throw new ProtocolViolation('row_without_description', 'rows came before their description');
      head.plan = { columns: -1, rows: undefined };
      return head.plan;
    }
    const known = statement?.plan;
    if (known && known.masking === masking && sameFormats(known.formats, resultFormats)) {
      head.plan = known.plan;
    } else {
      head.plan = planResult(columns, facts, masking);
      if (statement) statement.plan = { masking, formats: resultFormats, plan: head.plan };
    }
    return head.plan;
  }

  #complete(type: number, buffer: Buffer, start: number, end: number): void {
    const head = this.#head(type);
    if (type === BACKEND.commandComplete) decodeCommandComplete(buffer, start, end);
    if (head.kind === 'query') {
      this.#effects(head.judgement.facts.statements[head.statement], head.judgement.record.text);
      this.#x.output.pass(buffer, start, end);
      head.statement++;
      head.plan = undefined;
    } else if (head.kind === 'execute') {
      if (!head.own) this.#effects(head.portal.facts, head.portal.statement?.text ?? '');
      this.#pass(buffer, start, end);
      this.#answered();
    } else {
      throw unasked(type);
    }
    this.#copyOut = 'none';
    if (!head.own) this.#x.copyIn = false;
  }

  /** Mirrors what a completed statement did to the session. */
  #effects(facts: StatementFacts | undefined, text: string): void {
    if (facts === undefined) return;
    const { names, state } = this.#x;
    for (const change of facts.changes) {
      names.apply(change, text);
      state.apply(change);
    }
    if (isOpaque(facts)) state.apply({ kind: 'opaque' });
  }

  #ready(buffer: Buffer, start: number, end: number): void {
    const head = this.#head(BACKEND.readyForQuery);
    if (head.kind !== 'query' && head.kind !== 'sync') throw unasked(BACKEND.readyForQuery);
    const status = decodeReadyForQuery(buffer, start, end);
    this.#x.copyIn = false;
    this.#copyOut = 'none';
    if (head.kind === 'query' && head.judgement.touchesMasked) this.#maskedInTransaction = true;
    if (status === 'idle') this.#maskedInTransaction = false;
    this.#x.state.ready(status);
    this.#pass(buffer, start, end);
    this.#answered();
    if (head.own) this.#own.answered('sync');
  }

  #error(buffer: Buffer, start: number, end: number): void {
    const x = this.#x;
    const head = x.queue.head;
    const fields = decodeResponseFields(buffer, start, end);
    x.copyIn = false;
    this.#copyOut = 'none';
    if (fields.severity === 'FATAL' || fields.severity === 'PANIC') {
      this.fatal = true;
      x.output.say(this.#scrubbed(head, buffer, start, end));
      return;
    }
    if (head === undefined) throw unasked(BACKEND.errorResponse);
    if (head.kind === 'refusal') {
      x.output.say(head.error);
    } else if (head.own && head.kind !== 'describe-portal') {
      if (head.kind !== 'sync') this.#own.failed(`${fields.sqlstate}: ${fields.message}`);
    } else {
      x.output.say(this.#scrubbed(head, buffer, start, end));
    }
    if (head.kind === 'query') {
      head.failed = true;
      head.plan = undefined;
      return;
    }
    if (head.kind === 'sync') return;
    x.queue.failed((dropped) => {
      if (dropped.kind === 'parse' && !dropped.own) x.names.parseFailed(dropped.statement);
      if (dropped.kind === 'bind' && !dropped.own) x.names.bindFailed(dropped.portal);
      x.settled(dropped);
    });
  }

  #notice(buffer: Buffer, start: number, end: number): void {
    const head = this.#x.queue.head;
    if (head?.own) return;
    decodeResponseFields(buffer, start, end);
    if (this.#mayQuoteMasked(head)) this.#x.output.say(scrubErrorFields(buffer.subarray(start, end)));
    else this.#x.output.pass(buffer, start, end);
  }

  #scrubbed(head: InFlight | undefined, buffer: Buffer, start: number, end: number): Buffer {
    const message = buffer.subarray(start, end);
    return this.#mayQuoteMasked(head) ? scrubErrorFields(message) : message;
  }

  #mayQuoteMasked(head: InFlight | undefined): boolean {
    if (this.#maskedInTransaction) return true;
    switch (head?.kind) {
      case 'query':
        return head.judgement.touchesMasked;
      case 'parse':
      case 'describe-statement':
        return head.statement.judgement?.touchesMasked ?? false;
      case 'bind':
      case 'execute':
      case 'describe-portal':
        if (head.portal.judgement?.touchesMasked) this.#maskedInTransaction = true;
        return this.#maskedInTransaction;
      default:
        return false;
    }
  }

  #copyInResponse(type: number, buffer: Buffer, start: number, end: number): void {
    const head = this.#head(type);
    if (this.#copyFacts(head)?.copy?.direction !== 'in') throw unasked(type);
    if (head.kind === 'execute') this.#x.queue.ignoreSentSyncs();
    this.#x.copyIn = true;
    this.#x.output.pass(buffer, start, end);
  }

  #copyOutResponse(type: number, buffer: Buffer, start: number, end: number): void {
    const head = this.#head(type);
    const facts = this.#copyFacts(head);
    if (facts?.copy?.direction !== 'out') throw unasked(type);
    const { masked, terms } = this.#x.masking();
    this.#copyOut = 'pass';
    if (!masked.none) {
      const response = parseCopyOutResponse(buffer, start, end);
      const columns = Array.from({ length: response.columns }, (_, position) => ({
        typeOid: 0,
        typmod: -1,
        mask: facts.outputs?.[position]?.sources.map((source) => masked.ofName(source)).find((mask) => mask),
      }));
      this.#copyOut = openCopyOut(facts.copy, response, columns, terms, COPY_ROW_LIMIT) ?? 'pass';
    }
    this.#x.output.pass(buffer, start, end);
  }

  #copyFacts(head: InFlight): StatementFacts | undefined {
    if (head.kind === 'query') return head.judgement.facts.statements[head.statement];
    return head.kind === 'execute' && !head.own ? head.portal.facts : undefined;
  }

  #copyData(type: number, buffer: Buffer, start: number, end: number): void {
    if (this.#copyOut === 'none') throw unasked(type);
    if (this.#copyOut === 'pass') {
      this.#x.output.pass(buffer, start, end);
      return;
    }
    const data = buffer.subarray(start + 5, end);
    const rewritten = this.#copyOut.write(data);
    if (rewritten === data) this.#x.output.pass(buffer, start, end);
    else if (rewritten.length > 0) this.#x.output.say(copyDataMessage(rewritten));
  }
}

function columnsOf(portal: Portal): readonly ResultColumn[] | undefined {
  if (portal.columns) return portal.columns;
  return portal.statement?.columns && withResultFormats(portal.statement.columns, portal.resultFormats);
}

function sameFormats(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((format, i) => format === b[i]);
}

function unasked(type: number): ProtocolViolation {
  return new ProtocolViolation(
    'unasked_message',
    `the target sent ${typeText(type)}, which nothing had asked for`,
  );
}
