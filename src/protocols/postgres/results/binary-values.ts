import { type Detection, maskDetected } from '../../../masking/detectors.ts';
import { maskDetectedInJson } from '../../../masking/json-detection.ts';
import { kindOf, mayHoldText, OID, type TextTypes } from '../../../masking/postgres-types.ts';
import type { HashKey } from '../../../masking/strategies.ts';
import type { Masked } from './column-action.ts';

/** Arrays in records in arrays: deeper than this nobody goes, and a value that does becomes NULL on a find. */
const DEPTH_LIMIT = 8;

/** Array types that may hold text, and records; any other container is known only as bytes. */
const TEXT_ARRAYS: ReadonlySet<number> = new Set([
  143, 199, 1001, 1002, 1003, 1009, 1014, 1015, 1263, 2201, 2287, 3807,
]);

export interface BinarySearch {
  readonly detection: Detection;
  readonly key: HashKey;
  readonly textTypes?: TextTypes;
}

/**
 * Detectors over a value in binary format whose type is not plain text. Arrays and records are opened and
 * rebuilt; a type of unknown layout is searched as bytes and becomes NULL when something is found in it.
 */
export function maskDetectedInBinary(
  oid: number,
  bytes: Buffer,
  start: number,
  end: number,
  search: BinarySearch,
  depth = 0,
): Masked {
  const { detection, key } = search;
  // Most values hold nothing: then their layout does not matter. What spans elements is not there in any of them.
  if (!mayHoldText(oid)) return undefined;
  switch (kindOf(oid, search.textTypes)) {
    case 'text':
    case 'bpchar':
    case 'xml':
      return maskDetected(bytes, start, end, detection, key);
    case 'json':
      return maskDetectedInJson(bytes, start, end, detection, key);
    case 'jsonb': {
      const masked = maskDetectedInJson(bytes, start + 1, end, detection, key);
      return masked ? Buffer.concat([bytes.subarray(start, start + 1), masked]) : masked;
    }
    default: {
      if (depth < DEPTH_LIMIT && TEXT_ARRAYS.has(oid)) return inArray(bytes, start, end, search, depth);
      if (depth < DEPTH_LIMIT && oid === OID.record) return inRecord(bytes, start, end, search, depth);
      return maskDetected(bytes, start, end, detection, key) === undefined ? undefined : null;
    }
  }
}

/** array_send: int32 dimensions, int32 has-null flag, int32 element OID, then length and lower bound a dimension, then elements. */
function inArray(bytes: Buffer, start: number, end: number, search: BinarySearch, depth: number): Masked {
  if (end - start < 12) return null;
  const dimensions = bytes.readInt32BE(start);
  const elementOid = bytes.readUInt32BE(start + 8);
  // PostgreSQL's MAXDIM.
  if (dimensions < 0 || dimensions > 6 || end - start < 12 + 8 * dimensions) return null;
  const first = start + 12 + 8 * dimensions;
  const masked = inElements(bytes, first, end, search, depth, () => elementOid, 0);
  if (!masked) return masked;
  const head = Buffer.from(bytes.subarray(start, first));
  if (masked.nulls) head.writeInt32BE(1, 4);
  return Buffer.concat([head, ...masked.parts]);
}

/** record_send: int32 columns, then for each its type OID, int32 length and value. */
function inRecord(bytes: Buffer, start: number, end: number, search: BinarySearch, depth: number): Masked {
  if (end - start < 4) return null;
  const masked = inElements(bytes, start + 4, end, search, depth, (at) => bytes.readUInt32BE(at), 4);
  return masked ? Buffer.concat([bytes.subarray(start, start + 4), ...masked.parts]) : masked;
}

/** Elements, each after `lead` bytes of its own; null when the layout is not what it should be. */
function inElements(
  bytes: Buffer,
  start: number,
  end: number,
  search: BinarySearch,
  depth: number,
  oidAt: (at: number) => number,
  lead: number,
): { readonly parts: readonly Buffer[]; readonly nulls: boolean } | null | undefined {
  const parts: Buffer[] = [];
  let nulls = false;
  let changed = false;
  let at = start;
  while (at < end) {
    if (end - at < lead + 4) return null;
    const length = bytes.readInt32BE(at + lead);
    const value = at + lead + 4;
    if (length < -1 || length > end - value) return null;
    const next = value + Math.max(0, length);
    const masked =
      length === -1 ? undefined : maskDetectedInBinary(oidAt(at), bytes, value, next, search, depth + 1);
    if (masked === undefined) parts.push(bytes.subarray(at, next));
    else {
      changed = true;
      nulls ||= masked === null;
      parts.push(bytes.subarray(at, at + lead), int32(masked === null ? -1 : masked.length));
      if (masked) parts.push(masked);
    }
    at = next;
  }
  return changed ? { parts, nulls } : undefined;
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}
