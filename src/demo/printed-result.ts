import type { QueryArrayResult } from 'pg';
import { isRightAligned } from '../base/psql-alignment.ts';
import { psqlTable, rowCount } from '../cli/psql-table.ts';

/** A result of node-postgres as psql prints it, without the last newline. */
export function printedResult(result: QueryArrayResult): string {
  if (result.fields.length === 0) return `${result.command} ${result.rowCount ?? ''}`.trim();
  const columns = result.fields.map((field) => ({
    name: field.name,
    rightAligned: isRightAligned(field.dataTypeID),
  }));
  const rows = result.rows.map((row) => row.map(cellText));
  return `${psqlTable(columns, rows)}${rowCount(rows.length)}`;
}

function cellText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return value instanceof Date ? value.toISOString() : String(value);
}
