/**
 * A single pass over the bytes that says which detectors could find anything at all, before any string is
 * made. It never misses what a detector would find; it may call for one in vain. Hot path: no allocation.
 */

import { mayBeKey } from './key-words.ts';

/** A bit for each thing that `scan` notices. */
export const TRIGGER = {
  /** An `@`. */
  at: 1,
  /** Seven digits or more with nothing but separators between them. */
  digits7: 2,
  digits9: 4,
  digits13: 8,
  /** Two letters directly followed by two digits. */
  iban: 16,
  /** A word long and mixed enough to be a key or token. */
  token: 32,
  /** `eyJ`: base64 of `{"`. */
  jwt: 64,
  /** Five dashes. */
  dashes: 128,
  /** `\u`: a JSON escape that may spell any of the others. */
  escape: 256,
  /** Three dots between digits, `::`, or six colons near each other: an address of the internet. */
  address: 512,
  /** Seven digits in one word, letters between them. */
  wordDigits: 1024,
} as const;

/** The shortest text that any detector finds: `a@b.co`. */
const SHORTEST = 6;
/** Words from this length on may be tokens when they hold a digit, underscore or dash … */
const MIXED_WORD = 12;
/** … and from this length on whatever they hold. */
const LONG_WORD = 16;

const LETTER = 1;
const DIGIT = 2;
const JOINT = 3;
const SEPARATOR = 4;
const AT = 5;
const BACKSLASH = 6;
const CAPITAL_J = 7;
const DASH = 8;
const BASE64_MARK = 9;

const CLASS = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  const character = String.fromCharCode(byte);
  if (/[A-Za-z]/.test(character)) CLASS[byte] = LETTER;
  else if (/[0-9]/.test(character)) CLASS[byte] = DIGIT;
  // Bytes of a non-breaking space or a typographic dash, among others, may separate digits.
  else if (/[ .()\x80-\xff]/.test(character)) CLASS[byte] = SEPARATOR;
}
CLASS[0x5f] = JOINT;
CLASS[0x2d] = DASH;
CLASS[0x2b] = BASE64_MARK;
CLASS[0x2f] = BASE64_MARK;
CLASS[0x40] = AT;
CLASS[0x5c] = BACKSLASH;
CLASS[0x4a] = CAPITAL_J;

/** The triggers present in `bytes` from `start` to `end`, or'ed. */
export function scan(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < SHORTEST) return 0;
  let found = 0;
  let word = 0; // length of the present word: letters, digits, `_`, `-`, `+`, `/`
  let mixed = false; // it holds a digit, underscore or dash
  let letters = 0; // letters directly before the present run of digits, or so far
  let digits = 0; // length of the present run of digits
  let cluster = 0; // digits seen since something other than a digit or separator
  let dashes = 0;
  let dots = 0; // dots behind digits since something else than digits and dots
  let colon = -8; // where the last colon was
  let colons = 0; // colons in a row, at most four characters apart
  let wordDigits = 0; // digits in the present word
  for (let i = start; i < end; i++) {
    switch (CLASS[bytes[i] ?? 0]) {
      case CAPITAL_J:
        if (i - start >= 2 && bytes[i - 1] === 0x79 && bytes[i - 2] === 0x65) found |= TRIGGER.jwt;
        letters = digits > 0 ? 1 : letters + 1;
        digits = cluster = dashes = 0;
        word++;
        break;
      case LETTER: {
        const run = runOf(LETTER, bytes, i, end);
        letters = (digits > 0 ? 0 : letters) + run;
        digits = cluster = dashes = 0;
        word += run;
        i += run - 1;
        break;
      }
      case DIGIT: {
        const run = runOf(DIGIT, bytes, i, end);
        word += run;
        mixed = true;
        dashes = 0;
        if (run >= 2 && letters === 2) found |= TRIGGER.iban;
        digits = run;
        wordDigits += run;
        if (wordDigits >= 7) found |= TRIGGER.wordDigits;
        cluster += run;
        if (cluster >= 7) {
          found |= TRIGGER.digits7;
          if (cluster >= 9) found |= TRIGGER.digits9;
          if (cluster >= 13) found |= TRIGGER.digits13;
        }
        i += run - 1;
        break;
      }
      case DASH:
        if (++dashes === 5) found |= TRIGGER.dashes;
        letters = digits = 0;
        word++;
        mixed = true;
        break;
      case BASE64_MARK:
        letters = digits = dashes = 0;
        word++;
        break;
      case JOINT:
        letters = digits = cluster = dashes = 0;
        word++;
        mixed = true;
        break;
      default:
        if (word >= MIXED_WORD && isToken(bytes, start, i, word, mixed, found)) found |= TRIGGER.token;
        if (bytes[i] === 0x2e && digits > 0) {
          if (++dots === 3) found |= TRIGGER.address;
        } else dots = 0;
        word = letters = digits = dashes = wordDigits = 0;
        mixed = false;
        switch (CLASS[bytes[i] ?? 0]) {
          case SEPARATOR:
            break;
          case AT:
            found |= TRIGGER.at;
            cluster = 0;
            break;
          case BACKSLASH:
            if (i + 1 < end && bytes[i + 1] === 0x75) found |= TRIGGER.escape;
            cluster = 0;
            break;
          default:
            if (bytes[i] === 0x3a) {
              colons = i - colon <= 5 ? colons + 1 : 1;
              // Times of day have two; no address without `::` has so few.
              if (i - colon === 1 || colons === 6) found |= TRIGGER.address;
              colon = i;
            }
            cluster = 0;
        }
    }
  }
  if (word >= MIXED_WORD && isToken(bytes, start, end, word, mixed, found)) found |= TRIGGER.token;
  return found;
}

/** How many bytes of this class stand here one behind the other. */
function runOf(kind: number, bytes: Uint8Array, start: number, end: number): number {
  let at = start + 1;
  while (at < end && CLASS[bytes[at] ?? 0] === kind) at++;
  return at - start;
}

function isToken(
  bytes: Uint8Array,
  start: number,
  end: number,
  length: number,
  mixed: boolean,
  found: number,
): boolean {
  if ((found & TRIGGER.token) !== 0 || !(mixed || length >= LONG_WORD)) return false;
  return mayBeKey(bytes, start, end - length, end);
}
