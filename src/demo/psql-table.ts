import type { QueryArrayResult } from 'pg';

/** int8, int2, int4, oid, float4, float8, numeric: psql sets them flush right. */
const NUMERIC_TYPES: ReadonlySet<number> = new Set([20, 21, 23, 26, 700, 701, 1700]);

/** A result as psql prints it by default (aligned format, border 1), without the last newline. */
export function psqlTable(result: QueryArrayResult): string {
  if (result.fields.length === 0) return `${result.command} ${result.rowCount ?? ''}`.trim();
  const cells = result.rows.map((row) => row.map(cellText));
  const columns = result.fields.map((field, index) => ({
    name: field.name,
    right: NUMERIC_TYPES.has(field.dataTypeID),
    width: Math.max(field.name.length, ...cells.map((row) => row[index]?.length ?? 0)),
  }));
  const head = columns.map(({ name, width }) => centred(name, width)).join(' | ');
  const rule = columns.map(({ width }) => '-'.repeat(width + 2)).join('+');
  // The last column is not padded to its width when it is set flush left.
  const body = cells.map((row) =>
    columns
      .map(({ right, width }, index) => {
        const text = row[index] ?? '';
        if (right) return text.padStart(width);
        return index === columns.length - 1 ? text : text.padEnd(width);
      })
      .join(' | '),
  );
  const count = result.rows.length === 1 ? '(1 row)' : `(${result.rows.length} rows)`;
  return [` ${head} `, rule, ...body.map((line) => ` ${line}`), count].join('\n');
}

function cellText(value: unknown): string {
  return value === null || value === undefined
    ? ''
    : value instanceof Date
      ? value.toISOString()
      : String(value);
}

function centred(text: string, width: number): string {
  const left = Math.floor((width - text.length) / 2);
  return `${' '.repeat(left)}${text}`.padEnd(width);
}
