/** Luhn's check over a text of digits (ISO/IEC 7812-1 annex B). */
export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = digits.length - 1, doubled = false; i >= 0; i--, doubled = !doubled) {
    const digit = digits.charCodeAt(i) - 48;
    const value = doubled ? digit * 2 : digit;
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 === 0;
}

/** First digits and lengths that card schemes issue: [low, high, lengths]; low and high have equally many digits. */
const ISSUERS: readonly (readonly [number, number, readonly number[]])[] = [
  [4, 4, [13, 16, 19]], // Visa
  [51, 55, [16]], // Mastercard
  [2221, 2720, [16]], // Mastercard
  [34, 34, [15]], // American Express
  [37, 37, [15]], // American Express
  [6011, 6011, [16, 17, 18, 19]], // Discover
  [644, 649, [16, 17, 18, 19]], // Discover
  [65, 65, [16, 17, 18, 19]], // Discover, RuPay
  [62, 62, [16, 17, 18, 19]], // UnionPay
  [300, 305, [14, 16]], // Diners Club
  [309, 309, [14, 16]], // Diners Club
  [36, 36, [14, 16]], // Diners Club
  [38, 39, [14, 16]], // Diners Club
  [3528, 3589, [16, 17, 18, 19]], // JCB
  [2200, 2204, [16, 17, 18, 19]], // Mir
  [508, 508, [16]], // RuPay
  [81, 82, [16]], // RuPay
  [5018, 5020, [13, 14, 15, 16, 17, 18, 19]], // Maestro
  [5038, 5038, [13, 14, 15, 16, 17, 18, 19]], // Maestro
  [5893, 5893, [13, 14, 15, 16, 17, 18, 19]], // Maestro
  [6304, 6304, [13, 14, 15, 16, 17, 18, 19]], // Maestro
  [6759, 6763, [13, 14, 15, 16, 17, 18, 19]], // Maestro
];

/** True for a number that a card scheme could have issued: first digits, length and check digit agree. */
export function isCardNumber(digits: string): boolean {
  if (!passesLuhn(digits)) return false;
  return ISSUERS.some(([low, high, lengths]) => {
    const first = Number(digits.slice(0, String(low).length));
    return first >= low && first <= high && lengths.includes(digits.length);
  });
}

/** Length of an IBAN by country (SWIFT IBAN registry). */
const IBAN_LENGTHS: ReadonlyMap<string, number> = new Map(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ' +
    'ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 ' +
    'LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 ' +
    'PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** Characters that an IBAN of that country has; undefined for a country without IBANs. */
export function ibanLength(country: string): number | undefined {
  return IBAN_LENGTHS.get(country);
}

/** ISO 7064 mod 97-10 over an upper-case IBAN without separators (ISO 13616). */
export function passesIbanCheck(iban: string): boolean {
  let rest = 0;
  for (const character of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}
