import { NATIONAL_IDS, type NationalId } from './national-id-forms.ts';
import type { Found } from './patterns.ts';

/** In what groups of digits each of them is written, as `shapesOf` reads it. */
export const NATIONAL_SHAPES: readonly (readonly string[])[] = NATIONAL_IDS.map(({ shapes }) => shapes);

/** Bits of those that letters begin, by their places. */
export const BEHIND_LETTER: number = NATIONAL_IDS.reduce(
  (bits, { behindLetter }, i) => (behindLetter ? bits | (1 << i) : bits),
  0,
);

/** How far back a word for a number is looked for, in characters. */
const WORD_REACH = 40;
/** Longest number with its separators. */
const LONGEST = 24;
/** What most often looks like one and is not. */
const DATES =
  /(?<![0-9A-Za-z])(?:19|20)\d\d-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?(?![0-9A-Za-z])/g;

/** The number of that place in the list whose groups of digits reach from `start` to `end`, if its letters and check digit are right. */
export function nationalIdAt(
  place: number,
  digits: string | undefined,
  text: string,
  start: number,
  end: number,
  found: Found,
): void {
  const id = NATIONAL_IDS[place];
  // Without the letter that comes behind them the digits alone say nothing.
  if (!id || (digits !== undefined && !id.passes(digits))) return;
  const from = Math.max(0, start - LONGEST);
  const around = text.slice(from, end + LONGEST);
  // Of the same length, so that places stay what they are.
  const rest = around.includes('-') ? around.replace(DATES, (date) => '/'.repeat(date.length)) : around;
  id.form.lastIndex = Math.max(0, start - from - MOST_LETTERS);
  for (let match = id.form.exec(rest); match; match = id.form.exec(rest)) {
    const begun = from + match.index;
    const ended = begun + match[0].length;
    if (begun > start) return;
    if (ended < end || !id.passes(match[0].replace(/[^0-9A-Za-z]/g, '').toUpperCase())) continue;
    if (isTold(id, match[0], text, begun, ended)) found(begun, ended);
  }
}

/** Letters before the first digit, and a separator. */
const MOST_LETTERS = 8;

function isTold(
  { words, written, onlyNamed }: NationalId,
  whole: string,
  text: string,
  start: number,
  end: number,
): boolean {
  if (words === undefined || written?.test(whole)) return true;
  if (words.test(text.slice(Math.max(0, start - WORD_REACH), start))) return true;
  if (onlyNamed) return false;
  return text.length - whole.length <= SURROUNDED && (text.slice(0, start) + text.slice(end)).trim() === '';
}

/** White space that may be about a number which stands alone, in characters. */
const SURROUNDED = 256;
