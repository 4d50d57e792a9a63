import { counted } from '../base/quantities.ts';
import { textWidth } from '../base/text-width.ts';
import { visible } from './visible-text.ts';

export interface TableColumn {
  readonly name: string;
  readonly rightAligned: boolean;
}

/** One cell: the lines it is printed on. */
type Cell = readonly string[];

/**
 * Head and rows as psql prints them by default (format aligned, border 1): heads centred, a cell of several
 * lines continued with `+`, null as nothing, control characters shown. Ends with a newline, has no row count.
 */
export function psqlTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly (string | null)[])[],
): string {
  const heads = columns.map(({ name }) => cellOf(name));
  const cells = rows.map((row) => columns.map((_, index) => cellOf(row[index] ?? '')));
  const widths = columns.map((_, index) => {
    let width = cellWidth(heads[index]);
    for (const row of cells) width = Math.max(width, cellWidth(row[index]));
    return width;
  });
  const rule = widths.map((width) => '-'.repeat(width + 2)).join('+');
  const body = cells.map((row) =>
    printRow(row, widths, (index) => (columns[index]?.rightAligned ? 'right' : 'left')),
  );
  return `${printRow(heads, widths, () => 'centre')}${rule}\n${body.join('')}`;
}

/** `(1 row)`, `(5 rows)`. */
export function rowCount(count: number): string {
  return `(${counted(count, 'row')})`;
}

/** Tabs run to the next multiple of eight, as in psql; other control characters are escaped. */
function cellOf(text: string): Cell {
  return text.split('\n').map((line) => {
    if (!line.includes('\t')) return visible(line);
    let shown = '';
    for (const [index, piece] of line.split('\t').entries()) {
      if (index > 0) shown += ' '.repeat(8 - (textWidth(shown) % 8));
      shown += visible(piece);
    }
    return shown;
  });
}

function cellWidth(cell: Cell | undefined): number {
  return Math.max(0, ...(cell ?? []).map(textWidth));
}

type Align = 'left' | 'right' | 'centre';

function printRow(
  row: readonly Cell[],
  widths: readonly number[],
  alignOf: (index: number) => Align,
): string {
  const height = Math.max(1, ...row.map((cell) => cell.length));
  let text = '';
  for (let line = 0; line < height; line++) {
    const parts = row.map((cell, index) => {
      const continues = line + 1 < cell.length;
      const align = alignOf(index);
      const last = index === row.length - 1;
      const piece = cell[line] ?? '';
      // Only heads and continued lines are padded at the end of the row.
      const padded = last && align === 'left' && !continues ? piece : pad(piece, widths[index] ?? 0, align);
      const end = continues ? '+' : last && align !== 'centre' ? '' : ' ';
      return ` ${padded}${end}`;
    });
    text += `${parts.join('|')}\n`;
  }
  return text;
}

function pad(text: string, width: number, align: Align): string {
  const space = width - textWidth(text);
  const before = align === 'left' ? 0 : align === 'right' ? space : Math.floor(space / 2);
  return ' '.repeat(before) + text + ' '.repeat(space - before);
}
