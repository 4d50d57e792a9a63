/**
 * What each detector looks for. Input is a latin1 reading of the bytes, one character a byte, so that places
 * are byte offsets and whatever is not found stays as it was in any encoding. Every search is linear: fixed or
 * bounded quantifiers that cannot match the same text in two ways, or a walk by hand that never goes back.
 */
import { ibanLength, passesIbanCheck } from './checksums.ts';

/** Called with the byte offsets [start, end) of each find. */
export type Found = (start: number, end: number) => void;
export type Search = (text: string, found: Found) => void;

/** UTF-8 bytes of a non-breaking space, thin spaces, and hyphens and dashes U+2010 to U+2015, U+2212. */
const WIDE_SEPARATOR = '\\xc2\\xa0|\\xe2\\x80[\\x87-\\x95\\xaf]|\\xe2\\x88\\x92';

// ---- e-mail addresses

/** Longest local part taken; RFC 5321 allows 64, real systems more. */
const LOCAL_LIMIT = 128;
/** RFC 5321 section 4.5.3.1.2. */
const DOMAIN_LIMIT = 255;
const LOCAL_CHARACTER = /[A-Za-z0-9._%+\-'!#$&*~^\x80-\xff]/;
const DOMAIN_CHARACTER = /[A-Za-z0-9.\-\x80-\xff]/;

/** RFC 5322 dot-atoms with a dotted domain whose last label is letters (or an IDN); quoted local parts are left out. */
export const findEmails: Search = (text, found) => {
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    let start = at;
    while (start > 0 && at - start < LOCAL_LIMIT && LOCAL_CHARACTER.test(text.charAt(start - 1))) start--;
    while (start < at && !/[A-Za-z0-9_\x80-\xff]/.test(text.charAt(start))) start++;
    if (start === at) continue;
    let end = at + 1;
    while (end < text.length && end - at <= DOMAIN_LIMIT && DOMAIN_CHARACTER.test(text.charAt(end))) end++;
    while (end > at + 1 && /[.-]/.test(text.charAt(end - 1))) end--;
    const domain = text.slice(at + 1, end);
    if (
      /^[A-Za-z0-9\x80-\xff]/.test(domain) &&
      /\.(?:[A-Za-z\x80-\xff]{2,63}|xn--[A-Za-z0-9-]{2,59})$/.test(domain)
    ) {
      found(start, end);
    }
  }
};

// ---- payment cards

const CARD_GAP = new RegExp(`^(?:[ -]|${WIDE_SEPARATOR})$`);
const WORD_CHARACTER = /[A-Za-z0-9_]/;

/** What may stand between the groups of a card's number. */
export function isCardGap(text: string, start: number, end: number): boolean {
  if (end - start === 1) return text[start] === ' ' || text[start] === '-';
  return CARD_GAP.test(text.slice(start, end));
}

/** Longest stretch looked at on either side of a number to tell a hash; a SHA-512 has 128 digits. */
const HEX_REACH = 128;

/** Whether the number is part of a longer hexadecimal word. */
export function inHexWord(text: string, start: number, end: number): boolean {
  let left = start;
  while (left > 0 && start - left < HEX_REACH && WORD_CHARACTER.test(text.charAt(left - 1))) left--;
  let right = end;
  while (right < text.length && right - end < HEX_REACH && WORD_CHARACTER.test(text.charAt(right))) right++;
  return (
    (left < start || right > end) && !/[^0-9A-Fa-f]/.test(text.slice(left, start) + text.slice(end, right))
  );
}

// ---- US social security numbers

const SSN = new RegExp(
  `(?<![0-9A-Za-z]|[0-9][-.])(\\d{3})([ .-]|${WIDE_SEPARATOR})(\\d{2})\\2(\\d{4})(?![0-9A-Za-z]|[-.][0-9])`,
  'y',
);
/** How far before a number the words begin that introduce it, in characters. */
const NAME_REACH = 48;
const NAMED_SSN =
  /(?:ssn|social security)(?: (?:number|no\.?))?["']?[ :=#]{1,3}["']?(\d{3})(\d{2})(\d{4})(?![0-9A-Za-z])/i;

/**
 * Three, two and four digits with the same separator, at this place. Areas 000 and 666, group 00 and serial 0000 were
 * never issued; 9xx is the taxpayer number (ITIN) of the same shape.
 */
export function ssnAt(text: string, start: number, found: Found): void {
  SSN.lastIndex = start;
  const match = SSN.exec(text);
  if (!match) return;
  const end = start + match[0].length;
  const listed = match[2] === ' ' && inNumberList(text, start, end);
  if (isSsn(match[1], match[3], match[4]) && !listed) found(start, end);
}

/** Nine digits after the words "SSN" or "social security". */
export function namedSsn(text: string, start: number, end: number, found: Found): void {
  const match = NAMED_SSN.exec(text.slice(Math.max(0, start - NAME_REACH), end + 1));
  if (match && isSsn(match[1], match[2], match[3])) found(start, end);
}

function isSsn(area: string | undefined, group: string | undefined, serial: string | undefined): boolean {
  return area !== '000' && area !== '666' && group !== '00' && serial !== '0000';
}

// ---- telephone numbers

const PHONE_GAP = `(?:[ .\\-()/]|${WIDE_SEPARATOR}){0,2}`;
const EXTENSION = '(?: ?(?:x|ext\\.?) ?\\d{1,6})?';
const INTERNATIONAL = new RegExp(
  `(?<![0-9A-Za-z+])\\+[1-9](?:${PHONE_GAP}\\d){7,14}${EXTENSION}(?!\\d)`,
  'y',
);
/** North American: areas N00 other than 500, 700, 800 and 900, and codes N11, are not numbers to call. */
const NORTH_AMERICAN = new RegExp(
  '(?<![0-9A-Za-z.+-])(?:1[ .-])?' +
    '(?:\\((?!.11)([2-9]\\d\\d)\\) ?|(?!.11|[2346]00)([2-9]\\d\\d)([ .-]))' +
    `(?!.11)[2-9]\\d\\d(?:\\3|[ .-])\\d{4}${EXTENSION}(?![0-9A-Za-z]|[-.]\\d)`,
  'g',
);
const NAMED_PHONE = new RegExp(
  `(?<![A-Za-z])(?:tel(?:ephone)?|phone|mobile|cell|fax|whatsapp|call)(?: (?:number|no\\.?|me at|us at|at))?["']?[ :.#=]{0,3}["']?` +
    `(?!\\d{4}-\\d\\d-\\d\\d)(\\(?\\d(?:${PHONE_GAP}\\d){6,14})(?![0-9A-Za-z])`,
  'gi',
);

/** A number with a `+`, at its place. */
export function internationalPhoneAt(text: string, plus: number, found: Found): void {
  INTERNATIONAL.lastIndex = plus;
  const match = INTERNATIONAL.exec(text);
  if (match) found(plus, plus + match[0].length);
}

/** A North American number with separators, whose groups are from `start` to `end`; a 1, a bracket, an extension may be about it. */
export function northAmericanPhones(text: string, start: number, end: number, found: Found): void {
  const from = Math.max(0, start - BEFORE_PHONE);
  for (const match of text.slice(from, end + AFTER_PHONE).matchAll(NORTH_AMERICAN)) {
    const begun = from + match.index;
    const ended = begun + match[0].length;
    if (begun > start || ended < end) continue;
    if (match[3] !== ' ' || !inNumberList(text, begun, ended)) found(begun, ended);
  }
}

/** `1 (`, and one more to look back at; an extension's digits and what may not follow them. */
const BEFORE_PHONE = 4;
const AFTER_PHONE = 16;
/** Digits and gaps of the longest telephone number, in bytes. */
const LONGEST_PHONE = 128;

/** Any number that a word like "tel" introduces and that begins at `start`. */
export function namedPhone(text: string, start: number, found: Found): void {
  const from = Math.max(0, start - NAME_REACH);
  for (const match of text.slice(from, start + LONGEST_PHONE).matchAll(NAMED_PHONE)) {
    const end = from + match.index + match[0].length;
    const begun = end - (match[1]?.length ?? 0);
    if (begun <= start && end > start) found(begun, end);
  }
}

/** Numbers with only spaces between them and more numbers are a list, not one number in groups. */
function inNumberList(text: string, start: number, end: number): boolean {
  return (
    /[0-9] $/.test(text.slice(Math.max(0, start - 2), start)) || /^ [0-9]/.test(text.slice(end, end + 2))
  );
}

// ---- IBANs

const IBAN_HEAD = /(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}/g;

/** A country's two letters, the right length for it, groups apart by single spaces or dashes, and the mod 97 check. */
export const findIbans: Search = (text, found) => {
  for (const head of text.matchAll(IBAN_HEAD)) {
    const length = ibanLength(head[0].slice(0, 2).toUpperCase());
    if (length === undefined) continue;
    let characters = head[0];
    let at = head.index + head[0].length;
    while (characters.length < length && at < text.length) {
      if (/[ -]/.test(text.charAt(at)) && /[A-Za-z0-9]/.test(text.charAt(at + 1))) at++;
      if (!/[A-Za-z0-9]/.test(text.charAt(at))) break;
      characters += text.charAt(at++);
    }
    const whole = characters.length === length && !/[A-Za-z0-9]/.test(text.charAt(at));
    if (whole && passesIbanCheck(characters.toUpperCase())) found(head.index, at);
  }
};

// ---- JSON web tokens

const BASE64URL = /[A-Za-z0-9_-]*/y;

/** Compact JWS (three parts) and JWE (five) whose first part is base64url of a JSON object (RFC 7515, RFC 7516). */
export const findJwts: Search = (text, found) => {
  for (let start = text.indexOf('eyJ'); start >= 0; ) {
    let end = afterBase64Url(text, start);
    const header = end - start;
    let parts = 1;
    while (parts < 5 && text.charAt(end) === '.') {
      end = afterBase64Url(text, end + 1);
      parts++;
    }
    if (header >= 10 && parts >= 2 && end - start - header >= 6) found(start, end);
    start = text.indexOf('eyJ', Math.max(end, start + 3));
  }
};

function afterBase64Url(text: string, from: number): number {
  BASE64URL.lastIndex = from;
  BASE64URL.test(text);
  return Math.max(from, BASE64URL.lastIndex);
}

// ---- private keys

const KEY_BEGIN = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;
const KEY_END = '-----END ';

/** PEM private keys of any kind (RFC 7468, OpenSSH, PGP); one without an end reaches to the end of the text. */
export const findPrivateKeys: Search = (text, found) => {
  KEY_BEGIN.lastIndex = 0;
  for (let match = KEY_BEGIN.exec(text); match; match = KEY_BEGIN.exec(text)) {
    const footer = text.indexOf(KEY_END, KEY_BEGIN.lastIndex);
    const close = footer < 0 ? -1 : text.indexOf('-----', footer + KEY_END.length);
    const end = close < 0 ? text.length : close + 5;
    found(match.index, end);
    KEY_BEGIN.lastIndex = end;
  }
};
