/** Sign words of a numeric (src/backend/utils/adt/numeric.c). */
const NEGATIVE = 0x4000;
const SPECIAL: Readonly<Record<number, string>> = {
  49152: 'NaN',
  53248: 'Infinity',
  61440: '-Infinity',
};
const HEADER_BYTES = 8;

/**
 * numeric_send: int16 digit count, weight of the first digit, sign, display scale; then base-10000 digits.
 * Undefined when the bytes are no numeric.
 */
export function numericText(bytes: Buffer): string | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const count = bytes.readUInt16BE(0);
  const weight = bytes.readInt16BE(2);
  const sign = bytes.readUInt16BE(4);
  const scale = bytes.readUInt16BE(6);
  if (bytes.length !== HEADER_BYTES + 2 * count) return undefined;
  const special = SPECIAL[sign];
  if (special !== undefined) return special;
  if (sign !== 0 && sign !== NEGATIVE) return undefined;
  const digit = (position: number): string => {
    const index = weight - position;
    const value = index >= 0 && index < count ? bytes.readUInt16BE(HEADER_BYTES + 2 * index) : 0;
    return String(value).padStart(4, '0');
  };
  let whole = '';
  for (let position = Math.max(weight, 0); position >= 0; position--) whole += digit(position);
  let fraction = '';
  for (let position = -1; fraction.length < scale; position--) fraction += digit(position);
  const text = whole.replace(/^0+(?=\d)/, '') + (scale === 0 ? '' : `.${fraction.slice(0, scale)}`);
  return sign === NEGATIVE ? `-${text}` : text;
}

/** Exponents from which on PostgreSQL writes one (src/common/d2s.c, f2s.c). */
const FIXED_BELOW = { single: 6, double: 15 } as const;
const FIXED_FROM = -4;

/** The shortest digits that read back as the same number, laid out as float4out and float8out do. */
export function floatText(value: number, precision: 'single' | 'double'): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const shortest = precision === 'double' ? value.toExponential() : shortestSingle(value);
  const [mantissa = '', exponentText = '0'] = shortest.split('e');
  const exponent = Number(exponentText);
  if (exponent < FIXED_FROM || exponent >= FIXED_BELOW[precision]) {
    const sign = exponent < 0 ? '-' : '+';
    return `${mantissa}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const sign = mantissa.startsWith('-') ? '-' : '';
  return sign + pointAt(mantissa.replace(/[-.]/g, ''), exponent);
}

function pointAt(digits: string, exponent: number): string {
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = digits.slice(exponent + 1);
  return fraction === '' ? whole : `${whole}.${fraction}`;
}

/** Nine significant digits tell any two singles apart. */
function shortestSingle(value: number): string {
  for (let digits = 0; digits < 8; digits++) {
    const text = value.toExponential(digits);
    if (Math.fround(Number(text)) === value) return trimmed(text);
  }
  return trimmed(value.toExponential(8));
}

function trimmed(exponential: string): string {
  return exponential.replace(/\.?0+e/, 'e');
}
