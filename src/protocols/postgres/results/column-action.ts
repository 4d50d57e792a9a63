import { isUtf8 } from 'node:buffer';
import { type Detection, maskDetected } from '../../../masking/detectors.ts';
import { type DocumentMasking, maskDocument } from '../../../masking/documents.ts';
import { maskDetectedInJson } from '../../../masking/json-detection.ts';
import {
  declaredLength,
  type Format,
  kindOf,
  mayHoldText,
  OID,
  type TextTypes,
  type ValueType,
} from '../../../masking/postgres-types.ts';
import { compileValueMask, type HashKey, type ValueMask } from '../../../masking/strategies.ts';
import { maskDetectedInBinary } from './binary-values.ts';

/** Undefined: the value stays as it is. Null: SQL NULL instead. */
export type Masked = Buffer | null | undefined;

/** What happens to every value of one column but NULL. */
export type ColumnAction =
  | { readonly kind: 'pass' }
  | ValueMask
  /** By what is in the value: what detectors find, a document's keys, a count's size. */
  | { readonly kind: 'detecting'; apply(bytes: Buffer, start: number, end: number): Masked }
  | KeyedAction;

/** By the key that another column of the row holds. */
export interface KeyedAction {
  readonly kind: 'keyed';
  /** Place of that column, from 0. */
  readonly key: number;
  /** For a value under this key. */
  of(key: string): UnkeyedAction;
  /** For a row whose key is not known. */
  readonly otherwise: UnkeyedAction;
}
export type UnkeyedAction = Exclude<ColumnAction, KeyedAction>;

export const PASS: UnkeyedAction = { kind: 'pass' };

/** Array types whose elements are JSON: a find in them cannot be replaced in place in their text form. */
const JSON_ARRAYS: ReadonlySet<number> = new Set([199, 3807]);

/** Detectors over a column's values, in the way its type and format are read. */
export function detectingAction(
  type: ValueType,
  format: Format,
  detection: Detection,
  terms: { readonly key: HashKey; readonly textTypes?: TextTypes },
): UnkeyedAction {
  if (!mayHoldText(type.oid)) return PASS;
  const { key, textTypes } = terms;
  switch (kindOf(type.oid, textTypes)) {
    case 'text':
    case 'bpchar':
      return detecting(fitting(type, (bytes, start, end) => maskDetected(bytes, start, end, detection, key)));
    case 'xml':
      return detecting((bytes, start, end) => maskDetected(bytes, start, end, detection, key));
    case 'json':
      return detecting((bytes, start, end) => maskDetectedInJson(bytes, start, end, detection, key));
    case 'jsonb':
      return detecting(format === 1 ? inBinaryJsonb(detection, key) : inJson(detection, key));
    case 'bytea':
      return detecting(inBytea(format, detection, key));
    default:
      if (format === 1) {
        return detecting((bytes, start, end) =>
          maskDetectedInBinary(type.oid, bytes, start, end, {
            detection,
            key,
            ...(textTypes && { textTypes }),
          }),
        );
      }
      return detecting(JSON_ARRAYS.has(type.oid) ? wholly(detection, key) : inText(detection, key));
  }
}

type Apply = (bytes: Buffer, start: number, end: number) => Masked;

function detecting(apply: Apply): UnkeyedAction {
  return { kind: 'detecting', apply };
}

function inText(detection: Detection, key: HashKey): Apply {
  return (bytes, start, end) => maskDetected(bytes, start, end, detection, key);
}

function inJson(detection: Detection, key: HashKey): Apply {
  return (bytes, start, end) => maskDetectedInJson(bytes, start, end, detection, key);
}

/** NULL in place of any value in which something was found. */
function wholly(detection: Detection, key: HashKey): Apply {
  return (bytes, start, end) =>
    maskDetected(bytes, start, end, detection, key) === undefined ? undefined : null;
}

function inBinaryJsonb(detection: Detection, key: HashKey): Apply {
  return (bytes, start, end) => {
    // jsonb_send writes version 1; of any other the layout is unknown.
    if (end === start || bytes[start] !== 1) return null;
    const masked = maskDetectedInJson(bytes, start + 1, end, detection, key);
    return masked ? Buffer.concat([Buffer.of(1), masked]) : masked;
  };
}

/** Bytes that read as UTF-8 text are searched; a find makes the whole value a redacted one. */
function inBytea(format: Format, detection: Detection, key: HashKey): Apply {
  const instead = compileValueMask(
    { oid: OID.bytea, typmod: -1 },
    format,
    { strategy: 'redact', keepLast: 0 },
    key,
  );
  const value = instead.kind === 'constant' ? instead.value : null;
  return (bytes, start, end) => {
    // bytea_output = hex writes \x and digits; escape writes printable bytes as they are.
    const isHex = format === 0 && end - start >= 2 && bytes[start] === 0x5c && bytes[start + 1] === 0x78;
    const raw = isHex
      ? Buffer.from(bytes.toString('latin1', start + 2, end), 'hex')
      : bytes.subarray(start, end);
    if (!isUtf8(raw) || maskDetected(raw, 0, raw.length, detection, key) === undefined) return undefined;
    return value;
  };
}

/** Keeps a replaced text within the declared length of its column. */
function fitting(type: ValueType, apply: Apply): Apply {
  const length = declaredLength(type);
  if (length === undefined) return apply;
  return (bytes, start, end) => {
    const masked = apply(bytes, start, end);
    if (!masked || masked.length <= length) return masked;
    const characters = [...masked.toString('utf8')];
    return characters.length <= length ? masked : Buffer.from(characters.slice(0, length).join(''));
  };
}

/** A json document, masked by value but for the keys that are kept. Undefined for a type that is no json. */
export function documentMask(
  type: ValueType,
  format: Format,
  masking: DocumentMasking,
  key: HashKey,
): UnkeyedAction | undefined {
  const kind = kindOf(type.oid);
  if (kind !== 'json' && kind !== 'jsonb') return undefined;
  // jsonb_send writes version 1 and the text; of any other version the layout is unknown.
  const lead = kind === 'jsonb' && format === 1 ? 1 : 0;
  return detecting((bytes, start, end) => {
    if (lead === 1 && bytes[start] !== 1) return null;
    const masked = maskDocument(bytes, start + lead, end, masking, key);
    return masked && lead === 1 ? Buffer.concat([Buffer.of(1), masked]) : masked;
  });
}

/** A count, NULL when it is smaller than the least that may be shown. bigint in either format. */
export function countMask(least: number, format: Format): UnkeyedAction {
  return detecting((bytes, start, end) => {
    const isBinary = format === 1 && end - start === 8;
    const count = isBinary
      ? Number(bytes.readBigInt64BE(start))
      : Number(bytes.toString('latin1', start, end));
    return count >= least ? undefined : null;
  });
}

/** Whether the action replaces NULL as well. */
export function replacesNull(action: ColumnAction): boolean {
  if (action.kind === 'keyed') return replacesNull(action.otherwise);
  return action.kind === 'constant' && action.always === true;
}
