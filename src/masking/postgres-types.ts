/**
 * PostgreSQL types as masking sees them: how a masked value of that type can be written, and whether a
 * detector has anything to look for in it. OIDs of built-in types never change (src/include/catalog/pg_type.dat).
 */

/** Text or binary, as RowDescription and Bind number them (PostgreSQL docs, "Message Formats"). */
export type Format = 0 | 1;

export interface ValueType {
  readonly oid: number;
  /** `atttypmod`: declared length + 4 for varchar and bpchar; -1 when not declared. */
  readonly typmod: number;
}

/** Type OIDs of this database that hold text although they are not built in (citext, for one). */
export type TextTypes = ReadonlySet<number>;

export const OID = {
  bytea: 17,
  int8: 20,
  int4: 23,
  name: 19,
  text: 25,
  json: 114,
  xml: 142,
  unknown: 705,
  bpchar: 1042,
  varchar: 1043,
  refcursor: 1790,
  record: 2249,
  cstring: 2275,
  uuid: 2950,
  jsonb: 3802,
} as const;

/** How a masked value is written. `other`: no masked value of that type can be made up, so it becomes NULL. */
export type ValueKind =
  | 'text'
  | 'bpchar'
  | 'json'
  | 'jsonb'
  | 'xml'
  | 'bytea'
  | 'int4'
  | 'int8'
  | 'uuid'
  | 'other';

const KINDS: ReadonlyMap<number, ValueKind> = new Map([
  [OID.text, 'text'],
  [OID.varchar, 'text'],
  [OID.name, 'text'],
  [OID.unknown, 'text'],
  [OID.cstring, 'text'],
  [OID.refcursor, 'text'],
  [OID.bpchar, 'bpchar'],
  [OID.json, 'json'],
  [OID.jsonb, 'jsonb'],
  [OID.xml, 'xml'],
  [OID.bytea, 'bytea'],
  [OID.int4, 'int4'],
  [OID.int8, 'int8'],
  [OID.uuid, 'uuid'],
]);

export function kindOf(oid: number, textTypes?: TextTypes): ValueKind {
  return KINDS.get(oid) ?? (textTypes?.has(oid) ? 'text' : 'other');
}

/** Longest value in characters that the column declares; undefined when it declares none. */
export function declaredLength(type: ValueType): number | undefined {
  if (type.oid === OID.name) return 63;
  if ((type.oid === OID.varchar || type.oid === OID.bpchar) && type.typmod >= 4) return type.typmod - 4;
  return undefined;
}

/** bool, "char", integers, oid and reg*, floats, numeric, money, times, geometry, addresses, bits, uuid, xid, void, ranges. */
const NUMBERS_TIMES_ADDRESSES = `
  16 18 20 21 22 23 24 26 27 28 29 30 600 601 602 603 604 628 650 700 701 718 774 790 829 869 1082 1083
  1114 1184 1186 1266 1560 1562 1700 2202 2203 2204 2205 2206 2278 2950 2970 3220 3734 3769 3904 3906 3908
  3910 3912 3926 4089 4096 4191 4451 4532 4533 4534 4535 4536 5038 5069`;

const ARRAYS_OF_THEM = `
  271 629 651 719 775 791 1000 1002 1005 1006 1007 1008 1010 1011 1012 1013 1016 1017 1018 1019 1020 1021
  1022 1027 1028 1040 1041 1115 1182 1183 1185 1187 1231 1270 1561 1563 2207 2208 2209 2210 2211 2949 2951
  3221 3735 3770 3905 3907 3909 3911 3913 3927 4090 4097 4192 5039 6150 6151 6152 6153 6155 6157`;

function oids(list: string): readonly number[] {
  return list.trim().split(/\s+/).map(Number);
}

/**
 * Types whose values are numbers, times, addresses or the like and can hold no free text, with their arrays.
 * Everything not listed here is looked at by detectors: an unknown type may hold anything.
 */
const NO_TEXT: ReadonlySet<number> = new Set([...oids(NUMBERS_TIMES_ADDRESSES), ...oids(ARRAYS_OF_THEM)]);

/** False when no detector can find anything in a value of that type. */
export function mayHoldText(oid: number): boolean {
  return !NO_TEXT.has(oid);
}
