import { BACKEND } from './codec/message-types.ts';
import type { MessagePlace } from './gate.ts';
import { planResult, type ResultMasking } from './result-plan.ts';
import { maskDataRow } from './results/data-row.ts';

/** A function that a client may run by FunctionCall, as the SELECT that would do the same. */
export interface LargeObjectCall {
  readonly text: string;
  readonly parameters: number;
  readonly resultType: number;
}

const INT4 = 23;
const INT8 = 20;
const OID = 26;
const BYTEA = 17;

/**
 * The server-side half of libpq's large object interface, which has no other way than FunctionCall (PostgreSQL
 * docs 35.3, large objects). Their OIDs are the same in all versions (pg_proc.dat), and nobody can put another function in
 * their place: rows of pg_catalog below 10000 are made by initdb alone.
 */
const CALLS: ReadonlyMap<number, LargeObjectCall> = new Map([
  [952, call('lo_open', 2, INT4)],
  [953, call('lo_close', 1, INT4)],
  [954, call('loread', 2, BYTEA)],
  [955, call('lowrite', 2, INT4)],
  [956, call('lo_lseek', 3, INT4)],
  [957, call('lo_creat', 1, OID)],
  [715, call('lo_create', 1, OID)],
  [958, call('lo_tell', 1, INT4)],
  [1004, call('lo_truncate', 2, INT4)],
  [964, call('lo_unlink', 1, INT4)],
  [3170, call('lo_lseek64', 3, INT8)],
  [3171, call('lo_tell64', 1, INT8)],
  [3172, call('lo_truncate64', 2, INT4)],
]);

function call(name: string, parameters: number, resultType: number): LargeObjectCall {
  const places = Array.from({ length: parameters }, (_, i) => `$${i + 1}`).join(', ');
  return { text: `SELECT pg_catalog.${name}(${places})`, parameters, resultType };
}

/** Undefined for every function but those of the large object interface: they stay refused. */
export function largeObjectCall(functionOid: number, parameters: number): LargeObjectCall | undefined {
  const known = CALLS.get(functionOid);
  return known?.parameters === parameters ? known : undefined;
}

/**
 * A FunctionCallResponse (docs 55.7) as the client may see it: what the SELECT would have returned in a row of
 * one value, by the same masks. Undefined when it may pass as it is. Throws ProtocolViolation when it is malformed.
 */
export function maskedResponse(
  { resultType }: LargeObjectCall,
  format: 0 | 1,
  { buffer, start, end }: MessagePlace,
  masking: ResultMasking,
): Buffer | undefined {
  const column = { name: '', tableOid: 0, columnNumber: 0, typeOid: resultType, typmod: -1, format };
  const { rows } = planResult([column], undefined, masking);
  if (rows === undefined) return undefined;
  const row = reframed(BACKEND.dataRow, buffer.subarray(start + 5, end), 2);
  row.writeUInt16BE(1, 5);
  const masked = maskDataRow(row, 0, row.length, rows);
  return masked && reframed(BACKEND.functionCallResponse, masked.subarray(7), 0);
}

/** A message of this type: `gap` bytes to fill in, then the body. */
function reframed(type: number, body: Buffer, gap: number): Buffer {
  const message = Buffer.alloc(5 + gap + body.length);
  message[0] = type;
  message.writeInt32BE(message.length - 1, 1);
  body.copy(message, 5 + gap);
  return message;
}
