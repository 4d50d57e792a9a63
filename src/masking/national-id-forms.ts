import { passesLuhn } from './checksums.ts';

/**
 * Numbers that a state gives a person, by their check digits. Where those alone would also be right for many other
 * numbers, it must stand alone, in the form in which it is written by hand, or behind a word for it.
 */
export interface NationalId {
  readonly country: string;
  /** Group `id` is what is found; the letters and digits of it are checked. Quantifiers are bounded: linear. */
  readonly form: RegExp;
  passes(id: string): boolean;
  /** The groups of digits in it: `digit-shapes.ts`. */
  readonly shapes: readonly string[];
  /** Letters stand before its first digit. */
  readonly behindLetter?: true;
  /** Words before it that say what it is; set for those whose check is weak. */
  readonly words?: RegExp;
  /** The form that needs no word. */
  readonly written?: RegExp;
  /** It needs its word even where it stands alone: too many other numbers look like it. */
  readonly onlyNamed?: true;
}

const BEFORE = '(?<![0-9A-Za-z.+-])';
const AFTER = '(?![0-9A-Za-z]|[.-][0-9])';
const form = (pattern: string) => new RegExp(BEFORE + pattern + AFTER, 'g');

const digitsOf = (id: string) => [...id].map(Number);
function weighted(id: string, weights: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += (weights[i] ?? 0) * (id.charCodeAt(i) - 48);
  return sum;
}

function isDate(month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

const two = (id: string, at: number) => Number(id.slice(at, at + 2));

const DNI_LETTERS = 'TRWAGMYFPDXBNJZSQVHLCKE';
const HETU_LETTERS = '0123456789ABCDEFHJKLMNPRSTUVWXY';
const CURP_VALUES = '0123456789ABCDEFGHIJKLMN\u00d1OPQRSTUVWXYZ';
const NRIC_START: Readonly<Record<string, number>> = { T: 4, G: 4, M: 3 };
const CODICE_ODD: Readonly<Record<string, number>> = Object.fromEntries(
  [...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'].map((character, i) => [
    character,
    // Decree of 23 December 1976: values of characters at odd places.
    [
      ...[1, 0, 5, 7, 9, 13, 15, 17, 19, 21],
      ...[1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23],
    ][i] ?? 0,
  ]),
);
const codiceEven = (character: string) =>
  /\d/.test(character) ? Number(character) : character.charCodeAt(0) - 65;

/** Verhoeff's scheme: multiplication in the dihedral group D5 and its permutation, ten digits a row. */
const table = (rows: string) => Uint8Array.from(rows.replaceAll(' ', ''), Number);
const D5 = table(
  '0123456789 1234067895 2340178956 3401289567 4012395678 5987604321 6598710432 7659821043 8765932104 9876543210',
);
const VERHOEFF = table(
  '0123456789 1576283094 5803796142 8916043527 9453126870 4286573901 2793806415 7046913258',
);

function passesVerhoeff(id: string): boolean {
  let check = 0;
  for (let i = 0; i < id.length; i++) {
    const digit = id.charCodeAt(id.length - 1 - i) - 48;
    check = D5[check * 10 + (VERHOEFF[(i % 8) * 10 + digit] ?? 0)] ?? 0;
  }
  return check === 0;
}

/** ISO 7064 mod 11,10, of Germany's tax number. */
function passesMod11And10(id: string): boolean {
  let product = 10;
  for (let i = 0; i < 10; i++) {
    const sum = (id.charCodeAt(i) - 48 + product) % 10 || 10;
    product = (2 * sum) % 11;
  }
  return (11 - product) % 10 === Number(id[10]);
}

export const NATIONAL_IDS: readonly NationalId[] = [
  {
    country: 'ES',
    shapes: ['7!', '8!'],
    form: form('(?:\\d{8}|[XYZxyz]-?\\d{7})-?[A-Za-z]'),
    passes(id) {
      const number = id.slice(0, -1).replace(/^[XYZ]/, (letter) => String('XYZ'.indexOf(letter)));
      return DNI_LETTERS[Number(number) % 23] === id.at(-1);
    },
  },
  {
    country: 'FR',
    shapes: ['1 2 2 2 3 3 2', '1 2 2 1-3 3 2'],
    form: form('[12] ?\\d{2} ?(?:0[1-9]|1[0-2]|[2-4]\\d) ?(?:\\d{2}|2[ABab]) ?\\d{3} ?\\d{3} ?\\d{2}'),
    passes(id) {
      // Of a Corsican's the letter is left out, and nothing can be told yet.
      if (id.length === 14) return true;
      const number = id.slice(0, 13).replace('2A', '19').replace('2B', '18');
      return 97n - (BigInt(number) % 97n) === BigInt(id.slice(13));
    },
  },
  {
    country: 'IT',
    shapes: ['2-2-3!'],
    behindLetter: true,
    form: form('[A-Za-z]{6}\\d{2}[A-EHLMPR-Ta-ehlmpr-t]\\d{2}[A-Za-z]\\d{3}[A-Za-z]'),
    passes(id) {
      const sum = [...id.slice(0, 15)].reduce(
        (total, character, i) => total + (i % 2 === 0 ? (CODICE_ODD[character] ?? 0) : codiceEven(character)),
        0,
      );
      return String.fromCharCode(65 + (sum % 26)) === id[15];
    },
  },
  {
    country: 'DE',
    shapes: ['2 3 3 3'],
    form: form('[1-9]\\d(?: ?\\d{3}){3}'),
    passes: (id) => passesMod11And10(id) && new Set(id.slice(0, 10)).size <= 9,
    words: /(?:steuer-?(?:id|identifikations)|identifikationsnummer|idnr|tin)[^0-9]{0,12}$/i,
  },
  {
    country: 'NL',
    shapes: ['9'],
    form: form('\\d{9}'),
    passes: (id) => Number(id) > 0 && weighted(id, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0,
    words: /(?:bsn|burgerservicenummer|sofi)[^0-9]{0,12}$/i,
  },
  {
    country: 'BE',
    shapes: ['2 2 2 3 2'],
    form: form('\\d{2}[. ]?(?:0\\d|1[0-2])[. ]?[0-3]\\d[- ]?\\d{3}[. ]?\\d{2}'),
    passes(id) {
      const check = Number(id.slice(9));
      const rest = (number: string) => 97 - Number(BigInt(number) % 97n);
      return rest(id.slice(0, 9)) === check || rest(`2${id.slice(0, 9)}`) === check;
    },
  },
  {
    country: 'PL',
    shapes: ['11'],
    form: form('\\d{11}'),
    passes(id) {
      const sum = weighted(id, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
      return isDate(two(id, 2) % 20, two(id, 4)) && (10 - (sum % 10)) % 10 === Number(id[10]);
    },
    words: /pesel[^0-9]{0,12}$/i,
  },
  {
    country: 'SE',
    shapes: ['6/8-4'],
    form: form('(?:19|20)?\\d{2}(?:0\\d|1[0-2])[0-3]\\d[-+]\\d{4}'),
    passes: (id) => isDate(two(id.slice(-10), 2), two(id.slice(-10), 4)) && passesLuhn(id.slice(-10)),
  },
  {
    country: 'NO',
    shapes: ['6 5'],
    form: form('[0-3]\\d(?:0\\d|1[0-2])\\d{2} ?\\d{5}'),
    passes(id) {
      const first = (11 - (weighted(id, [3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11)) % 11;
      const second = (11 - (weighted(id, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11)) % 11;
      return isDate(two(id, 2), two(id, 0)) && first === Number(id[9]) && second === Number(id[10]);
    },
  },
  {
    country: 'FI',
    shapes: ['6-3!', '6-4'],
    form: form('[0-3]\\d(?:0\\d|1[0-2])\\d{2}[-+A-FU-Ya-fu-y]\\d{3}[0-9A-Ya-y]'),
    passes(id) {
      const digits = id.length === 11 ? id.slice(0, 6) + id.slice(7, 10) : id.slice(0, 9);
      return isDate(two(id, 2), two(id, 0)) && HETU_LETTERS[Number(digits) % 31] === id.at(-1);
    },
  },
  {
    country: 'CH',
    shapes: ['3 4 4 2'],
    form: form('756[. ]?\\d{4}[. ]?\\d{4}[. ]?\\d{2}'),
    passes(id) {
      const sum = weighted(id, [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]);
      return (10 - (sum % 10)) % 10 === Number(id[12]);
    },
  },
  {
    country: 'RO',
    shapes: ['13'],
    form: form('[1-8]\\d{2}(?:0\\d|1[0-2])[0-3]\\d\\d{6}'),
    passes(id) {
      const rest = weighted(id, [2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
      return isDate(two(id, 3), two(id, 5)) && (rest === 10 ? 1 : rest) === Number(id[12]);
    },
    words: /cnp[^0-9]{0,12}$/i,
  },
  {
    country: 'BR',
    shapes: ['3 3 3 2'],
    form: form('\\d{3}\\.?\\d{3}\\.?\\d{3}-?\\d{2}'),
    passes(id) {
      if (/^(\d)\1+$/.test(id)) return false;
      const first = ((weighted(id, [10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11) % 10;
      const second = ((weighted(id, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11) % 10;
      return first === Number(id[9]) && second === Number(id[10]);
    },
    words: /cpf[^0-9]{0,12}$/i,
    written: /^\d{3}\.\d{3}\.\d{3}-\d{2}$/,
  },
  {
    country: 'CL',
    shapes: ['1/2 3 3-1', '1/2 3 3!'],
    form: form('\\d{1,2}\\.?\\d{3}\\.?\\d{3}-[0-9Kk]'),
    passes(id) {
      let sum = 0;
      for (let i = 0; i < id.length - 1; i++) sum += (id.charCodeAt(id.length - 2 - i) - 48) * (2 + (i % 6));
      const rest = 11 - (sum % 11);
      return (rest === 11 ? '0' : rest === 10 ? 'K' : String(rest)) === id.at(-1);
    },
    words: /r\.?u\.?[tn]\.?[^0-9]{0,12}$/i,
    written: /^\d{1,2}\.\d{3}\.\d{3}-[0-9Kk]$/,
  },
  {
    country: 'CN',
    shapes: ['17!', '18'],
    form: form('[1-9]\\d{5}(?:19|20)\\d{2}(?:0\\d|1[0-2])[0-3]\\d\\d{3}[0-9Xx]'),
    passes(id) {
      const sum = weighted(id, [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
      return isDate(two(id, 10), two(id, 12)) && '10X98765432'[sum % 11] === id[17];
    },
  },
  {
    country: 'IN',
    shapes: ['4 4 4'],
    form: form('[2-9]\\d{3}[ -]?\\d{4}[ -]?\\d{4}'),
    passes: passesVerhoeff,
    words: /(?:aadhaar|aadhar|uidai|uid)[^0-9]{0,12}$/i,
    written: /^\d{4}([ -])\d{4}\1\d{4}$/,
  },
  {
    country: 'KR',
    shapes: ['6-7'],
    form: form('\\d{2}(?:0\\d|1[0-2])[0-3]\\d-[1-8]\\d{6}'),
    passes(id) {
      const sum = weighted(id, [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
      return isDate(two(id, 2), two(id, 4)) && (11 - (sum % 11)) % 10 === Number(id[12]);
    },
  },
  {
    country: 'TR',
    shapes: ['11'],
    form: form('[1-9]\\d{10}'),
    passes(id) {
      const digits = digitsOf(id);
      const odd = [0, 2, 4, 6, 8].reduce((sum, i) => sum + (digits[i] ?? 0), 0);
      const even = [1, 3, 5, 7].reduce((sum, i) => sum + (digits[i] ?? 0), 0);
      const all = digits.slice(0, 10).reduce((sum, digit) => sum + digit, 0);
      return (((odd * 7 - even) % 10) + 10) % 10 === digits[9] && all % 10 === digits[10];
    },
    words: /(?:tckn|t\.?c\.? ?kimlik|kimlik no)[^0-9]{0,12}$/i,
  },
  {
    country: 'CA',
    shapes: ['3-3-3'],
    form: form('[1-79]\\d{2}([ -])\\d{3}\\1\\d{3}'),
    passes: passesLuhn,
    words: /(?:\bsin\b|social insurance|nas)[^0-9]{0,12}$/i,
  },
  {
    country: 'MX',
    shapes: ['6!'],
    behindLetter: true,
    form: form('[A-Za-z]{4}\\d{2}(?:0\\d|1[0-2])[0-3]\\d[HMXhmx][A-Za-z]{5}[0-9A-Za-z]\\d'),
    passes(id) {
      // Instructivo CURP, annex: values of 0-9, A-N, Ñ, O-Z, weighted 18 down to 2.
      const sum = [...id.slice(0, 17)].reduce(
        (total, character, i) => total + CURP_VALUES.indexOf(character) * (18 - i),
        0,
      );
      return (10 - (sum % 10)) % 10 === Number(id[17]);
    },
  },
  {
    country: 'SG',
    shapes: ['7!'],
    behindLetter: true,
    form: form('[STFGMstfgm]\\d{7}[A-Za-z]'),
    passes(id) {
      const kind = id.charAt(0);
      const sum = weighted(id.slice(1, 8), [2, 7, 6, 5, 4, 3, 2]) + (NRIC_START[kind] ?? 0);
      const letters = 'ST'.includes(kind) ? 'JZIHGFEDCBA' : kind === 'M' ? 'XWUTRQPNJLK' : 'XWUTRQPNMLK';
      const place = kind === 'M' ? 10 - (sum % 11) : sum % 11;
      return letters[place] === id[8];
    },
    words: /(?:nric|\bfin\b|\buin\b)[^0-9]{0,12}$/i,
    written: /^[STFGM]\d{7}[A-Z]$/,
  },
  {
    country: 'ZA',
    shapes: ['13'],
    form: form('\\d{2}(?:0\\d|1[0-2])[0-3]\\d{5}[0-2]\\d{2}'),
    passes: (id) => isDate(two(id, 2), two(id, 4)) && passesLuhn(id),
    words: /(?:\bid (?:no|number)|identity number|said)[^0-9]{0,12}$/i,
    onlyNamed: true,
  },
  {
    country: 'GB',
    // Ten digits in a row are most often seconds since 1970.
    shapes: ['3-3-4'],
    form: form('\\d{3}[ -]\\d{3}[ -]\\d{4}'),
    passes(id) {
      const rest = 11 - (weighted(id, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11);
      return rest !== 10 && rest % 11 === Number(id[9]);
    },
    words: /\bnhs[^0-9]{0,16}$/i,
    onlyNamed: true,
  },
];
