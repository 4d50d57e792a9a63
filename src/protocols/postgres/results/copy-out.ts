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
  refuseAmbiguousForms(copy);
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
      return new TextCopy(
        plan.actions,
        oneByte(copy.delimiter),
        Buffer.from(copy.nullText),
        copy.header,
        rowLimit,
      );
    case 'csv':
      return new CsvCopy(
        plan.actions,
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

/**
 * Forms in which a field's end could be mistaken, and an unmasked field be made to swallow a masked one. To be
 * asked before such a COPY runs; `openCopyOut` asks again. Throws UsageError `copy_form_not_supported`.
 */
export function refuseAmbiguousForms(copy: CopyFacts): void {
  if (copy.format !== 'binary' && !isAsciiSafe(copy.encoding)) {
    throw new UsageError(
      'copy_form_not_supported',
      `masked rows cannot be copied in the encoding ${copy.encoding}`,
      { next: 'leave out ENCODING: the rows then come in UTF8' },
    );
  }
  // A NULL written `x\` escapes the delimiter after it: only `\N` is an escape of its own.
  if (copy.format === 'text' && copy.nullText !== '\\N' && copy.nullText.includes('\\')) {
    throw new UsageError(
      'copy_form_not_supported',
      'masked rows cannot be copied with a null text that holds a backslash',
      { next: "leave out NULL, or choose a text without one: NULL ''" },
    );
  }
}

/**
 * Encodings in which a byte below 0x80 is always the ASCII character (PostgreSQL docs, "Character Set Support"). In
 * the others (SJIS, BIG5, GBK, UHC, GB18030, JOHAB) it may be the second half of a character, so that a backslash
 * or delimiter could not be told from a letter.
 */
const ASCII_SAFE =
  /^(?:utf8|unicode|sqlascii|latin(?:[1-9]|10)|iso8859\d{1,2}|win(?:dows)?(?:125[0-8]|866|874)|koi8[ru]?|euc(?:jp|cn|kr|tw|jis2004)|muleinternal)$/;

/** Names are compared as PostgreSQL compares them: letters and digits only. Undefined is the session's own, UTF8. */
function isAsciiSafe(encoding: string | undefined): boolean {
  return encoding === undefined || ASCII_SAFE.test(encoding.toLowerCase().replace(/[^a-z0-9]/g, ''));
}

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
