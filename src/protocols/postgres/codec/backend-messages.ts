import { ProtocolViolation } from '../../../base/errors.ts';
import type { FormatCode } from './frontend-messages.ts';
import { MessageReader } from './reader.ts';

/**
 * What a target's messages say (PostgreSQL docs 54.7), read as strictly as a client's: a target may be
 * compromised. Every decoder takes the place the framer gave and throws ProtocolViolation.
 */

export interface ColumnDescription {
  readonly name: string;
  /** 0 when the column is no plain column of a table. */
  readonly tableOid: number;
  /** Attribute number in that table; 0 as above. Negative for system columns. */
  readonly columnNumber: number;
  readonly typeOid: number;
  /** Bytes; negative for types of variable width. */
  readonly typeSize: number;
  readonly typeModifier: number;
  /** Always 0 in the description of a statement, where it is not known yet. */
  readonly format: FormatCode;
}

/** Name's terminator, table, column, type, size, modifier, format. */
const LEAST_COLUMN = 1 + 4 + 2 + 4 + 2 + 4 + 2;

export function decodeRowDescription(buffer: Buffer, start: number, end: number): ColumnDescription[] {
  const reader = new MessageReader(buffer, start, end);
  const count = reader.count(LEAST_COLUMN);
  const columns = new Array<ColumnDescription>(count);
  for (let i = 0; i < count; i++) {
    columns[i] = {
      name: reader.string(),
      tableOid: reader.uint32(),
      columnNumber: reader.int16(),
      typeOid: reader.uint32(),
      typeSize: reader.int16(),
      typeModifier: reader.int32(),
      format: formatCode(reader.uint16()),
    };
  }
  reader.finish();
  return columns;
}

/** Type OIDs of a statement's parameters. */
export function decodeParameterDescription(buffer: Buffer, start: number, end: number): number[] {
  const reader = new MessageReader(buffer, start, end);
  const count = reader.count(4);
  const types = new Array<number>(count);
  for (let i = 0; i < count; i++) types[i] = reader.uint32();
  reader.finish();
  return types;
}

/** The values of a row: views, null for NULL. For catalog queries and tests; the hot path has its own reader. */
export function decodeDataRow(buffer: Buffer, start: number, end: number): (Buffer | null)[] {
  const reader = new MessageReader(buffer, start, end);
  const count = reader.count(4);
  const values = new Array<Buffer | null>(count);
  for (let i = 0; i < count; i++) {
    const length = reader.int32();
    if (length < -1) throw new ProtocolViolation('bad_value_length', `a row has a value of length ${length}`);
    values[i] = length < 0 ? null : reader.bytes(length);
  }
  reader.finish();
  return values;
}

/** CommandComplete's tag: `UPDATE 1`. */
export function decodeCommandComplete(buffer: Buffer, start: number, end: number): string {
  const reader = new MessageReader(buffer, start, end);
  const tag = reader.string();
  reader.finish();
  return tag;
}

export interface ResponseFields {
  /** Not localised where the server says so (field `V`): ERROR, FATAL, PANIC, WARNING, NOTICE, … */
  readonly severity: string;
  /** SQLSTATE, five characters. */
  readonly sqlstate: string;
  readonly message: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
  /** All fields by their letter (docs 54.8). */
  readonly fields: ReadonlyMap<string, string>;
}

/** More fields than the documented ones, and room for those to come. */
const MOST_FIELDS = 64;

/**
 * ErrorResponse and NoticeResponse. Before the session's encoding is settled a server may speak in another
 * one, so texts are read loosely. Throws `bad_error_response` without severity, message or a well-formed SQLSTATE.
 */
export function decodeResponseFields(buffer: Buffer, start: number, end: number): ResponseFields {
  const reader = new MessageReader(buffer, start, end);
  const fields = new Map<string, string>();
  for (let kind = reader.byte(); kind !== 0; kind = reader.byte()) {
    fields.set(String.fromCharCode(kind), reader.looseString());
    if (fields.size > MOST_FIELDS) throw badResponse('has too many fields');
  }
  reader.finish();
  const severity = fields.get('V') ?? fields.get('S');
  const sqlstate = fields.get('C');
  const message = fields.get('M');
  if (severity === undefined || message === undefined) throw badResponse('lacks severity or message');
  if (sqlstate === undefined || !/^[0-9A-Z]{5}$/.test(sqlstate)) throw badResponse('lacks an SQLSTATE');
  return { severity, sqlstate, message, detail: fields.get('D'), hint: fields.get('H'), fields };
}

export function decodeParameterStatus(
  buffer: Buffer,
  start: number,
  end: number,
): { readonly name: string; readonly value: string } {
  const reader = new MessageReader(buffer, start, end);
  const name = reader.string();
  const value = reader.string();
  reader.finish();
  return { name, value };
}

/** Bytes of a cancel key: exactly 4 in protocol 3.0, 4 to 256 in 3.2 (docs 54.7, BackendKeyData). */
export const CANCEL_KEY = { in30: 4, least: 4, most: 256 } as const;

/** Throws `bad_cancel_key` when the secret's length does not fit the protocol's minor version. */
export function decodeBackendKeyData(
  buffer: Buffer,
  start: number,
  end: number,
  protocolMinor: number,
): { readonly processId: number; readonly secret: Buffer } {
  const reader = new MessageReader(buffer, start, end);
  const processId = reader.int32();
  const length = reader.left;
  const fits =
    protocolMinor >= 2 ? length >= CANCEL_KEY.least && length <= CANCEL_KEY.most : length === CANCEL_KEY.in30;
  if (!fits) throw new ProtocolViolation('bad_cancel_key', `the target gave a cancel key of ${length} bytes`);
  return { processId, secret: reader.rest() };
}

export type TransactionStatus = 'idle' | 'open' | 'failed';

/** Throws `bad_transaction_status`. */
export function decodeReadyForQuery(buffer: Buffer, start: number, end: number): TransactionStatus {
  const reader = new MessageReader(buffer, start, end);
  const status = reader.byte();
  reader.finish();
  if (status === 0x49) return 'idle';
  if (status === 0x54) return 'open';
  if (status === 0x45) return 'failed';
  throw new ProtocolViolation('bad_transaction_status', 'the target reports an unknown transaction status');
}

/** CopyInResponse, CopyOutResponse, CopyBothResponse. */
export function decodeCopyResponse(
  buffer: Buffer,
  start: number,
  end: number,
): { readonly format: FormatCode; readonly columnFormats: readonly FormatCode[] } {
  const reader = new MessageReader(buffer, start, end);
  const format = formatCode(reader.byte());
  const count = reader.count(2);
  const columnFormats = new Array<FormatCode>(count);
  for (let i = 0; i < count; i++) columnFormats[i] = formatCode(reader.uint16());
  reader.finish();
  return { format, columnFormats };
}

export function decodeNotificationResponse(
  buffer: Buffer,
  start: number,
  end: number,
): { readonly processId: number; readonly channel: string; readonly payload: string } {
  const reader = new MessageReader(buffer, start, end);
  const processId = reader.int32();
  const channel = reader.string();
  const payload = reader.string();
  reader.finish();
  return { processId, channel, payload };
}

export function decodeNegotiateProtocolVersion(
  buffer: Buffer,
  start: number,
  end: number,
): { readonly version: number; readonly unrecognised: readonly string[] } {
  const reader = new MessageReader(buffer, start, end);
  const version = reader.int32();
  const count = reader.int32();
  if (count < 0 || count > reader.left) {
    throw new ProtocolViolation('message_too_short', 'a message ends inside one of its fields');
  }
  const unrecognised = Array.from({ length: count }, () => reader.string());
  reader.finish();
  return { version, unrecognised };
}

export type AuthenticationMessage =
  | { readonly kind: 'ok' }
  | { readonly kind: 'cleartext' }
  | { readonly kind: 'md5'; readonly salt: Buffer }
  | { readonly kind: 'sasl'; readonly mechanisms: readonly string[] }
  | { readonly kind: 'sasl-continue'; readonly data: Buffer }
  | { readonly kind: 'sasl-final'; readonly data: Buffer }
  | { readonly kind: 'unsupported'; readonly name: string };

const UNSUPPORTED_AUTHENTICATION: Readonly<Record<number, string>> = {
  2: 'Kerberos V5',
  4: 'crypt',
  6: 'SCM credentials',
  7: 'GSSAPI',
  8: 'GSSAPI (continued)',
  9: 'SSPI',
};

/** Throws `bad_authentication_request` for a code nobody has defined. */
export function decodeAuthentication(buffer: Buffer, start: number, end: number): AuthenticationMessage {
  const reader = new MessageReader(buffer, start, end);
  const code = reader.int32();
  const message = authenticationOf(code, reader);
  if (message.kind !== 'unsupported') reader.finish();
  return message;
}

function authenticationOf(code: number, reader: MessageReader): AuthenticationMessage {
  switch (code) {
    case 0:
      return { kind: 'ok' };
    case 3:
      return { kind: 'cleartext' };
    case 5:
      return { kind: 'md5', salt: reader.bytes(4) };
    case 10:
      return { kind: 'sasl', mechanisms: mechanisms(reader) };
    case 11:
      return { kind: 'sasl-continue', data: reader.rest() };
    case 12:
      return { kind: 'sasl-final', data: reader.rest() };
    default: {
      const name = UNSUPPORTED_AUTHENTICATION[code];
      if (name !== undefined) return { kind: 'unsupported', name };
      throw new ProtocolViolation(
        'bad_authentication_request',
        `the target asks for unknown authentication ${code}`,
      );
    }
  }
}

function mechanisms(reader: MessageReader): string[] {
  const names: string[] = [];
  for (let name = reader.string(); name !== ''; name = reader.string()) names.push(name);
  return names;
}

function formatCode(code: number): FormatCode {
  if (code === 0 || code === 1) return code;
  throw new ProtocolViolation('bad_format_code', `${code} is no format code`);
}

function badResponse(what: string): ProtocolViolation {
  return new ProtocolViolation('bad_error_response', `an error or notice of the target ${what}`);
}
