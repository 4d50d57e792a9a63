import { takeFirst } from '../../base/chunks.ts';
import { CatalogDoubt } from './catalog-doubt.ts';
import {
  decodeCommandComplete,
  decodeDataRow,
  decodeParameterStatus,
  decodeReadyForQuery,
  decodeResponseFields,
} from './codec/backend-messages.ts';
import { BackendFramer, type FrameSink } from './codec/framer.ts';
import { BACKEND } from './codec/message-types.ts';
import { confirmName, describeNamed, dropSkipped } from './confirmations.ts';
import { CopiesOut } from './copies-out.ts';
import type { Exchange } from './exchange.ts';
import type { MessagePlace } from './gate.ts';
import type { InFlight } from './in-flight.ts';
import { noteCompleted, passedBy } from './metering.ts';
import type { OwnQueries } from './own-query.ts';
import { RowDescriptions } from './results/row-descriptions.ts';
import type { ResultColumn } from './results/row-plan.ts';
import { columnsOf, RowsOut, rowsStream } from './rows-out.ts';
import { factsOf, mirrorCompleted, mirrorFailed, noteFailedPortal } from './statement-effects.ts';
import type { TargetSideHost } from './target-side-host.ts';
import { TextsOut } from './texts-out.ts';
import { unasked } from './unasked.ts';
import { changedMeanwhileError, limitError } from './words.ts';

/**
 * The target's messages in the order they came, each matched against what was asked. What nobody asked for, or
 * what does not fit its description, ends the session: nothing unmasked may pass by way of a surprise.
 */
export class TargetMessages implements FrameSink {
  readonly #x: Exchange;
  readonly #own: OwnQueries;
  readonly #host: TargetSideHost;
  readonly #rows: RowsOut;
  readonly #copies: CopiesOut;
  readonly #texts: TextsOut;
  readonly #doubt: CatalogDoubt;
  readonly #framer = new BackendFramer();
  readonly #descriptions = new RowDescriptions();
  readonly #chunks: Buffer[] = [];
  #offset = 0;
  /** A message whose tables are being looked for. */
  #waiting: MessagePlace | undefined;
  /** The target has said that it ends the session. */
  fatal = false;

  constructor(exchange: Exchange, own: OwnQueries, host: TargetSideHost) {
    this.#x = exchange;
    this.#own = own;
    this.#host = host;
    this.#rows = new RowsOut(exchange);
    this.#copies = new CopiesOut(exchange);
    this.#texts = new TextsOut(exchange);
    this.#doubt = new CatalogDoubt(exchange);
  }

  get midMessage(): boolean {
    return !this.#framer.atBorder;
  }

  get blocked(): boolean {
    return this.#waiting !== undefined;
  }

  /** Throws ProtocolViolation when the target breaks the protocol. */
  receive(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.pump();
  }

  /** The catalog was loaded anew, or an approver let a result go on. Throws like `receive`. */
  resume(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    this.message(waiting.type, waiting.buffer, waiting.start, waiting.end);
    this.pump();
  }

  /** Takes what has come meanwhile. */
  pump(): void {
    for (let chunk = this.#chunks[0]; chunk && this.#waiting === undefined; chunk = this.#chunks[0]) {
      const at = this.#framer.push(chunk, this, this.#offset);
      this.#offset = at === chunk.length ? 0 : at;
      if (at === chunk.length) takeFirst(this.#chunks);
    }
  }

  message(type: number, buffer: Buffer, start: number, end: number): boolean {
    switch (type) {
      case BACKEND.dataRow:
        this.#dataRow(type, buffer, start, end);
        break;
      case BACKEND.bindComplete:
      case BACKEND.parseComplete:
      case BACKEND.closeComplete:
        this.#confirmed(type, buffer, start, end);
        break;
      case BACKEND.commandComplete:
      case BACKEND.emptyQueryResponse:
        this.#complete(type, buffer, start, end);
        break;
      case BACKEND.readyForQuery:
        this.#ready(buffer, start, end);
        break;
      case BACKEND.rowDescription:
        this.#rowDescription(type, buffer, start, end);
        break;
      case BACKEND.noData:
        this.#described([], buffer, start, end);
        break;
      case BACKEND.copyData:
        if (this.#mayShow({ type, buffer, start, end })) this.#copies.data(buffer, start, end);
        break;
      default:
        this.#rarely(type, buffer, start, end);
    }
    return this.#waiting === undefined;
  }

  #rarely(type: number, buffer: Buffer, start: number, end: number): void {
    const { output, queue, state } = this.#x;
    switch (type) {
      case BACKEND.parameterDescription:
        if (this.#head(type).kind !== 'describe-statement') throw unasked(type);
        return this.#pass(buffer, start, end);
      case BACKEND.portalSuspended:
        if (this.#head(type).kind !== 'execute') throw unasked(type);
        this.#pass(buffer, start, end);
        return this.#answered();
      case BACKEND.errorResponse:
        return this.#error(buffer, start, end);
      case BACKEND.noticeResponse:
        decodeResponseFields(buffer, start, end);
        if (!queue.head?.own) output.say(this.#texts.response(queue.head, buffer.subarray(start, end)));
        return;
      case BACKEND.notificationResponse:
        return output.say(this.#texts.notification(buffer, start, end));
      case BACKEND.parameterStatus: {
        const { name, value } = decodeParameterStatus(buffer, start, end);
        state.reported(name, value);
        return output.pass(buffer, start, end);
      }
      case BACKEND.functionCallResponse:
        return this.#rows.callResult(this.#head(type), { type, buffer, start, end });
      case BACKEND.copyDone:
        return this.#copies.done(buffer, start, end);
      case BACKEND.copyInResponse:
        return this.#copies.beginIn(this.#head(type), buffer, start, end);
      case BACKEND.copyOutResponse:
        if (this.#doubtful(this.#head(type), { type, buffer, start, end })) return;
        return this.#copies.begin(factsOf(this.#head(type)), buffer, start, end);
      default:
        throw unasked(type);
    }
  }

  streams(type: number): boolean {
    if (this.#x.desk.metered) return false;
    if (type === BACKEND.copyData) return this.#copies.passes;
    return type === BACKEND.dataRow && rowsStream(this.#x.queue.head);
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
    confirmName(this.#x, type, head);
    this.#pass(buffer, start, end);
    this.#answered();
    if (head.own && head.kind === 'close' && head.what === 'statement') this.#own.answered('close-statement');
  }

  #rowDescription(type: number, buffer: Buffer, start: number, end: number): void {
    const head = this.#head(type);
    const columns = this.#descriptions.read(buffer, start, end);
    if (head.kind !== 'query') return this.#described(columns, buffer, start, end);
    if (head.plan !== undefined) throw unasked(type);
    if (this.#doubtful(head, { type, buffer, start, end })) return;
    if (!this.#rows.knows(columns)) return this.#lookAgain({ type, buffer, start, end });
    this.#rows.describe(head, columns);
    this.#x.output.pass(buffer, start, end);
  }

  /** The answer to a Describe. */
  #described(columns: readonly ResultColumn[], buffer: Buffer, start: number, end: number): void {
    const head = this.#head(BACKEND.rowDescription);
    describeNamed(head, columns);
    this.#pass(buffer, start, end);
    this.#answered();
  }

  #dataRow(type: number, buffer: Buffer, start: number, end: number): void {
    const head = this.#head(type);
    if (head.kind !== 'query' && head.kind !== 'execute') throw unasked(type);
    if (head.own) {
      const values = decodeDataRow(buffer, start, end);
      return this.#own.row(values.map((value) => value?.toString('utf8') ?? null));
    }
    if (head.plan === undefined && this.#doubtful(head, { type, buffer, start, end })) return;
    if (head.plan === undefined && head.kind === 'execute' && !this.#rows.knows(columnsOf(head.portal))) {
      return this.#lookAgain({ type, buffer, start, end });
    }
    if (this.#mayShow({ type, buffer, start, end })) this.#rows.row(head, buffer, start, end);
  }

  /** False when a limit stops the row, or keeps it waiting for an approver. */
  #mayShow(place: MessagePlace): boolean {
    const passed = passedBy(this.#x, place);
    if (passed === undefined || passed === 'muted') return passed === undefined;
    if (passed.limit.decision === 'approve') {
      const { head } = this.#x.queue;
      this.#waiting = place;
      if (head?.kind === 'query' || head?.kind === 'execute') this.#host.holdResult(passed, head);
    } else {
      this.stop(limitError(passed));
    }
    return false;
  }

  /** The client reads of the present answer no more than this error. Its statement has run, or is cancelled. */
  stop(error: Buffer): void {
    this.#waiting = undefined;
    this.#x.output.say(error);
    this.#x.output.mute();
    this.#host.cancelOnTarget();
  }

  /** Another session changes the catalog: whether this result still is of what was judged is looked at first. */
  #doubtful(head: InFlight, place: MessagePlace): boolean {
    const doubt = this.#doubt.over(head);
    if (doubt === 'another') this.stop(changedMeanwhileError());
    if (doubt === 'look') this.#lookAgain(place);
    return doubt === 'look';
  }

  #lookAgain(place: MessagePlace): void {
    this.#waiting = place;
    this.#host.refreshCatalog();
  }

  #complete(type: number, buffer: Buffer, start: number, end: number): void {
    const head = this.#head(type);
    if (type === BACKEND.commandComplete) {
      const tag = decodeCommandComplete(buffer, start, end);
      if (!head.own) noteCompleted(this.#x, head, tag);
    }
    this.#copies.over();
    if (head.kind === 'query') {
      this.#x.copyIn = false;
      mirrorCompleted(this.#x, head);
      this.#tellCommitted();
      this.#x.output.pass(buffer, start, end);
      head.statement++;
      head.plan = undefined;
      return;
    }
    if (head.kind !== 'execute') throw unasked(type);
    if (!head.own) {
      this.#x.copyIn = false;
      mirrorCompleted(this.#x, head);
      this.#texts.answered(head, false);
    }
    this.#pass(buffer, start, end);
    this.#answered();
  }

  #ready(buffer: Buffer, start: number, end: number): void {
    const head = this.#head(BACKEND.readyForQuery);
    if (head.kind !== 'query' && head.kind !== 'sync') throw unasked(BACKEND.readyForQuery);
    const status = decodeReadyForQuery(buffer, start, end);
    this.#x.copyIn = false;
    this.#copies.over();
    this.#texts.answered(head, status === 'idle');
    this.#x.state.ready(status);
    this.#x.commit.ready(status === 'idle');
    this.#tellCommitted();
    if (status === 'idle') this.#x.catalogSettled();
    if (!head.own) this.#x.output.unmute();
    this.#pass(buffer, start, end);
    this.#answered();
    if (head.own) this.#own.answered('sync');
  }

  /** Other sessions see it from now on: not only when this one's whole message has been answered. */
  #tellCommitted(): void {
    if (!this.#x.state.catalogCommitted) return;
    this.#x.state.catalogCommitted = false;
    this.#host.catalogChanged();
  }

  #error(buffer: Buffer, start: number, end: number): void {
    const {
      output,
      queue: { head },
    } = this.#x;
    const fields = decodeResponseFields(buffer, start, end);
    this.#x.copyIn = false;
    this.#copies.over();
    this.fatal = fields.severity === 'FATAL' || fields.severity === 'PANIC';
    if (this.fatal) return output.say(this.#texts.response(head, buffer.subarray(start, end)));
    if (head === undefined) throw unasked(BACKEND.errorResponse);
    if (head.kind === 'refusal') output.say(head.error);
    // The gateway's own Describe fails only where the client's Execute behind it would have failed likewise.
    else if (!head.own || head.kind === 'describe-portal') {
      output.say(this.#texts.response(head, buffer.subarray(start, end)));
    } else if (head.kind !== 'sync') this.#own.refused(fields.sqlstate, fields.message);
    mirrorFailed(this.#x, head);
    if (head.kind === 'query') {
      noteFailedPortal(this.#x, head, fields.sqlstate);
      head.plan = undefined;
      return;
    }
    if (head.kind === 'sync') return;
    dropSkipped(this.#x, this.#own);
  }
}
