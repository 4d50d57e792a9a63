import type { Column, TableRow } from './scope.ts';

/**
 * Rows that are told from all others by the columns seen so far: what else such a row holds decides nothing more about
 * which rows are alike. The server leaves the rest of the row out of GROUP BY itself (remove_useless_groupby_columns).
 */
export class KnownRows {
  readonly #keys = new Map<TableRow, Set<readonly string[]>>();

  add(column: Column | undefined): void {
    if (!column?.row || !column.isKey || !column.plain) return;
    const known = this.#keys.get(column.row) ?? new Set();
    known.add(column.sources);
    this.#keys.set(column.row, known);
  }

  /** Whether the column's row is known by its whole key. */
  has({ row, plain }: Column): boolean {
    return row !== undefined && plain && this.#keys.get(row)?.size === row.keySize;
  }
}
