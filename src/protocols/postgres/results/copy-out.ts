import { UsageError } from '../../../base/errors.ts';
import type { CopyFacts } from '../../../sql/facts.ts';
import { BinaryCopy } from './copy-binary.ts';
import { CsvCopy } from './copy-csv.ts';
import { copyViolation } from './copy-row.ts';
import { TextCopy } from './copy-text.ts';
import { type ColumnMask, columnAction, type MaskingTerms, planOf } from './row-plan.ts';

/** A column of `COPY … TO STDOUT`, known from the statement and the catalog: the protocol does not describe it. */
export interface CopyColumn {
  /** 0 when it cannot be told: then a text form is taken for text, and a binary one for a type of unknown layout. */
  readonly typeOid: number;
  readonly typmod: number;
  readonly mask?: ColumnMask | undefined;
}

/**
 * Rewrites the data of one COPY as it streams by. Data may come cut at any byte; rows leave whole, each
 * exactly as it came unless one of its values changed.
 */
export interface CopyOutRewriter {
  /**
   * Takes the contents of one CopyData and returns those of the next one to send: all rows that are complete
   * by now, perhaps none. The very same buffer comes back when nothing changed in it; otherwise the result may
   * share its bytes. Throws ProtocolViolation `bad_copy_data` or `copy_row_too_large`.
   */
  write(data: Buffer): Buffer;
  /** At CopyDone. Throws ProtocolViolation `bad_copy_data` when a row is incomplete. */
  end(): void;
}

/** What of CopyOutResponse is checked against what was analysed. */
export interface CopyOutResponse {
  readonly binary: boolean;
  readonly columns: number;
}

/** Reads a whole CopyOutResponse (type byte and length included). Throws ProtocolViolation `bad_copy_data`. */
export function parseCopyOutResponse(bytes: Buffer, start: number, end: number): CopyOutResponse {
  if (end - start < 8 || bytes.readInt32BE(start + 1) !== end - start - 1) {
    throw copyViolation('CopyOutResponse has a wrong length');
  }
  const overall = bytes[start + 5];
  const columns = bytes.readUInt16BE(start + 6);
  if (overall !== 0 && overall !== 1) throw copyViolation('CopyOutResponse names an unknown format');
  if (end - start !== 8 + 2 * columns) throw copyViolation('CopyOutResponse has a wrong length');
  return { binary: overall === 1, columns };
}

/**
 * Made when the target answers with CopyOutResponse. Undefined: nothing in these columns can change, pass the
 * data untouched. `rowLimit` is in bytes. Throws ProtocolViolation `bad_copy_data` when the target copies
 * otherwise than the statement said, UsageError `copy_form_not_supported` for a form that cannot be rewritten.
 */
export function openCopyOut(
  copy: CopyFacts,
  response: CopyOutResponse,
  columns: readonly CopyColumn[],
  terms: MaskingTerms,
  rowLimit: number,
): CopyOutRewriter | undefined {
  if (response.binary !== (copy.format === 'binary'))
    throw copyViolation('its format is not the one asked for');
  if (response.columns !== columns.length)
    throw copyViolation('its number of columns is not the expected one');
  const format = copy.format === 'binary' ? 1 : 0;
  const plan = planOf(
    columns.map((column) => {
      const typeOid = column.typeOid === 0 && format === 0 ? TEXT_OID : column.typeOid;
      return columnAction({ typeOid, typmod: column.typmod }, format, column.mask, terms);
    }),
  );
  if (plan === undefined) return undefined;
  switch (copy.format) {
    case 'binary':
      return new BinaryCopy(plan, rowLimit);
    case 'text':
      return new TextCopy(plan, oneByte(copy.delimiter), Buffer.from(copy.nullText), copy.header, rowLimit);
    case 'csv':
      return new CsvCopy(
        plan,
        {
          delimiter: oneByte(copy.delimiter),
          quote: oneByte(copy.quote),
          escape: oneByte(copy.escape),
          nullText: Buffer.from(copy.nullText),
        },
        copy.header,
        rowLimit,
      );
  }
}

const TEXT_OID = 25;

/** PostgreSQL takes only single-byte delimiters, quotes and escapes (COPY, "Parameters"). */
function oneByte(character: string): number {
  const bytes = Buffer.from(character);
  const byte = bytes[0];
  if (bytes.length !== 1 || byte === undefined) {
    throw new UsageError(
      'copy_form_not_supported',
      'COPY takes a delimiter, quote and escape of one byte each',
    );
  }
  return byte;
}
