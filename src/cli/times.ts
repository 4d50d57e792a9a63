import { formatDuration } from '../base/quantities.ts';
import type { TextOut } from './io.ts';

/** `3m ago`, `in 2h 5m`, `now`. */
export function relativeTime(iso: string, now: number): string {
  const difference = Date.parse(iso) - now;
  if (Number.isNaN(difference)) return iso;
  if (Math.abs(difference) < 1000) return 'now';
  const span = largestUnits(Math.abs(difference));
  return difference < 0 ? `${span} ago` : `in ${span}`;
}

/** Within a day two units say more than one; elsewhere one is enough. */
function largestUnits(ms: number): string {
  const units = formatDuration(ms).split(' ');
  const twoHelp = ms >= 3_600_000 && ms < 86_400_000;
  return units.slice(0, twoHelp ? 2 : 1).join(' ');
}

/** Relative on a terminal, ISO 8601 elsewhere; `never` text for null. */
export function shownTime(iso: string | null, out: TextOut, now: number, none = '-'): string {
  if (iso === null) return none;
  return out.isTTY ? relativeTime(iso, now) : iso;
}

/** `14:19`, `1:02:03`: a span of time that runs. Negative counts as zero. */
export function clockSpan(ms: number): string {
  const total = Math.max(0, Math.round(ms / 1000));
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(total / 3600);
  const rest = `${two(Math.floor((total % 3600) / 60))}:${two(total % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}
