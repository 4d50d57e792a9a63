import { UsageError } from '../base/errors.ts';
import { parseDuration } from '../base/quantities.ts';

/** A point in time as ISO 8601 UTC, from ISO 8601 or a duration before now (`2h`). Throws UsageError `bad_time`. */
export function timeOption(flag: string, text: string | undefined, now: number): string | undefined {
  if (text === undefined) return undefined;
  if (/^(\d+(ms|s|m|h|d))+$/.test(text)) return new Date(now - parseDuration(text)).toISOString();
  // Without a zone ECMAScript reads a date as UTC and a date with time as local; only whole forms are unambiguous.
  const whole = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  const time = whole ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return new Date(time).toISOString();
  throw new UsageError('bad_time', `${flag} "${text}" is not a time`, {
    next: 'write it as 2h, 7d, 2026-11-21 or 2026-11-21T09:30:00Z',
  });
}
