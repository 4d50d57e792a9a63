import type { ApprovalView } from '../api/approval-schemas.ts';
import { counted } from '../base/quantities.ts';
import { textWidth, wrapText } from '../base/text-width.ts';
import { visibleText } from '../base/visible-text.ts';
import { relativeTime } from './times.ts';
import { visible } from './visible-text.ts';

type Precedent = NonNullable<ApprovalView['precedent']>;
type Difference = NonNullable<Precedent['nearest']>['differences'][number];

/** Differences that the card shows; the rest is counted. */
const MOST_SHOWN = 8;
/** Characters of what stands around a difference. */
const AROUND = 12;

/** How the request compares with what was approved before, in one line. */
export function precedentHead({ among, nearest }: Precedent, now: number): string {
  if (nearest === null) {
    return among === 1
      ? 'unlike the one that was approved here before'
      : `unlike the last ${among} that were approved here`;
  }
  const { approval, at, by, differences, more } = nearest;
  const known = visible(`${approval}, approved ${relativeTime(at, now)} by ${by}`);
  if (differences.length === 0) return `the same as ${known}`;
  const count = differences.length + more;
  return `differs from ${known}, in ${counted(count, 'place')}:`;
}

/** Each place where it differs: what stood there, what stands there, and carets below what is not the same. */
export function differenceLines(approval: ApprovalView, columns: number): readonly string[] {
  const { differences = [], more = 0 } = approval.precedent?.nearest ?? {};
  const left = differences.length - MOST_SHOWN + more;
  return [
    ...differences
      .slice(0, MOST_SHOWN)
      .flatMap((one, i) => linesOf(one, gapAround(differences, i), approval, columns)),
    ...(left > 0 && differences.length + more > MOST_SHOWN ? [`and ${left} more places`] : []),
  ];
}

/** From where to where everything but this difference is the same in both. */
function gapAround(
  differences: readonly Difference[],
  i: number,
): { readonly from: number; readonly to: number } {
  const [before, here, behind] = [differences[i - 1], differences[i], differences[i + 1]];
  const near = (one: Difference | undefined) => one?.part === here?.part && one?.number === here?.number;
  return {
    from: before !== undefined && near(before) ? before.start + before.length : 0,
    to: behind !== undefined && near(behind) ? behind.start : Infinity,
  };
}

function linesOf(
  difference: Difference,
  gap: { readonly from: number; readonly to: number },
  approval: ApprovalView,
  columns: number,
): string[] {
  const text = textOf(difference, approval);
  const { is, length, part, start, was, wasLength } = difference;
  const end = start + length;
  const around = {
    before: shownShort(text.slice(Math.max(gap.from, start - AROUND), start)),
    behind: shownShort(text.slice(end, Math.min(gap.to, end + AROUND))),
  };
  const none = part === 'value' ? 'NULL' : '(nothing)';
  const room = columns - 4 - 2 * (AROUND + 2);
  return [
    placeOf(difference, approval, text),
    ...(was === null ? [`│ - ${none}`] : sideLines('-', was, wasLength, around, room)),
    ...(is === null ? [`│ + ${none}`] : sideLines('+', is, length, around, room)),
  ];
}

function textOf({ number = 0, part }: Difference, approval: ApprovalView): string {
  switch (part) {
    case 'statement':
      return approval.statement;
    case 'value':
      return approval.parameters[number - 1] ?? '';
    case 'named':
      return approval.named?.[number - 1]?.text ?? '';
    case 'target':
      return approval.target;
    case 'effect':
      return '';
    default:
      return part satisfies never;
  }
}

function placeOf({ number = 0, part, start }: Difference, approval: ApprovalView, text: string): string {
  if (part === 'effect') return 'effect';
  const before = text.slice(0, start);
  const line = before.split('\n').length;
  const column = [...before.slice(before.lastIndexOf('\n') + 1)].length + 1;
  const where = text.includes('\n') ? `line ${line}, character ${column}` : `character ${column}`;
  if (part === 'statement') return where;
  if (part === 'named') return visible(`${approval.named?.[number - 1]?.name ?? ''}, ${where}`);
  return `${part === 'value' ? `$${number}` : 'target'}, ${where}`;
}

function sideLines(
  sign: '-' | '+',
  piece: string,
  length: number,
  around: { readonly before: string; readonly behind: string },
  room: number,
): string[] {
  const shown = visibleText(piece, { lookalikes: true }).text;
  const words = `… (${length} characters)`;
  const whole = piece.length === length && textWidth(shown) <= room;
  const [first = ''] = wrapText(shown, whole ? room : Math.max(8, room - words.length + AROUND));
  const line = `│ ${sign} ${around.before}${first}${whole ? around.behind : words}`;
  const width = textWidth(first);
  return width === 0 ? [line] : [line, `│   ${' '.repeat(textWidth(around.before))}${'^'.repeat(width)}`];
}

/** What needs more room than it has characters is left out: it stands in the statement. */
function shownShort(text: string): string {
  const shown = visibleText(text.toWellFormed(), { lookalikes: true }).text;
  return textWidth(shown) > AROUND + 2 ? '' : shown;
}
