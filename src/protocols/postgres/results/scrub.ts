import { ProtocolViolation } from '../../../base/errors.ts';
import { type Detection, maskDetected } from '../../../masking/detectors.ts';
import { type HashKey, REDACTED } from '../../../masking/strategies.ts';

/** Said in place of a message that could quote a masked value. */
export const WITHHELD = 'hoopctl withheld the text of this message: the statement touches masked columns';
const WITHHELD_HINT = 'The SQLSTATE says what went wrong; someone whom the masks except can see the text.';

/** Fields of ErrorResponse and NoticeResponse by their byte (PostgreSQL docs, "Error and Notice Message Fields"). */
const FIELD = {
  severity: 0x53, // S
  severityUntranslated: 0x56, // V
  sqlstate: 0x43, // C
  message: 0x4d, // M
  detail: 0x44, // D
  hint: 0x48, // H
  position: 0x50, // P
  internalPosition: 0x70, // p
  internalQuery: 0x71, // q
  where: 0x57, // W
  schema: 0x73, // s
  table: 0x74, // t
  column: 0x63, // c
  dataType: 0x64, // d
  constraint: 0x6e, // n
  file: 0x46, // F
  line: 0x4c, // L
  routine: 0x52, // R
} as const;

/** Set by the server itself, whatever the statement was. */
const KEPT: ReadonlySet<number> = new Set([
  FIELD.severity,
  FIELD.severityUntranslated,
  FIELD.sqlstate,
  FIELD.position,
  FIELD.file,
  FIELD.line,
  FIELD.routine,
]);

const NAMES: ReadonlySet<number> = new Set([
  FIELD.schema,
  FIELD.table,
  FIELD.column,
  FIELD.dataType,
  FIELD.constraint,
]);

/** Texts that people write or that quote values. */
const TEXTS: ReadonlySet<number> = new Set([
  FIELD.message,
  FIELD.detail,
  FIELD.hint,
  FIELD.where,
  FIELD.internalQuery,
]);

interface Field {
  readonly code: number;
  /** Offsets of the text, its terminator left out. */
  readonly start: number;
  readonly end: number;
}

/**
 * An ErrorResponse or NoticeResponse (whole, type byte and length included) without any text that could quote
 * a value: severity, SQLSTATE, position, the server's source place and the names of schema, table, column,
 * type and constraint stay; the message is replaced, the rest left out. Names are left out as well when the
 * error was raised by a PL/pgSQL RAISE, whose USING clause may put a value there. What the server says about the
 * statement's own words before it runs (a column that does not exist) comes from its text and stays whole.
 * Throws ProtocolViolation `bad_error_response`.
 */
export function scrubErrorFields(message: Buffer): Buffer {
  const fields = readFields(message);
  if (isOfAnalysis(message, fields)) return message;
  const raised = fields.some(({ code, start, end }) => {
    return code === FIELD.routine && message.toString('latin1', start, end) === 'exec_stmt_raise';
  });
  const namesOnly = saysNames(message, fields);
  const parts: Buffer[] = [];
  for (const { code, start, end } of fields) {
    if (KEPT.has(code) || (NAMES.has(code) && !raised)) parts.push(message.subarray(start - 1, end + 1));
    else if (code === FIELD.message && namesOnly) parts.push(message.subarray(start - 1, end + 1));
    else if (code === FIELD.message) parts.push(field('M', WITHHELD), field('H', WITHHELD_HINT));
  }
  return assembled(message, parts);
}

/**
 * Routines of the server whose primary message has names of the catalog and nothing else, by SQLSTATE: which constraint
 * of which table is violated, what one may not do. Values stand in their details. No statement can set the routine.
 */
const NAMING: Readonly<Record<string, ReadonlySet<string>>> = {
  '23505': new Set(['_bt_check_unique', 'check_exclusion_or_unique_constraint']),
  '23P01': new Set(['check_exclusion_or_unique_constraint']),
  '23503': new Set(['ri_ReportViolation']),
  '23514': new Set(['ExecConstraints', 'ExecPartitionCheckEmitError']),
  '23502': new Set(['ExecConstraints', 'ReportNotNullViolationError']),
  '42501': new Set(['aclcheck_error']),
};

function saysNames(message: Buffer, fields: readonly Field[]): boolean {
  const text = (code: number) => {
    const one = fields.find((field) => field.code === code);
    return one === undefined ? '' : message.toString('latin1', one.start, one.end);
  };
  const routines = NAMING[text(FIELD.sqlstate)];
  return routines?.has(text(FIELD.routine)) ?? false;
}

/** Sources of the server that know the catalog and the text, and no row. */
const ANALYSIS: ReadonlySet<string> = new Set([
  'analyze.c',
  'parse_agg.c',
  'parse_clause.c',
  'parse_coerce.c',
  'parse_collate.c',
  'parse_expr.c',
  'parse_func.c',
  'parse_oper.c',
  'parse_relation.c',
  'parse_target.c',
]);

/**
 * An error of parse analysis that points into the client's own text. Where a function has text analysed that it made
 * of values (EXECUTE, query_to_xml), the server adds a context or the inner text; no statement can set these fields.
 */
function isOfAnalysis(message: Buffer, fields: readonly Field[]): boolean {
  const has = (code: number) => fields.some((one) => one.code === code);
  const file = fields.find(({ code }) => code === FIELD.file);
  return (
    file !== undefined &&
    ANALYSIS.has(message.toString('latin1', file.start, file.end)) &&
    has(FIELD.position) &&
    !has(FIELD.where) &&
    !has(FIELD.internalQuery) &&
    !has(FIELD.internalPosition)
  );
}

/**
 * Detectors over the texts of an ErrorResponse or NoticeResponse; the same buffer when they find nothing.
 * Throws ProtocolViolation `bad_error_response`.
 */
export function maskErrorTexts(message: Buffer, detection: Detection, key: HashKey): Buffer {
  let changed = false;
  const parts = readFields(message).map(({ code, start, end }) => {
    const masked =
      TEXTS.has(code) || NAMES.has(code) ? maskDetected(message, start, end, detection, key) : undefined;
    if (masked === undefined) return message.subarray(start - 1, end + 1);
    changed = true;
    return field(String.fromCharCode(code), masked ?? REDACTED);
  });
  return changed ? assembled(message, parts) : message;
}

function readFields(message: Buffer): readonly Field[] {
  const bad = (why: string): ProtocolViolation =>
    new ProtocolViolation('bad_error_response', 'the target sent a malformed error or notice', { why });
  if (message.length < 6 || message.readInt32BE(1) !== message.length - 1) throw bad('its length is wrong');
  const fields: Field[] = [];
  let at = 5;
  while (at < message.length && message[at] !== 0) {
    const end = message.indexOf(0, at + 1);
    if (end < 0) throw bad('it ends inside a field');
    fields.push({ code: message[at] ?? 0, start: at + 1, end });
    at = end + 1;
  }
  if (at !== message.length - 1) throw bad('its terminator is missing or not at its end');
  return fields;
}

function field(code: string, text: string | Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(code),
    typeof text === 'string' ? Buffer.from(text) : text,
    Buffer.of(0),
  ]);
}

function assembled(original: Buffer, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat([original.subarray(0, 5), ...parts, Buffer.of(0)]);
  body.writeInt32BE(body.length - 1, 1);
  return body;
}
