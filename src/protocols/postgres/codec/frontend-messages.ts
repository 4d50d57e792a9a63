import { ProtocolViolation } from '../../../base/errors.ts';
import { typeText } from './message-types.ts';
import { decodeText, MessageReader } from './reader.ts';

/**
 * What a client's messages say (PostgreSQL docs 54.7). Every decoder takes the place the framer gave, reads
 * to the last byte, and throws ProtocolViolation for whatever is not exactly as documented; the bytes stay
 * where they are.
 */

export interface ParseMessage {
  /** Empty for the unnamed statement. */
  readonly name: string;
  readonly text: string;
  /** Type OIDs the client prescribes, 0 where it leaves the choice. May be shorter than the parameters. */
  readonly parameterTypes: readonly number[];
}

export type FormatCode = 0 | 1;

export interface BindMessage {
  /** Empty for the unnamed portal. */
  readonly portal: string;
  /** Empty for the unnamed statement. */
  readonly statement: string;
  /** None (all text), one for all, or one for each parameter. */
  readonly parameterFormats: readonly FormatCode[];
  readonly parameterCount: number;
  /** Two numbers for each parameter: where its bytes begin in `buffer`, and how many they are (-1: NULL). */
  readonly parameterPlaces: readonly number[];
  /** None (all text), one for all, or one for each result column. */
  readonly resultFormats: readonly FormatCode[];
  readonly buffer: Buffer;
}

export interface DescribeMessage {
  readonly what: 'statement' | 'portal';
  readonly name: string;
}

export interface ExecuteMessage {
  readonly portal: string;
  /** 0: no limit. */
  readonly rowLimit: number;
}

/** Query: the text, which may hold several statements. */
export function decodeQuery(buffer: Buffer, start: number, end: number): string {
  const reader = new MessageReader(buffer, start, end);
  const text = reader.string();
  reader.finish();
  return text;
}

export function decodeParse(buffer: Buffer, start: number, end: number): ParseMessage {
  const reader = new MessageReader(buffer, start, end);
  const name = reader.string();
  const text = reader.string();
  const count = reader.count(4);
  const parameterTypes = new Array<number>(count);
  for (let i = 0; i < count; i++) parameterTypes[i] = reader.uint32();
  reader.finish();
  return { name, text, parameterTypes };
}

/** Throws `bad_format_code`, `bad_format_count`, `bad_value_length` besides what the reader throws. */
export function decodeBind(buffer: Buffer, start: number, end: number): BindMessage {
  const reader = new MessageReader(buffer, start, end);
  const portal = reader.string();
  const statement = reader.string();
  const parameters = parameterList(reader);
  const resultFormats = formatCodes(reader);
  reader.finish();
  return {
    portal,
    statement,
    parameterFormats: parameters.formats,
    parameterCount: parameters.count,
    parameterPlaces: parameters.places,
    resultFormats,
    buffer,
  };
}

/** FunctionCall: its arguments in the shape of a Bind's parameters. Throws like `decodeBind`. */
export function decodeFunctionCall(
  buffer: Buffer,
  start: number,
  end: number,
): { readonly functionOid: number; readonly bind: BindMessage } {
  const reader = new MessageReader(buffer, start, end);
  const functionOid = reader.uint32();
  const { formats, count, places } = parameterList(reader);
  const resultFormats = [formatCode(reader)];
  reader.finish();
  return {
    functionOid,
    bind: {
      portal: '',
      statement: '',
      parameterFormats: formats,
      parameterCount: count,
      parameterPlaces: places,
      resultFormats,
      buffer,
    },
  };
}

function parameterList(reader: MessageReader) {
  const formats = formatCodes(reader);
  const count = reader.count(4);
  if (formats.length > 1 && formats.length !== count) {
    throw new ProtocolViolation(
      'bad_format_count',
      `a message has ${formats.length} parameter formats and ${count} parameters`,
    );
  }
  const places = new Array<number>(count * 2);
  for (let i = 0; i < count; i++) {
    const length = reader.int32();
    if (length < -1) {
      throw new ProtocolViolation('bad_value_length', `a message gives a parameter the length ${length}`);
    }
    places[2 * i] = reader.at;
    places[2 * i + 1] = length;
    if (length > 0) reader.skip(length);
  }
  return { formats, count, places };
}

/** Format of a parameter or result column by its index, as none, one-for-all or one-each say. */
export function formatAt(formats: readonly FormatCode[], index: number): FormatCode {
  return (formats.length === 1 ? formats[0] : formats[index]) ?? 0;
}

/** A view of a parameter's bytes, null for SQL NULL. `index` must be below `parameterCount`. */
export function parameterBytes(bind: BindMessage, index: number): Buffer | null {
  const at = bind.parameterPlaces[2 * index] ?? 0;
  const length = bind.parameterPlaces[2 * index + 1] ?? -1;
  return length < 0 ? null : bind.buffer.subarray(at, at + length);
}

/** A text-format parameter as text. Throws ProtocolViolation `invalid_utf8`, `nul_in_text`. */
export function parameterText(bind: BindMessage, index: number): string | null {
  const at = bind.parameterPlaces[2 * index] ?? 0;
  const length = bind.parameterPlaces[2 * index + 1] ?? -1;
  if (length < 0) return null;
  const text = decodeText(bind.buffer, at, at + length);
  if (text.includes('\0')) throw new ProtocolViolation('nul_in_text', 'a text parameter holds a NUL byte');
  return text;
}

/** Describe and Close have one form. Throws `bad_describe_kind` when the kind is neither `S` nor `P`. */
export function decodeDescribe(buffer: Buffer, start: number, end: number): DescribeMessage {
  const reader = new MessageReader(buffer, start, end);
  const kind = reader.byte();
  if (kind !== 0x53 && kind !== 0x50) {
    throw new ProtocolViolation(
      'bad_describe_kind',
      `a message describes or closes something of kind ${typeText(kind)}`,
    );
  }
  const name = reader.string();
  reader.finish();
  return { what: kind === 0x53 ? 'statement' : 'portal', name };
}

export const decodeClose = decodeDescribe;

/** Throws `bad_row_limit` when it is negative. */
export function decodeExecute(buffer: Buffer, start: number, end: number): ExecuteMessage {
  const reader = new MessageReader(buffer, start, end);
  const portal = reader.string();
  const rowLimit = reader.int32();
  reader.finish();
  if (rowLimit < 0) throw new ProtocolViolation('bad_row_limit', `Execute asks for ${rowLimit} rows`);
  return { portal, rowLimit };
}

/** CopyFail: the client's reason. */
export function decodeCopyFail(buffer: Buffer, start: number, end: number): string {
  const reader = new MessageReader(buffer, start, end);
  const reason = reader.string();
  reader.finish();
  return reason;
}

/** PasswordMessage: cleartext, or the md5 form. */
export function decodePassword(buffer: Buffer, start: number, end: number): string {
  return decodeQuery(buffer, start, end);
}

/** SASLInitialResponse. `data` is null when the client sent none (length -1). Throws `bad_value_length`. */
export function decodeSaslInitialResponse(
  buffer: Buffer,
  start: number,
  end: number,
): { readonly mechanism: string; readonly data: Buffer | null } {
  const reader = new MessageReader(buffer, start, end);
  const mechanism = reader.string();
  const length = reader.int32();
  if (length < -1)
    throw new ProtocolViolation('bad_value_length', `a SASL response has the length ${length}`);
  const data = length < 0 ? null : reader.bytes(length);
  reader.finish();
  return { mechanism, data };
}

/** The body of a message that is nothing but bytes: SASLResponse, CopyData. */
export function decodeBody(buffer: Buffer, start: number, end: number): Buffer {
  return new MessageReader(buffer, start, end).rest();
}

function formatCodes(reader: MessageReader): readonly FormatCode[] {
  const count = reader.count(2);
  if (count === 0) return NO_FORMATS;
  const formats = new Array<FormatCode>(count);
  for (let i = 0; i < count; i++) formats[i] = formatCode(reader);
  return formats;
}

function formatCode(reader: MessageReader): FormatCode {
  const code = reader.uint16();
  if (code !== 0 && code !== 1) throw new ProtocolViolation('bad_format_code', `${code} is no format code`);
  return code;
}

const NO_FORMATS: readonly FormatCode[] = [];

/**
 * Bind values in words: text as it is, binary as `\x…`. Text that begins with a backslash has one more before it, so
 * that no two values share their words.
 */
export function parametersAsText(bind: BindMessage): readonly (string | null)[] {
  return Array.from({ length: bind.parameterCount }, (_, i) => {
    if (formatAt(bind.parameterFormats, i) === 0) {
      const text = parameterText(bind, i);
      return text?.startsWith('\\') ? `\\${text}` : text;
    }
    const bytes = parameterBytes(bind, i);
    return bytes === null ? null : `\\x${bytes.toString('hex')}`;
  });
}

/** Bind values where all of them came as text; undefined where one came in binary. */
export function textParameters(bind: BindMessage): readonly (string | null)[] | undefined {
  const values: (string | null)[] = [];
  for (let i = 0; i < bind.parameterCount; i++) {
    if (formatAt(bind.parameterFormats, i) !== 0) return undefined;
    values.push(parameterText(bind, i));
  }
  return values;
}
