import { counted } from '../../../base/quantities.ts';

/** Times in PostgreSQL's binary form count from 2000-01-01 (src/include/datatype/timestamp.h). Texts are in ISO style. */

const DAYS_1970_TO_2000 = 10_957;
const MICROSECONDS_A_DAY = 86_400_000_000n;
const INT32_MAX = 0x7fff_ffff;
const INT64_MAX = 0x7fff_ffff_ffff_ffffn;

/** Days since 2000-01-01; the ends of the range are the infinities. */
export function dateText(days: number): string {
  if (days === INT32_MAX) return 'infinity';
  if (days === -INT32_MAX - 1) return '-infinity';
  const { date, era } = civil(days);
  return date + era;
}

/** Microseconds since 2000-01-01 00:00; `zone` is written behind the time. */
export function timestampText(microseconds: bigint, zone: string): string {
  if (microseconds === INT64_MAX) return 'infinity';
  if (microseconds === -INT64_MAX - 1n) return '-infinity';
  let days = microseconds / MICROSECONDS_A_DAY;
  let rest = microseconds % MICROSECONDS_A_DAY;
  if (rest < 0n) {
    rest += MICROSECONDS_A_DAY;
    days -= 1n;
  }
  const { date, era } = civil(Number(days));
  return `${date} ${timeText(rest)}${zone}${era}`;
}

/** Microseconds since midnight. */
export function timeText(microseconds: bigint): string {
  const seconds = microseconds / 1_000_000n;
  const two = (value: bigint) => String(value).padStart(2, '0');
  const clock = [seconds / 3600n, (seconds / 60n) % 60n, seconds % 60n].map(two).join(':');
  const fraction = String(microseconds % 1_000_000n)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return fraction === '' ? clock : `${clock}.${fraction}`;
}

/** interval_send: int64 microseconds, int32 days, int32 months; in the style `postgres`. */
export function intervalText(bytes: Buffer): string {
  const microseconds = bytes.readBigInt64BE(0);
  const days = bytes.readInt32BE(8);
  const months = bytes.readInt32BE(12);
  const words: string[] = [];
  let negative = false;
  const add = (count: number, unit: string) => {
    if (count === 0) return;
    const plus = negative && count > 0 ? '+' : '';
    words.push(`${plus}${counted(count, unit)}`);
    negative = count < 0;
  };
  add(Math.trunc(months / 12), 'year');
  add(months % 12, 'mon');
  add(days, 'day');
  if (microseconds !== 0n || words.length === 0) {
    const sign = microseconds < 0n ? '-' : negative ? '+' : '';
    words.push(sign + timeText(microseconds < 0n ? -microseconds : microseconds));
  }
  return words.join(' ');
}

/** Year, month, day of the proleptic Gregorian calendar, by counting days from 0000-03-01 in 400-year cycles. */
function civil(daysSince2000: number): { readonly date: string; readonly era: string } {
  const shifted = daysSince2000 + DAYS_1970_TO_2000 + 719_468;
  const cycle = Math.floor(shifted / 146_097);
  const day = shifted - cycle * 146_097;
  const yearOfCycle = Math.floor(
    (day - Math.floor(day / 1460) + Math.floor(day / 36_524) - Math.floor(day / 146_096)) / 365,
  );
  const dayOfYear = day - (365 * yearOfCycle + Math.floor(yearOfCycle / 4) - Math.floor(yearOfCycle / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0);
  const dayOfMonth = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  // There is no year 0: it is 1 BC.
  const shown = year > 0 ? year : 1 - year;
  const pad = (value: number, width: number) => String(value).padStart(width, '0');
  return { date: `${pad(shown, 4)}-${pad(month, 2)}-${pad(dayOfMonth, 2)}`, era: year > 0 ? '' : ' BC' };
}
