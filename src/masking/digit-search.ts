import { isCardNumber } from './checksums.ts';
import { before, MOST_GROUPS, SHAPE_BIT, shapesOf } from './digit-shapes.ts';
import { BEHIND_LETTER, NATIONAL_SHAPES, nationalIdAt } from './national-ids.ts';
import {
  inHexWord,
  internationalPhoneAt,
  isCardGap,
  namedPhone,
  namedSsn,
  northAmericanPhones,
  ssnAt,
} from './patterns.ts';

/** Detectors of numbers, and the bit by which each is asked for. */
export const DIGIT_DETECTORS = { credit_card: 1, us_ssn: 2, phone: 4, national_id: 8 } as const;
export type DigitDetector = keyof typeof DIGIT_DETECTORS;

const SHAPES = shapesOf(NATIONAL_SHAPES);
const NATIONAL_BITS = (1 << NATIONAL_SHAPES.length) - 1;

/** Between groups of one number: this many characters, or … */
const WIDEST_GAP = 2;
/** … this many bytes where characters beyond ASCII are among them. */
const WIDEST_BYTES = 6;

/** Kinds of bytes; a bit each. */
const DIGIT = 1;
const LETTER = 2;
/** It may stand between the groups of one number. */
const SEPARATOR = 4;
const WIDE = 8;
/** It may stand between a word and the number that the word introduces. */
const INTRODUCING = 16;
const DASH = 32;
const KIND = new Uint8Array(256);
for (let code = 0; code < 256; code++) {
  const character = String.fromCharCode(code);
  if (/[0-9]/.test(character)) KIND[code] = DIGIT;
  else if (/[A-Za-z]/.test(character)) KIND[code] = LETTER;
  else if (code >= 0x80) KIND[code] = WIDE;
  if (/[ .()/+-]/.test(character)) KIND[code] = SEPARATOR;
  if (/[ .:=#"'(]/.test(character)) KIND[code] = (KIND[code] ?? 0) | INTRODUCING;
}
KIND[0x2d] = SEPARATOR | DASH;
/** Of the byte at that place of the text; 0 outside of it. */
const kindAt = ({ bytes, start, end }: Reading, at: number): number =>
  at < 0 || start + at >= end ? 0 : (KIND[bytes[start + at] ?? 0] ?? 0);

/** Digits that such a number has at least. */
const FEWEST_INTERNATIONAL = 8;
const FEWEST_NAMED = 7;
const PLUS = 0x2b;
const ZERO = 0x30;

/** The last groups of digits, by their number modulo the size. Mutable; a search never yields. */
const RING = 8;
const starts = new Int32Array(RING);
const ends = new Int32Array(RING);

/** Bytes of a text, and their latin1 reading for where it is needed. */
export interface Reading {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

type OnFound = (detector: DigitDetector, start: number, end: number) => void;

/**
 * All numbers that the asked-for detectors look for, in one pass: each group of digits is read once, and patterns and
 * check digits are tried only where the lengths of groups fit. Linear: as many groups are looked back at as a number has.
 */
export function findInDigits(reading: Reading, wanted: number, found: OnFound): void {
  const shapes = shapesWanted(wanted);
  const phones = (wanted & DIGIT_DETECTORS.phone) !== 0 ? new PhoneSearch(reading, found) : undefined;
  const { bytes, start: base, end: limit } = reading;
  let count = 0; // groups in the present chain
  let last = 0;
  for (let i = base; i < limit; i++) {
    if (KIND[bytes[i] ?? 0] !== DIGIT) continue;
    const start = i - base;
    while (++i < limit && KIND[bytes[i] ?? 0] === DIGIT);
    const end = i - base;
    const isFirst = count === 0 || !isGap(reading, last, start);
    if (isFirst) count = 0;
    phones?.group(start, end, isFirst);
    last = end;
    starts[count & (RING - 1)] = start;
    ends[count & (RING - 1)] = end;
    walk(reading, count, shapes, found);
    count++;
  }
}

/** Which numbers could end with the last group. */
function walk(text: Reading, count: number, shapes: number, found: OnFound): void {
  const least = Math.max(0, count - MOST_GROUPS + 1);
  let isFollowed: boolean | undefined;
  let node = 0;
  for (let first = count; first >= least; first--) {
    const at = first & (RING - 1);
    node = before(SHAPES, node, (ends[at] ?? 0) - (starts[at] ?? 0));
    if (node === 0) return;
    const could = (SHAPES.accepted[node] ?? 0) & shapes;
    if (could !== 0) check(text, could, first, count, found);
    let followed = (SHAPES.followed[node] ?? 0) & shapes;
    if (followed & BEHIND_LETTER && kindAt(text, (starts[at] ?? 0) - 1) !== LETTER)
      followed &= ~BEHIND_LETTER;
    if (followed === 0) continue;
    isFollowed ??= (kindAt(text, ends[count & (RING - 1)] ?? 0) & (LETTER | DASH)) !== 0;
    if (isFollowed)
      nationalIds(text.text, followed, undefined, starts[at] ?? 0, ends[count & (RING - 1)] ?? 0, found);
  }
}

/** Telephone numbers behind a `+`, or behind a word for one. */
class PhoneSearch {
  readonly #text: Reading;
  readonly #found: OnFound;
  #plus = -1;
  #behindPlus = 0;
  #named = -1;
  #behindName = 0;

  constructor(text: Reading, found: OnFound) {
    this.#text = text;
    this.#found = found;
  }

  group(start: number, end: number, isFirst: boolean): void {
    if (isFirst) this.#plus = this.#named = -1;
    const { bytes, start: base } = this.#text;
    if (start > 0 && bytes[base + start - 1] === PLUS && bytes[base + start] !== ZERO) {
      this.#plus = start - 1;
      this.#behindPlus = 0;
    }
    if (isIntroduced(this.#text, start, PHONE_WORDS)) {
      this.#named = start;
      this.#behindName = 0;
    }
    if (this.#plus >= 0) {
      this.#behindPlus += end - start;
      if (this.#behindPlus >= FEWEST_INTERNATIONAL) {
        internationalPhoneAt(this.#text.text, this.#plus, (from, to) => this.#found('phone', from, to));
        this.#plus = -1;
      }
    }
    if (this.#named >= 0) {
      this.#behindName += end - start;
      if (this.#behindName >= FEWEST_NAMED) {
        namedPhone(this.#text.text, this.#named, (from, to) => this.#found('phone', from, to));
        this.#named = -1;
      }
    }
  }
}

/** Letters as separators belong to numbers that are written with some. */
function isGap(text: Reading, from: number, to: number): boolean {
  const width = to - from;
  if (width === 1) return (kindAt(text, from) & (SEPARATOR | LETTER)) !== 0;
  if (width > WIDEST_BYTES) return false;
  let kinds = 0;
  let others = 0;
  for (let i = from; i < to; i++) {
    const kind = kindAt(text, i);
    kinds |= kind;
    if ((kind & (SEPARATOR | LETTER | WIDE)) === 0) others++;
  }
  return others === 0 && (width <= WIDEST_GAP || ((kinds & WIDE) !== 0 && (kinds & LETTER) === 0));
}

function shapesWanted(wanted: number): number {
  let bits = 0;
  if (wanted & DIGIT_DETECTORS.credit_card) bits |= SHAPE_BIT.card;
  if (wanted & DIGIT_DETECTORS.us_ssn) bits |= SHAPE_BIT.ssn | SHAPE_BIT.nineDigits;
  if (wanted & DIGIT_DETECTORS.phone) bits |= SHAPE_BIT.northAmerican;
  if (wanted & DIGIT_DETECTORS.national_id) bits |= NATIONAL_BITS;
  return bits;
}

/** Groups `first` to `last` have the lengths of these. */
function check(reading: Reading, could: number, first: number, last: number, found: OnFound): void {
  const start = starts[first & (RING - 1)] ?? 0;
  const end = ends[last & (RING - 1)] ?? 0;
  if (could & SHAPE_BIT.nineDigits && !isIntroduced(reading, start, SSN_WORDS))
    could &= ~SHAPE_BIT.nineDigits;
  if (could === 0) return;
  const { text } = reading;
  if (could & SHAPE_BIT.card && isCard(text, first, last)) found('credit_card', start, end);
  if (could & SHAPE_BIT.ssn) ssnAt(text, start, (from, to) => found('us_ssn', from, to));
  if (could & SHAPE_BIT.nineDigits) namedSsn(text, start, end, (from, to) => found('us_ssn', from, to));
  if (could & SHAPE_BIT.northAmerican)
    northAmericanPhones(text, start, end, (from, to) => found('phone', from, to));
  const national = could & NATIONAL_BITS;
  if (national !== 0) nationalIds(text, national, digitsOf(text, first, last), start, end, found);
}

function nationalIds(
  text: string,
  national: number,
  digits: string | undefined,
  start: number,
  end: number,
  found: OnFound,
): void {
  for (let bits = national; bits !== 0; bits &= bits - 1) {
    const place = 31 - Math.clz32(bits & -bits);
    nationalIdAt(place, digits, text, start, end, (from, to) => found('national_id', from, to));
  }
}

function digitsOf(text: string, first: number, last: number): string {
  let digits = '';
  for (let k = first; k <= last; k++) digits += text.slice(starts[k & (RING - 1)], ends[k & (RING - 1)]);
  return digits;
}

/** Digits inside a longer hexadecimal word are part of a hash, not a card. */
function isCard(text: string, first: number, last: number): boolean {
  for (let k = first; k < last; k++)
    if (!isCardGap(text, ends[k & (RING - 1)] ?? 0, starts[(k + 1) & (RING - 1)] ?? 0)) return false;
  return (
    isCardNumber(digitsOf(text, first, last)) &&
    !inHexWord(text, starts[first & (RING - 1)] ?? 0, ends[last & (RING - 1)] ?? 0)
  );
}

/** The last three letters of a word, as a number; a space for one before a shorter word. */
const tail = (word: string) => (word.charCodeAt(0) << 16) | (word.charCodeAt(1) << 8) | word.charCodeAt(2);
const tails = (...words: readonly string[]): ReadonlySet<number> => new Set(words.map(tail));
const PHONE_WORDS = tails('tel', 'one', 'ile', 'ell', 'fax', 'app', 'all', 'ber', ' no', ' at');
const SSN_WORDS = tails('ssn', 'ity', 'ber', ' no');
/** Characters between a word and the number that it introduces. */
const MOST_BETWEEN = 7;

/** Whether the word before a number ends like one of these: nothing is missed by it, and little is looked at in vain. */
function isIntroduced(text: Reading, start: number, words: ReadonlySet<number>): boolean {
  let at = start - 1;
  if ((kindAt(text, at) & (INTRODUCING | LETTER)) === 0) return false;
  while (at >= start - MOST_BETWEEN && (kindAt(text, at) & INTRODUCING) !== 0) at--;
  if (at < 1 || kindAt(text, at) !== LETTER) return false;
  return words.has((lower(text, at - 2) << 16) | (lower(text, at - 1) << 8) | lower(text, at));
}

function lower({ bytes, start }: Reading, at: number): number {
  const code = at < 0 ? 0x20 : (bytes[start + at] ?? 0);
  return code >= 65 && code <= 90 ? code | 0x20 : code;
}
