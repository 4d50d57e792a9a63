import type { ColumnDescription, TransactionStatus } from './backend-messages.ts';
import type { FormatCode } from './frontend-messages.ts';
import { BACKEND } from './message-types.ts';
import { MessageWriter } from './writer.ts';

/** Messages hoopctl sends to a client in the server's place (PostgreSQL docs 54.7). */

export type ErrorSeverity = 'ERROR' | 'FATAL' | 'PANIC';
export type NoticeSeverity = 'WARNING' | 'NOTICE' | 'DEBUG' | 'INFO' | 'LOG';

/** What an error or notice says (docs 54.8). NUL characters are shown as U+2400. */
export interface ResponseText<Severity extends string> {
  readonly severity: Severity;
  /** Five characters. */
  readonly sqlstate: string;
  readonly message: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  /** 1-based, in characters of the statement's text. */
  readonly position?: number | undefined;
  readonly routine?: string | undefined;
}

export function errorResponse(text: ResponseText<ErrorSeverity>): Buffer {
  return response(BACKEND.errorResponse, text);
}

export function noticeResponse(text: ResponseText<NoticeSeverity>): Buffer {
  return response(BACKEND.noticeResponse, text);
}

function response(type: number, text: ResponseText<string>): Buffer {
  const writer = new MessageWriter().begin(type);
  const field = (letter: string, value: string | undefined) => {
    if (value === undefined) return;
    writer.byte(letter.charCodeAt(0)).string(value.replaceAll('\0', '\u2400'));
  };
  field('S', text.severity);
  field('V', text.severity);
  field('C', text.sqlstate);
  field('M', text.message);
  field('D', text.detail);
  field('H', text.hint);
  field('P', text.position?.toString());
  field('R', text.routine);
  return writer.byte(0).end().take();
}

/** The whole message for each status; never written to. */
const READY: Readonly<Record<TransactionStatus, Buffer>> = {
  idle: Buffer.from([BACKEND.readyForQuery, 0, 0, 0, 5, 0x49]),
  open: Buffer.from([BACKEND.readyForQuery, 0, 0, 0, 5, 0x54]),
  failed: Buffer.from([BACKEND.readyForQuery, 0, 0, 0, 5, 0x45]),
};

/** A shared buffer: do not write to it. */
export function readyForQuery(status: TransactionStatus): Buffer {
  return READY[status];
}

/** Bodiless messages, shared: do not write to them. */
export const BIND_COMPLETE = bare(BACKEND.bindComplete);
export const CLOSE_COMPLETE = bare(BACKEND.closeComplete);
export const COPY_DONE = bare(BACKEND.copyDone);
export const EMPTY_QUERY_RESPONSE = bare(BACKEND.emptyQueryResponse);
export const NO_DATA = bare(BACKEND.noData);
export const PARSE_COMPLETE = bare(BACKEND.parseComplete);
export const PORTAL_SUSPENDED = bare(BACKEND.portalSuspended);

function bare(type: number): Buffer {
  return Buffer.from([type, 0, 0, 0, 4]);
}

export function parameterStatus(name: string, value: string): Buffer {
  return new MessageWriter().begin(BACKEND.parameterStatus).string(name).string(value).end().take();
}

export function backendKeyData(processId: number, secret: Uint8Array): Buffer {
  return new MessageWriter().begin(BACKEND.backendKeyData).int32(processId).bytes(secret).end().take();
}

/** `version` is the newest one spoken, such as PROTOCOL_3_2; `unrecognised` are the names of `_pq_.` options. */
export function negotiateProtocolVersion(version: number, unrecognised: readonly string[]): Buffer {
  const writer = new MessageWriter().begin(BACKEND.negotiateProtocolVersion);
  writer.int32(version).int32(unrecognised.length);
  for (const name of unrecognised) writer.string(name);
  return writer.end().take();
}

export function commandComplete(tag: string): Buffer {
  return new MessageWriter().begin(BACKEND.commandComplete).string(tag).end().take();
}

export function rowDescription(columns: readonly ColumnDescription[]): Buffer {
  const writer = new MessageWriter().begin(BACKEND.rowDescription).int16(columns.length);
  for (const column of columns) {
    writer.string(column.name).int32(column.tableOid).int16(column.columnNumber).int32(column.typeOid);
    writer.int16(column.typeSize).int32(column.typeModifier).int16(column.format);
  }
  return writer.end().take();
}

export function parameterDescription(types: readonly number[]): Buffer {
  const writer = new MessageWriter().begin(BACKEND.parameterDescription).int16(types.length);
  for (const type of types) writer.int32(type);
  return writer.end().take();
}

export function dataRow(values: readonly (Uint8Array | string | null)[]): Buffer {
  const writer = new MessageWriter().begin(BACKEND.dataRow).int16(values.length);
  for (const value of values) {
    if (value === null) {
      writer.int32(-1);
      continue;
    }
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    writer.int32(bytes.length).bytes(bytes);
  }
  return writer.end().take();
}

export function notificationResponse(processId: number, channel: string, payload: string): Buffer {
  const writer = new MessageWriter().begin(BACKEND.notificationResponse);
  return writer.int32(processId).string(channel).string(payload).end().take();
}

export function copyResponse(
  direction: 'in' | 'out' | 'both',
  format: FormatCode,
  columnFormats: readonly FormatCode[],
): Buffer {
  const types = {
    in: BACKEND.copyInResponse,
    out: BACKEND.copyOutResponse,
    both: BACKEND.copyBothResponse,
  };
  const writer = new MessageWriter().begin(types[direction]).byte(format).int16(columnFormats.length);
  for (const code of columnFormats) writer.int16(code);
  return writer.end().take();
}

export const AUTHENTICATION_OK = authentication(0);
export const AUTHENTICATION_CLEARTEXT = authentication(3);

export function authenticationMd5(salt: Uint8Array): Buffer {
  return authentication(5, salt);
}

export function authenticationSasl(mechanisms: readonly string[]): Buffer {
  return authentication(10, Buffer.from(`${mechanisms.join('\0')}\0\0`));
}

export function authenticationSaslContinue(data: Uint8Array): Buffer {
  return authentication(11, data);
}

export function authenticationSaslFinal(data: Uint8Array): Buffer {
  return authentication(12, data);
}

function authentication(code: number, data: Uint8Array = new Uint8Array()): Buffer {
  return new MessageWriter().begin(BACKEND.authentication).int32(code).bytes(data).end().take();
}
