import { isRightAligned } from '../../../base/psql-alignment.ts';
import type { ReplayEvent } from '../../../recording/events.ts';
import {
  type ColumnDescription,
  decodeCommandComplete,
  decodeCopyResponse,
  decodeDataRow,
  decodeNotificationResponse,
  decodeParameterDescription,
  decodeResponseFields,
  decodeRowDescription,
} from '../codec/backend-messages.ts';
import { BackendFramer, type FrameSink } from '../codec/framer.ts';
import { decodeBody, type FormatCode, formatAt } from '../codec/frontend-messages.ts';
import { BACKEND } from '../codec/message-types.ts';
import type { Dialogue } from './dialogue.ts';
import { LONGEST_SHOWN, LongMessage } from './long-messages.ts';
import { valueText } from './value-text.ts';

/** The result whose rows are coming. */
interface Result {
  readonly columns: readonly ColumnDescription[] | undefined;
  /** As Bind gave them; undefined when the description itself tells. */
  readonly formats: readonly FormatCode[] | undefined;
}

/** The server's bytes as the client saw them: results, COPY data, errors, notices. */
export class ServerStream implements FrameSink {
  readonly #framer = new BackendFramer();
  readonly #dialogue: Dialogue;
  readonly #long = new LongMessage();
  #out: ReplayEvent[] = [];
  #at = 0;
  #result: Result | undefined;
  #copyFormat: FormatCode = 0;

  constructor(dialogue: Dialogue) {
    this.#dialogue = dialogue;
  }

  /** Throws ProtocolViolation for bytes that are no messages; nothing after that can be read. */
  push(bytes: Buffer, at: number, out: ReplayEvent[]): void {
    this.#out = out;
    this.#at = at;
    this.#framer.push(bytes, this);
  }

  message(type: number, buffer: Buffer, start: number, end: number): boolean {
    switch (type) {
      case BACKEND.dataRow:
        this.#row(decodeDataRow(buffer, start, end));
        break;
      case BACKEND.rowDescription:
        this.#described(decodeRowDescription(buffer, start, end));
        break;
      case BACKEND.noData:
        this.#describeAnswered([]);
        break;
      case BACKEND.parameterDescription:
        this.#parametersDescribed(decodeParameterDescription(buffer, start, end));
        break;
      case BACKEND.parseComplete:
        this.#dialogue.take('parse');
        break;
      case BACKEND.bindComplete:
        this.#dialogue.take('bind');
        break;
      case BACKEND.closeComplete:
        this.#dialogue.take('close');
        break;
      case BACKEND.commandComplete:
        this.#completed(decodeCommandComplete(buffer, start, end));
        break;
      case BACKEND.portalSuspended:
      case BACKEND.emptyQueryResponse:
        this.#executionOver();
        break;
      case BACKEND.readyForQuery:
        this.#result = undefined;
        this.#dialogue.ready();
        break;
      case BACKEND.copyInResponse:
        this.#dialogue.copyBegins(decodeCopyResponse(buffer, start, end).format);
        break;
      case BACKEND.copyOutResponse:
      case BACKEND.copyBothResponse:
        this.#copyFormat = decodeCopyResponse(buffer, start, end).format;
        break;
      case BACKEND.copyData:
        this.#copy(decodeBody(buffer, start, end));
        break;
      default:
        this.#said(type, buffer, start, end);
    }
    return true;
  }

  streams(_type: number, length: number): boolean {
    return length > LONGEST_SHOWN;
  }

  piece(type: number, _buffer: Buffer, start: number, end: number, remaining: number): boolean {
    const what = type === BACKEND.dataRow ? 'a row' : 'data of the server';
    const told = this.#long.piece(what, end - start, remaining, this.#at);
    if (told) this.#out.push(told);
    return true;
  }

  /** What may come at any time. */
  #said(type: number, buffer: Buffer, start: number, end: number): void {
    const at = this.#at;
    if (type === BACKEND.notificationResponse) {
      const { channel, payload } = decodeNotificationResponse(buffer, start, end);
      this.#out.push({ type: 'notification', at, channel, payload });
    } else if (type === BACKEND.noticeResponse) {
      const { severity, message, detail, hint } = decodeResponseFields(buffer, start, end);
      this.#out.push({ type: 'notice', at, severity, message, detail: detail ?? null, hint: hint ?? null });
    } else if (type === BACKEND.errorResponse) {
      const { severity, sqlstate, message, detail, hint } = decodeResponseFields(buffer, start, end);
      this.#out.push({
        type: 'error',
        at,
        severity,
        sqlstate,
        message,
        detail: detail ?? null,
        hint: hint ?? null,
      });
      this.#result = undefined;
      this.#dialogue.failed();
    }
  }

  /** RowDescription answers a Describe, or begins a result of a simple query. */
  #described(columns: readonly ColumnDescription[]): void {
    if (this.#dialogue.peek('describe', 'query')?.kind === 'describe') {
      this.#describeAnswered(columns);
      return;
    }
    this.#begin({ columns, formats: undefined });
  }

  #describeAnswered(columns: readonly ColumnDescription[]): void {
    const described = this.#dialogue.take('describe')?.of;
    if (described) described.columns = columns;
  }

  #parametersDescribed(types: readonly number[]): void {
    const described = this.#dialogue.peek('describe')?.of;
    if (described && 'parameterTypes' in described) described.parameterTypes = types;
  }

  #begin(result: Result): void {
    this.#result = result;
    if (!result.columns) return;
    this.#columns(
      result.columns.map((column) => column.name),
      result.columns.map((column) => isRightAligned(column.typeOid)),
    );
  }

  #columns(names: readonly string[], rightAligned: readonly boolean[]): void {
    this.#out.push({ type: 'columns', at: this.#at, names, rightAligned });
  }

  /** The result of an Execute: described for its portal, or for the statement some time before. */
  #beginExecuted(columnCount: number | undefined): void {
    const portal = this.#dialogue.peek('execute', 'query');
    const executed = portal?.kind === 'execute' ? portal.portal : undefined;
    const columns = executed?.columns ?? executed?.statement?.columns;
    const fits = columns !== undefined && (columnCount === undefined || columns.length === columnCount);
    if (columnCount === undefined && (!fits || columns.length === 0 || executed?.shown)) return;
    if (executed) executed.shown = true;
    this.#begin({ columns: fits ? columns : undefined, formats: executed?.formats });
    if (!fits && columnCount !== undefined) {
      // What PostgreSQL itself calls a column without a name.
      this.#columns(Array<string>(columnCount).fill('?column?'), Array<boolean>(columnCount).fill(false));
    }
  }

  #row(values: readonly (Buffer | null)[]): void {
    if (!this.#result) this.#beginExecuted(values.length);
    const { columns, formats } = this.#result ?? {};
    const texts = values.map((value, i) => {
      if (value === null) return null;
      const column = columns?.[i];
      return valueText(value, column?.typeOid ?? 0, formats ? formatAt(formats, i) : (column?.format ?? 0));
    });
    this.#out.push({ type: 'row', at: this.#at, values: texts });
  }

  #copy(data: Buffer): void {
    const text = this.#copyFormat === 0 ? data.toString() : `\\x${data.toString('hex')}`;
    this.#out.push({ type: 'copy', at: this.#at, direction: 'out', data: text });
  }

  #completed(tag: string): void {
    // A result without rows still has columns, as psql shows them.
    if (!this.#result) this.#beginExecuted(undefined);
    this.#out.push({ type: 'complete', at: this.#at, tag });
    this.#executionOver();
  }

  #executionOver(): void {
    this.#result = undefined;
    if (this.#dialogue.peek('execute', 'query')?.kind === 'execute') this.#dialogue.take('execute');
  }
}
