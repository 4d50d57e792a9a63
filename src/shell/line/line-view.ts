import { characterWidth } from '../../base/text-width.ts';
import { visibleText } from '../../base/visible-text.ts';

/** Before the further rows of a line of several. */
const CONTINUATION = '> ';

/** One character as it stands in the line, as it is shown, and the columns that takes. */
export interface Cell {
  readonly shown: string;
  readonly width: number;
}

export interface Place {
  readonly row: number;
  readonly column: number;
}

/** A line with its prompt, a character each, and the place in it. */
export interface LineView {
  readonly prompt: string;
  readonly line: readonly string[];
  readonly at: number;
  readonly columns: number;
}

/**
 * Prompt and line, row by row, from where the prompt began, and the cursor where it belongs. `from` is where it stood.
 */
export function drawnLine(
  { at, columns, line, prompt }: LineView,
  from: Place,
): { readonly text: string; readonly cursor: Place } {
  const up = from.row > 0 ? `\x1b[${from.row}A` : '';
  let out = `${up}\r\x1b[J`;
  let row = 0;
  let column = 0;
  let cursor: Place = { row, column };
  const put = ({ shown, width }: Cell) => {
    if (column + width > columns) {
      out += '\r\n';
      row++;
      column = 0;
    }
    out += shown;
    column += width;
  };
  for (const character of prompt) put(cellOf(character));
  for (let index = 0; index <= line.length; index++) {
    // At the margin the cursor already stands on the next row.
    if (column >= columns) {
      out += '\r\n';
      row++;
      column = 0;
    }
    if (index === at) cursor = { row, column };
    const character = line[index];
    if (character === undefined) break;
    if (character === '\n') {
      out += '\r\n';
      row++;
      column = 0;
      for (const one of CONTINUATION) put(cellOf(one));
    } else put(cellOf(character));
  }
  if (row > cursor.row) out += `\x1b[${row - cursor.row}A`;
  if (row !== cursor.row || column !== cursor.column) {
    out += `\r${cursor.column > 0 ? `\x1b[${cursor.column}C` : ''}`;
  }
  return { text: out, cursor };
}

/** A character as a terminal shows it; what it would not show as an escape. */
export function cellOf(character: string): Cell {
  if (character >= ' ' && character <= '~') return { shown: character, width: 1 };
  // A mark by itself is shown as an escape, behind a letter it stands on it.
  const shown = visibleText(character === '\n' ? '' : character).text;
  if (shown !== character) return { shown, width: shown.length };
  return { shown, width: characterWidth(character) };
}
