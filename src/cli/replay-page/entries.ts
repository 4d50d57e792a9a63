import type { ReplayEvent } from '../../api/schemas.ts';
import { clockSpan } from '../times.ts';
import { withoutSequences } from '../visible-text.ts';
import { escapeHtml } from './escape.ts';

/** The table that rows belong to, while one is open. Mutable. */
export interface TableState {
  columns: readonly boolean[] | undefined;
  rows: number;
}

/** Text that a program printed without a terminal. */
interface Output {
  readonly type: 'output';
  readonly at: number;
  readonly text: string;
}

/** Rows of one table; a longer result goes on in another. */
const ROWS_AT_ONCE = 1000;

type Shown = Exclude<ReplayEvent, { type: 'size' | 'bytes' }> | Output;

/** One event as an entry of the page, with the end of the table before it where that is over. */
export function entryOf(event: Shown, table: TableState): string | undefined {
  switch (event.type) {
    case 'columns':
      return closed(table) + opened(event, table);
    case 'row':
      return row(event, table);
    default:
      return closed(table) + other(event);
  }
}

function other(event: Exclude<Shown, { type: 'columns' | 'row' }>): string {
  switch (event.type) {
    case 'start':
      return '';
    case 'statement':
      return statement(event);
    case 'output':
      return entry(event.at, '', pre(withoutSequences(event.text).replaceAll('\r\n', '\n')));
    case 'copy':
      return entry(event.at, '', pre(event.data));
    case 'complete':
      return entry(event.at, 'note', escapeHtml(event.tag));
    case 'notice':
    case 'error':
      return message(event);
    case 'notification':
      return entry(event.at, 'notice', escapeHtml(`notification "${event.channel}": ${event.payload}`));
    case 'approval': {
      const by = event.by === null ? '' : ` by ${event.by}`;
      const why = event.reason === null ? '' : `: ${event.reason}`;
      return entry(event.at, 'approve', escapeHtml(`approval ${event.id} ${event.status}${by}${why}`));
    }
    case 'exit':
      return note(
        event.at,
        event.signal === null ? `exit ${event.code ?? 'unknown'}` : `ended by SIG${event.signal}`,
      );
    case 'file':
      return note(
        event.at,
        `${event.direction} ${event.path}: ${event.bytes} bytes, ${event.sha256 === null ? 'in parts' : `sha256 ${event.sha256}`}`,
      );
    case 'note':
      return note(event.at, event.message);
    case 'end':
      return note(event.at, `end: ${event.reason}`);
    default:
      return event satisfies never;
  }
}

function statement(event: Extract<ReplayEvent, { type: 'statement' }>): string {
  const lines = [pre(event.text.trimEnd())];
  event.parameters.forEach((value, index) => {
    lines.push(
      `<p class="note">${escapeHtml(`$${index + 1} = ${value === null ? 'NULL' : `'${value}'`}`)}</p>`,
    );
  });
  if (event.decision !== 'allow') {
    const rule = event.rule === null ? '' : ` · rule "${event.rule}"`;
    lines.push(`<p class="note">${escapeHtml(`${event.decision}${rule} · ${event.effects.join('; ')}`)}</p>`);
  }
  const looks = event.decision === 'block' || event.decision === 'approve' ? event.decision : 'statement';
  return entry(event.at, looks, lines.join(''));
}

function message(event: Extract<ReplayEvent, { type: 'notice' | 'error' }>): string {
  const lines = [`${event.severity}:  ${event.message}`];
  if (event.detail !== null) lines.push(`DETAIL:  ${event.detail}`);
  if (event.hint !== null) lines.push(`HINT:  ${event.hint}`);
  return entry(event.at, event.type, pre(lines.join('\n')));
}

function opened(
  { at, names, rightAligned }: Extract<ReplayEvent, { type: 'columns' }>,
  table: TableState,
): string {
  table.columns = rightAligned;
  table.rows = 0;
  const heads = names.map((name) => `<th>${escapeHtml(name)}</th>`).join('');
  return `<li data-at="${Math.round(at)}"><table><tr>${heads}</tr>\n`;
}

function row({ at, values }: Extract<ReplayEvent, { type: 'row' }>, table: TableState): string {
  let before = '';
  if (table.columns === undefined || table.rows >= ROWS_AT_ONCE) {
    const columns: readonly boolean[] = table.columns ?? [];
    before = `${closed(table)}<li data-at="${Math.round(at)}"><table>\n`;
    table.columns = columns;
    table.rows = 0;
  }
  table.rows++;
  const cells = values.map((value, index) => {
    const right = table.columns?.[index] === true ? ' class="right"' : '';
    return value === null ? '<td class="null">NULL</td>' : `<td${right}>${escapeHtml(value)}</td>`;
  });
  return `${before}<tr>${cells.join('')}</tr>\n`;
}

function closed(table: TableState): string {
  if (table.columns === undefined) return '';
  table.columns = undefined;
  return '</table></li>\n';
}

function pre(text: string): string {
  return `<pre>${escapeHtml(text)}</pre>`;
}

function note(at: number, text: string): string {
  return entry(at, 'note', escapeHtml(text));
}

function entry(at: number, looks: string, html: string): string {
  const time = `<time>${escapeHtml(clockSpan(at))}</time>`;
  return `<li data-at="${Math.round(at)}"${looks === '' ? '' : ` class="${looks}"`}>${time}${html}</li>\n`;
}
