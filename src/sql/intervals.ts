/** Days of each unit of an interval at the most, by its names (PostgreSQL docs 8.5.4). */
const UNITS: readonly (readonly [RegExp, number])[] = [
  [/^(?:microseconds?|milliseconds?|seconds?|secs?|s)$/i, 1 / 86_400],
  [/^(?:minutes?|mins?)$/i, 1 / 1440],
  [/^(?:hours?|hrs?|h)$/i, 1 / 24],
  [/^(?:days?|d)$/i, 1],
  [/^(?:weeks?|w)$/i, 7],
  [/^(?:months?|mons?)$/i, 31],
  [/^(?:years?|yrs?|y)$/i, 366],
  [/^decades?$/i, 3660],
  [/^(?:century|centuries)$/i, 36_600],
  [/^(?:millennium|millennia)$/i, 366_000],
];
/** `3 days`, `-1.5 hours`, `04:05` or `04:05:06`. */
const FIELD =
  /^(?:([-+]?\d{1,9}(?:\.\d{1,9})?)\s*([a-z]+)|([-+]?\d{1,3}):\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(?=\s|$)\s*/i;

/**
 * How many days a literal interval is at the most, its signs left aside. Undefined for what is not written in whole
 * words (`1 year 2 days 04:05`): the other styles are rare, and easily misread.
 */
export function daysOfInterval(text: string): number | undefined {
  let days = 0;
  let rest = text.trim();
  if (rest === '') return undefined;
  while (rest !== '') {
    const found = FIELD.exec(rest);
    if (found === null) return undefined;
    const [whole, count, unit, hours] = found;
    if (count !== undefined) {
      const ofUnit = UNITS.find(([names]) => names.test(unit ?? ''))?.[1];
      if (ofUnit === undefined) return undefined;
      days += Math.abs(Number(count)) * ofUnit;
    } else days += (Math.abs(Number(hours)) + 1) / 24;
    rest = rest.slice(whole.length);
  }
  return days;
}
