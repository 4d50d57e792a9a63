import { dateText, intervalText, timestampText, timeText } from './date-text.ts';
import { floatText, numericText } from './number-text.ts';

/** Built-in types by OID (src/include/catalog/pg_type.dat); these numbers never change. */
const TYPE = {
  bool: 16,
  char: 18,
  name: 19,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  oid: 26,
  xid: 28,
  cid: 29,
  json: 114,
  xml: 142,
  float4: 700,
  float8: 701,
  unknown: 705,
  bpchar: 1042,
  varchar: 1043,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  timestamptz: 1184,
  interval: 1186,
  numeric: 1700,
  uuid: 2950,
  jsonb: 3802,
  xid8: 5069,
} as const;

type Reader = (bytes: Buffer) => string | undefined;

/** Reads values of exactly `length` bytes. */
const sized =
  (length: number, read: (bytes: Buffer) => string | undefined): Reader =>
  (bytes) =>
    bytes.length === length ? read(bytes) : undefined;

const asText: Reader = (bytes) => bytes.toString();
const asUint32 = sized(4, (bytes) => String(bytes.readUInt32BE()));

/** Binary representations as the types' send functions write them (src/backend/utils/adt). */
const READERS: ReadonlyMap<number, Reader> = new Map<number, Reader>([
  [TYPE.bool, sized(1, (bytes) => (bytes[0] === 0 ? 'f' : 't'))],
  [TYPE.int2, sized(2, (bytes) => String(bytes.readInt16BE()))],
  [TYPE.int4, sized(4, (bytes) => String(bytes.readInt32BE()))],
  [TYPE.int8, sized(8, (bytes) => String(bytes.readBigInt64BE()))],
  [TYPE.xid8, sized(8, (bytes) => String(bytes.readBigUInt64BE()))],
  [TYPE.oid, asUint32],
  [TYPE.xid, asUint32],
  [TYPE.cid, asUint32],
  [TYPE.float4, sized(4, (bytes) => floatText(bytes.readFloatBE(), 'single'))],
  [TYPE.float8, sized(8, (bytes) => floatText(bytes.readDoubleBE(), 'double'))],
  [TYPE.numeric, numericText],
  [TYPE.uuid, sized(16, uuidText)],
  [TYPE.date, sized(4, (bytes) => dateText(bytes.readInt32BE()))],
  [TYPE.time, sized(8, (bytes) => timeText(bytes.readBigInt64BE()))],
  [TYPE.timestamp, sized(8, (bytes) => timestampText(bytes.readBigInt64BE(), ''))],
  // The session's time zone is not known here, so UTC.
  [TYPE.timestamptz, sized(8, (bytes) => timestampText(bytes.readBigInt64BE(), '+00'))],
  [TYPE.interval, sized(16, intervalText)],
  [TYPE.text, asText],
  [TYPE.varchar, asText],
  [TYPE.bpchar, asText],
  [TYPE.name, asText],
  [TYPE.char, asText],
  [TYPE.unknown, asText],
  [TYPE.json, asText],
  [TYPE.xml, asText],
  // A version byte, 1, then the JSON text.
  [TYPE.jsonb, (bytes) => (bytes[0] === 1 ? bytes.toString('utf8', 1) : undefined)],
]);

/**
 * A value as text: itself in format 0; in format 1 what PostgreSQL would print for the common types, `\x` and
 * hex digits for the others and for bytes that are no value of their type.
 */
export function valueText(bytes: Buffer, typeOid: number, format: 0 | 1): string {
  if (format === 0) return bytes.toString();
  return READERS.get(typeOid)?.(bytes) ?? `\\x${bytes.toString('hex')}`;
}

function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [
    [0, 8],
    [8, 12],
    [12, 16],
    [16, 20],
    [20, 32],
  ]
    .map(([from, to]) => hex.slice(from, to))
    .join('-');
}
