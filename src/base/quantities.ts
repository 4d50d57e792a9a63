import { UsageError } from './errors.ts';

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3 };
const SIZE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** `90s`, `30m`, `1h30m`, `7d` -> milliseconds. Throws UsageError `bad_duration`. */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map((p) => p[0]).join('') !== text) {
    throw new UsageError('bad_duration', `"${text}" is not a duration`, {
      next: 'write it as 90s, 30m, 1h or 7d',
    });
  }
  return parts.reduce((sum, p) => sum + Number(p[1]) * (DURATION_UNITS[p[2] ?? ''] ?? 0), 0);
}

/** Milliseconds -> the shortest exact text of whole units, at most two of them: `14m 19s`. */
export function formatDuration(ms: number): string {
  const total = Math.max(0, Math.round(ms / 1000));
  const units: [string, number][] = [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ];
  const words: string[] = [];
  let rest = total;
  for (const [unit, seconds] of units) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if (count > 0) words.push(`${count}${unit}`);
  }
  return words.slice(0, 2).join(' ') || '0s';
}

/** `10MiB`, `512kB`, `100B` -> bytes. Throws UsageError `bad_size`. */
export function parseSize(text: string): number {
  const match = /^(\d+)(B|kB|MB|GB|KiB|MiB|GiB)$/.exec(text);
  const unit = SIZE_UNITS[match?.[2] ?? ''];
  if (!match || unit === undefined) {
    throw new UsageError('bad_size', `"${text}" is not a size`, { next: 'write it as 512kB, 10MiB or 1GiB' });
  }
  return Number(match[1]) * unit;
}

/** `1 row`, `2 rows`; `many` where the plural is not the word with an s. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
