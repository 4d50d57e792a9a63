import { type Edit, editsOf } from '../base/edits.ts';

/** One place where a text differs from an earlier one: `was` stood where now `length` UTF-16 code units from `start` stand. */
export interface TextChange {
  readonly start: number;
  readonly length: number;
  readonly was: string;
}

/** Words, runs of white space, single characters. */
const TOKEN = /[\p{L}\p{N}_$]+|\s+|./gsu;
/** Beyond these one place covers all that differs: comparing is on the way of each request. */
const MOST_TOKENS = 4000;
const MOST_EDITS = 60;

/**
 * Where a text differs from an earlier one, in order; empty when they are equal. All that lies outside these places
 * is the same in both, code unit for code unit.
 */
export function textChanges(before: string, after: string): readonly TextChange[] {
  const all = trimmed(before, after, 0);
  if (all === undefined) return [];
  const old = all.was.match(TOKEN) ?? [];
  const now = after.slice(all.start, all.start + all.length).match(TOKEN) ?? [];
  if (old.length + now.length > MOST_TOKENS) return [all];
  return places(editsOf(old, now, MOST_EDITS), all.start);
}

/** Code units that differ, on both sides together. */
export function sizeOf(changes: readonly TextChange[]): number {
  return changes.reduce((sum, { length, was }) => sum + length + was.length, 0);
}

function places(edits: readonly Edit[], offset: number): TextChange[] {
  const found: TextChange[] = [];
  let at = offset;
  let start = at;
  let [was, is] = ['', ''];
  const close = () => {
    const place = trimmed(was, is, start);
    if (place !== undefined) found.push(place);
    [was, is] = ['', ''];
  };
  for (const { kind, item } of edits) {
    if (kind === ' ') close();
    else if (kind === '-') was += item;
    else is += item;
    if (kind !== '-') at += item.length;
    if (kind === ' ') start = at;
  }
  close();
  return found;
}

/** Without what both begin and end with; undefined when they are equal. Never between the halves of a character. */
function trimmed(before: string, after: string, offset: number): TextChange | undefined {
  if (before === after) return undefined;
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before.charCodeAt(head) === after.charCodeAt(head)) head++;
  if (head > 0 && isHighSurrogate(before.charCodeAt(head - 1))) head--;
  let tail = 0;
  while (
    tail < shorter - head &&
    before.charCodeAt(before.length - 1 - tail) === after.charCodeAt(after.length - 1 - tail)
  ) {
    tail++;
  }
  if (tail > 0 && isLowSurrogate(before.charCodeAt(before.length - tail))) tail--;
  return {
    start: offset + head,
    length: after.length - head - tail,
    was: before.slice(head, before.length - tail),
  };
}

const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;
const isLowSurrogate = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff;
