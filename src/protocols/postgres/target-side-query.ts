import type { Socket } from 'node:net';
import { type Clock, systemClock } from '../../base/clock.ts';
import { type HoopError, NotReachable, ProtocolViolation } from '../../base/errors.ts';
import {
  decodeDataRow,
  decodeParameterStatus,
  decodeReadyForQuery,
  decodeResponseFields,
} from './codec/backend-messages.ts';
import { BackendFramer, type FrameSink } from './codec/framer.ts';
import { queryMessage } from './codec/frontend-builders.ts';
import { backendLimits } from './codec/limits.ts';
import { BACKEND, typeText } from './codec/message-types.ts';
import { decodeText } from './codec/reader.ts';
import { statementError } from './target-side-errors.ts';

export type TextRow = readonly (string | null)[];

export interface QueryBounds {
  readonly clock?: Clock;
  /** Milliseconds for the whole answer. Default 30 s. */
  readonly deadline?: number;
  /** Bytes of all values. Default 64 MiB. */
  readonly mostBytes?: number;
  readonly mostRows?: number;
}

const DEADLINE_MS = 30_000;
const MOST_BYTES = 64 * 1024 * 1024;
const MOST_ROWS = 1_000_000;

/**
 * Runs `sql` (one or more statements) by the simple protocol on a connection nobody else uses, and returns the
 * rows of the last statement that had any, as text. For hoopctl's own questions: the catalog, tests of
 * connections. Throws NotPermitted `target_not_permitted`, Internal `target_query_failed` (the connection stays
 * usable), NotReachable, ProtocolViolation (the socket is destroyed).
 */
export async function simpleQuery(
  connection: { readonly socket: Socket; readonly serverParameters: Map<string, string> },
  sql: string,
  bounds: QueryBounds = {},
): Promise<TextRow[]> {
  const { socket } = connection;
  const answer = new Answer(connection.serverParameters, bounds);
  try {
    await receive(socket, answer, queryMessage(sql), bounds);
  } catch (error) {
    socket.destroy();
    throw error;
  }
  if (answer.error !== undefined) throw answer.error;
  return answer.rows;
}

function receive(socket: Socket, answer: Answer, query: Buffer, bounds: QueryBounds): Promise<void> {
  return new Promise((resolve, reject) => {
    const framer = new BackendFramer(backendLimits());
    const done = (error?: unknown) => {
      stop();
      socket.off('data', onData).off('close', onClose).off('end', onClose);
      socket.pause();
      if (error === undefined) resolve();
      else reject(error);
    };
    const onClose = () => done(new NotReachable('target_lost', 'the target closed the connection'));
    const onData = (chunk: Buffer) => {
      try {
        const walked = framer.push(chunk, answer);
        if (!answer.ready) return;
        if (walked < chunk.length || !framer.atBorder) {
          throw new ProtocolViolation('bytes_after_ready', 'the target went on after it was ready');
        }
        done();
      } catch (error) {
        done(error);
      }
    };
    const stop = (bounds.clock ?? systemClock).after(bounds.deadline ?? DEADLINE_MS, () =>
      done(
        new NotReachable('target_timeout', 'the target did not answer a query in time', { retryable: true }),
      ),
    );
    socket.on('data', onData).on('close', onClose).on('end', onClose);
    if (socket.destroyed) {
      onClose();
      return;
    }
    socket.write(query);
    socket.resume();
  });
}

/** Gathers the answer to one simple query. */
class Answer implements FrameSink {
  rows: TextRow[] = [];
  error: HoopError | undefined;
  ready = false;
  readonly #parameters: Map<string, string>;
  readonly #mostBytes: number;
  readonly #mostRows: number;
  #bytes = 0;
  #columns = -1;

  constructor(parameters: Map<string, string>, bounds: QueryBounds) {
    this.#parameters = parameters;
    this.#mostBytes = bounds.mostBytes ?? MOST_BYTES;
    this.#mostRows = bounds.mostRows ?? MOST_ROWS;
  }

  streams(): boolean {
    return false;
  }

  piece(): boolean {
    return false;
  }

  message(type: number, buffer: Buffer, start: number, end: number): boolean {
    switch (type) {
      case BACKEND.rowDescription:
        this.rows = [];
        this.#columns = buffer.readUInt16BE(start + 5);
        return true;
      case BACKEND.dataRow:
        this.#row(buffer, start, end);
        return true;
      case BACKEND.errorResponse:
        this.error ??= statementError(decodeResponseFields(buffer, start, end));
        return true;
      case BACKEND.parameterStatus: {
        const { name, value } = decodeParameterStatus(buffer, start, end);
        this.#parameters.set(name, value);
        return true;
      }
      case BACKEND.readyForQuery:
        decodeReadyForQuery(buffer, start, end);
        this.ready = true;
        return false;
      case BACKEND.commandComplete:
        this.#columns = -1;
        return true;
      case BACKEND.emptyQueryResponse:
      case BACKEND.noticeResponse:
      case BACKEND.notificationResponse:
        return true;
      default:
        throw new ProtocolViolation(
          'unexpected_message',
          `the target answered a query with a message of type ${typeText(type)}`,
        );
    }
  }

  #row(buffer: Buffer, start: number, end: number): void {
    const values = decodeDataRow(buffer, start, end);
    if (values.length !== this.#columns) {
      throw new ProtocolViolation('bad_row', 'the target sent a row that does not fit its description');
    }
    this.#bytes += end - start;
    if (this.#bytes > this.#mostBytes || this.rows.length >= this.#mostRows) {
      throw new ProtocolViolation(
        'answer_too_large',
        'the target answers a query with more than hoopctl takes',
      );
    }
    this.rows.push(values.map((value) => (value === null ? null : decodeText(value, 0, value.length))));
  }
}
