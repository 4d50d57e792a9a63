/**
 * Whether a long word could be a key: what `findApiKeys` looks for begins like a key of some issuer, has a long tail
 * without a joint, or stands behind a word that introduces a secret. It never says no to what a pattern would find.
 */

/** First three characters of an issued key, behind something other than a letter or digit. */
const BEGINNINGS = [
  ...[
    'AKI',
    'ASI',
    'ABI',
    'ACC',
    'ghp',
    'gho',
    'ghu',
    'ghs',
    'ghr',
    'git',
    'glp',
    'xox',
    'xap',
    'AIz',
    'GOC',
  ],
  ...[
    'sk-',
    'npm',
    'pyp',
    'hf_',
    'dop',
    'dck',
    'shp',
    'SK0',
    'SK1',
    'SK2',
    'SK3',
    'SK4',
    'SK5',
    'SK6',
    'SK7',
  ],
  ...['SK8', 'SK9', 'SKa', 'SKb', 'SKc', 'SKd', 'SKe', 'SKf', 'key', 'whs'],
  ...[
    'gld',
    'glr',
    'glc',
    'glf',
    'gls',
    'gla',
    'LTA',
    'ATA',
    'fig',
    'NRA',
    'HRK',
    'psc',
    'sq0',
    'EAA',
    'snt',
  ],
];
/** What a word before a secret ends with: key, token, secret, password, passwd, bearer. */
const INTRODUCING = ['key', 'ken', 'ret', 'ord', 'swd', 'rer'];

const packed = (text: string) => (text.charCodeAt(0) << 16) | (text.charCodeAt(1) << 8) | text.charCodeAt(2);
const BEGIN: ReadonlySet<number> = new Set(BEGINNINGS.map(packed));
const INTRODUCE: ReadonlySet<number> = new Set(INTRODUCING.map(packed));

const ALPHANUMERIC = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++)
  if (/[A-Za-z0-9]/.test(String.fromCharCode(byte))) ALPHANUMERIC[byte] = 1;

const UNDERSCORE = 0x5f;
const DOT = 0x2e;
const TILDE = 0x7e;
const DOLLAR = 0x24;
const COLON = 0x3a;
const CAPITAL_A = 0x41;
const isDigit = (byte = 0) => byte >= 0x30 && byte <= 0x39;
/** Letters and digits in a row that an unknown key has at its end. */
const LONG_TAIL = 30;
/** Quotes, spaces and a sign between a word and the secret it introduces. */
const MOST_BETWEEN = 12;

/** The word stands in `bytes` from `from` to `to`; the text begins at `start`. */
export function mayBeKey(bytes: Uint8Array, start: number, from: number, to: number): boolean {
  let run = 0;
  let underscores = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] ?? 0;
    if (ALPHANUMERIC[byte] === 0) {
      run = 0;
      // `x_live_…`
      if (byte === UNDERSCORE && ++underscores === 2) return true;
      continue;
    }
    if (
      ++run === 1 &&
      i + 2 < to &&
      BEGIN.has((byte << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0))
    )
      return true;
    if (run >= LONG_TAIL) return true;
  }
  return isIntroduced(bytes, start, from);
}

function isIntroduced(bytes: Uint8Array, start: number, from: number): boolean {
  let at = from - 1;
  // `SG.`, `ya29.`, `hvs.`, `hooks.slack.com/`, `8Q~`, `access_token$`
  if (at >= start && (bytes[at] === DOT || bytes[at] === TILDE || bytes[at] === DOLLAR)) return true;
  // `123456789:AA…`
  if (at > start && bytes[at] === COLON && bytes[from] === CAPITAL_A && isDigit(bytes[at - 1])) return true;
  while (at >= start && at >= from - MOST_BETWEEN && isBetween(bytes[at] ?? 0)) at--;
  if (at - 2 < start || at === from - 1) return false;
  return INTRODUCE.has((lower(bytes[at - 2]) << 16) | (lower(bytes[at - 1]) << 8) | lower(bytes[at]));
}

/** Space, quotes, colon, equals sign. */
const isBetween = (byte: number) =>
  byte === 0x20 || byte === 0x22 || byte === 0x27 || byte === 0x3a || byte === 0x3d;

const lower = (byte = 0) => (byte >= 65 && byte <= 90 ? byte | 0x20 : byte);
