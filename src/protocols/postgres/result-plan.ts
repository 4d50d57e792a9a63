import type { Detection } from '../../masking/detectors.ts';
import type { HashKey } from '../../masking/strategies.ts';
import { SHAPE, under } from '../../sql/document-path.ts';
import type { OutputColumn, StatementFacts } from '../../sql/facts.ts';
import type { MaskedColumns } from './masked-columns.ts';
import {
  buildRowPlan,
  type ColumnMask,
  type MaskingTerms,
  type ResultColumn,
  type RowPlan,
} from './results/row-plan.ts';

export type ColumnDescription = ResultColumn;

/** How the rows of one result go to the client. */
export interface ResultPlan {
  /** Number of columns that every row must have. */
  readonly columns: number;
  /** Undefined: rows pass as they are. */
  readonly rows: RowPlan | undefined;
}

/** What masks are made with, the same for all results of a session while its masks hold. */
export interface ResultMasking {
  readonly masked: MaskedColumns;
  readonly terms: MaskingTerms;
}

export function resultMasking(
  masked: MaskedColumns,
  detection: Detection | undefined,
  key: HashKey,
): ResultMasking {
  return { masked, terms: { detection, key } };
}

/**
 * Plans a result. A column is masked when its origin in RowDescription is a masked column, or when analysis
 * found that its value comes from one (through a view, a set operation, a subquery): two nets, either is enough.
 */
export function planResult(
  columns: readonly ColumnDescription[],
  statement: StatementFacts | undefined,
  { masked, terms }: ResultMasking,
): ResultPlan {
  if (masked.none) return { columns: columns.length, rows: undefined };
  const outputs = statement?.outputs?.length === columns.length ? statement.outputs : undefined;
  // Without a list, any column that names no origin may be derived from anything the statement shows.
  const anything = statement?.anyOutput ?? statement?.outputs?.flatMap((output) => output.sources) ?? [];
  const rows = buildRowPlan(
    columns,
    (column, position) => {
      if (!masked.anyColumns) return undefined;
      const output = outputs?.[position];
      const byName = output && outputMask(output, column, columns, masked);
      const byOrigin = column.tableOid === 0 ? undefined : maskByOrigin(column, masked);
      if (byName?.always || byOrigin?.always) return byName?.always ? byName : byOrigin;
      if (byName ?? byOrigin) return byName ?? byOrigin;
      if (output || column.tableOid !== 0) return undefined;
      return masked.of({ sources: anything, plain: false });
    },
    terms,
  );
  return { columns: columns.length, rows };
}

/** OID of text, which keys are. */
const TEXT = 25;

/** The mask over what analysis found out of a column; of an entry of a document, by its key. */
function outputMask(
  output: OutputColumn,
  column: ColumnDescription,
  columns: readonly ColumnDescription[],
  masked: MaskedColumns,
): ColumnMask | undefined {
  const mask = masked.of(output);
  const key = output.keyedBy === undefined ? undefined : columns[output.keyedBy];
  if (mask === undefined || key === undefined || column.tableOid !== 0) return mask;
  if (key.tableOid !== 0 || key.typeOid !== TEXT) return mask;
  const { plain } = output;
  return {
    ...mask,
    byKey: {
      position: columns.indexOf(key),
      mask: (text) =>
        masked.of({
          plain,
          carried: true,
          document: true,
          sources: output.sources.map((source) => (text === SHAPE ? source : under(source, text))),
        }),
    },
  };
}

function maskByOrigin(column: ColumnDescription, masked: MaskedColumns) {
  return masked.knowsTable(column.tableOid)
    ? masked.ofOrigin(column.tableOid, column.columnNumber)
    : masked.ofUnknownTable(column.name);
}

/** Whether some column comes from a table the catalog does not know yet, so that its masks cannot be told. */
export function namesUnknownTable(columns: readonly ColumnDescription[], masked: MaskedColumns): boolean {
  if (!masked.anyColumns) return false;
  return columns.some((column) => column.tableOid !== 0 && !masked.knowsTable(column.tableOid));
}
