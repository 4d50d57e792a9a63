import { ProtocolViolation } from '../../../base/errors.ts';
import { type Detection, detectionOf, joinDetections } from '../../../masking/detectors.ts';
import type { Format, TextTypes } from '../../../masking/postgres-types.ts';
import { compileValueMask, type HashKey } from '../../../masking/strategies.ts';
import type { ActiveMask } from '../../../policy/decision.ts';
import {
  type ColumnAction,
  countMask,
  detectingAction,
  documentMask,
  PASS,
  type UnkeyedAction,
} from './column-action.ts';

/** One column as RowDescription describes it (PostgreSQL docs, "Message Formats"). */
export interface ResultColumn {
  readonly name: string;
  /** 0 when the column is not a plain column of a table. */
  readonly tableOid: number;
  readonly columnNumber: number;
  readonly typeOid: number;
  readonly typmod: number;
  /** Always 0 in the answer to Describe of a statement: the real ones come with Bind. */
  readonly format: Format;
}

/** What happens to each column's values; made once a result, walked once a row. */
export interface RowPlan {
  readonly actions: readonly ColumnAction[];
}

/** A column's mask: over its whole value, or (with `detect`) over what detectors find in it. */
export interface ColumnMask extends Pick<ActiveMask, 'detect' | 'strategy' | 'keepLast' | 'keepKeys'> {
  /** The same for every row, NULL too: whether there is a value tells something. */
  readonly always?: true;
  /** The value is a count, shown from this number on. */
  readonly atLeast?: number;
  /** Another mask, or none, by the key that the column at that place holds in the same row. */
  readonly byKey?: { readonly position: number; mask(key: string): ColumnMask | undefined };
}

/** Fixed bytes after a column's name: table OID, number, type OID, length, typmod, format. */
const COLUMN_TAIL = 18;

function violation(why: string): ProtocolViolation {
  return new ProtocolViolation('bad_row_description', 'the target sent a malformed RowDescription', { why });
}

/** Reads a whole RowDescription (type byte and length included). Throws ProtocolViolation `bad_row_description`. */
export function parseRowDescription(bytes: Buffer, start: number, end: number): readonly ResultColumn[] {
  if (end - start < 7 || bytes.readInt32BE(start + 1) !== end - start - 1)
    throw violation('its length is wrong');
  const count = bytes.readUInt16BE(start + 5);
  const columns: ResultColumn[] = [];
  let at = start + 7;
  for (let i = 0; i < count; i++) {
    const nameEnd = bytes.indexOf(0, at);
    if (nameEnd < 0 || nameEnd + 1 + COLUMN_TAIL > end) throw violation('it ends inside a column');
    const tail = nameEnd + 1;
    columns.push({
      name: bytes.toString('utf8', at, nameEnd),
      tableOid: bytes.readUInt32BE(tail),
      columnNumber: bytes.readInt16BE(tail + 4),
      typeOid: bytes.readUInt32BE(tail + 6),
      typmod: bytes.readInt32BE(tail + 12),
      format: knownFormat(bytes.readInt16BE(tail + 16)),
    });
    at = tail + COLUMN_TAIL;
  }
  if (at !== end) throw violation('bytes follow its last column');
  return columns;
}

/** 0 or 1; anything else is a format that nobody can mask. Throws ProtocolViolation `unknown_format`. */
function knownFormat(code: number): Format {
  if (code === 0 || code === 1) return code;
  throw new ProtocolViolation('unknown_format', `format code ${code} is neither text nor binary`);
}

/**
 * The columns with the result formats of a Bind message: none means text, one is for all, otherwise one for
 * each. Throws ProtocolViolation `unknown_format` or `bad_result_formats`.
 */
export function withResultFormats(
  columns: readonly ResultColumn[],
  formats: readonly number[],
): readonly ResultColumn[] {
  if (formats.length > 1 && formats.length !== columns.length) {
    throw new ProtocolViolation(
      'bad_result_formats',
      `${formats.length} result formats were bound for ${columns.length} columns`,
    );
  }
  return columns.map((column, i) => ({
    ...column,
    format: knownFormat((formats.length === 1 ? formats[0] : formats[i]) ?? 0),
  }));
}

/** What a plan is made with, the same for every result of a session. */
export interface MaskingTerms {
  /** Detectors that look at every text value of the session. */
  readonly detection: Detection | undefined;
  readonly key: HashKey;
  readonly textTypes?: TextTypes;
}

/**
 * Decides once what happens to each column. A column with a mask has it applied; any other whose type can
 * hold text is searched by the detectors. Undefined: no value can change, forward the rows untouched.
 */
export function buildRowPlan(
  columns: readonly ResultColumn[],
  maskFor: (column: ResultColumn, position: number) => ColumnMask | undefined,
  terms: MaskingTerms,
): RowPlan | undefined {
  return planOf(columns.map((column, i) => columnAction(column, column.format, maskFor(column, i), terms)));
}

interface ValueOf {
  readonly typeOid: number;
  readonly typmod: number;
}

/** What happens to the values of one column of that type and format. */
export function columnAction(
  type: ValueOf,
  format: Format,
  mask: ColumnMask | undefined,
  terms: MaskingTerms,
): ColumnAction {
  if (mask?.byKey) return keyedAction(type, format, mask, mask.byKey, terms);
  return unkeyedAction(type, format, mask, terms);
}

/** Keys of one result for which an action is remembered; documents with more of them have them decided anew. */
const MOST_KEYS = 256;

function keyedAction(
  type: ValueOf,
  format: Format,
  mask: ColumnMask,
  { position, mask: maskUnder }: NonNullable<ColumnMask['byKey']>,
  terms: MaskingTerms,
): ColumnAction {
  const known = new Map<string, UnkeyedAction>();
  return {
    kind: 'keyed',
    key: position,
    of(key) {
      const kept = known.get(key);
      if (kept) return kept;
      const action = unkeyedAction(type, format, maskUnder(key), terms);
      if (known.size < MOST_KEYS) known.set(key, action);
      return action;
    },
    otherwise: unkeyedAction(type, format, mask, terms),
  };
}

function unkeyedAction(
  type: ValueOf,
  format: Format,
  mask: ColumnMask | undefined,
  terms: MaskingTerms,
): UnkeyedAction {
  const valueType = { oid: type.typeOid, typmod: type.typmod };
  if (mask?.atLeast !== undefined) return countMask(mask.atLeast, format);
  if (mask && mask.detect.length === 0) {
    if (mask.keepKeys) {
      const document = documentMask(valueType, format, { ...mask, keepKeys: mask.keepKeys }, terms.key);
      if (document) return document;
    }
    const value = compileValueMask(valueType, format, mask, terms.key, terms.textTypes);
    if (!mask.always || value.kind !== 'constant') return value;
    return { ...value, always: true };
  }
  const detection = joinDetections(mask && detectionOf([mask]), terms.detection);
  return detection ? detectingAction(valueType, format, detection, terms) : PASS;
}

/** Undefined when every column passes. */
export function planOf(actions: readonly ColumnAction[]): RowPlan | undefined {
  return actions.every((action) => action.kind === 'pass') ? undefined : { actions };
}
