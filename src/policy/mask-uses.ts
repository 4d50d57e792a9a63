import { partsOf, sourceWords } from '../sql/document-path.ts';
import { type ColumnUse, type ColumnUseKind, LONG_VALUES, SIZES } from '../sql/facts.ts';
import type { ActiveMask } from './decision.ts';
import type { ColumnMask } from './masks.ts';

/** Uses that a mask follows: what comes of them is masked, or was written by the client. */
type Covered = 'output' | 'target' | 'computed';

/** What a use tells, and what to write instead. */
const WORDS: Readonly<Record<Exclude<ColumnUseKind, Covered>, readonly [string, string]>> = {
  count: ['may only be counted as a result column of its own', 'show count(column) by itself'],
  equality: [
    'may not be compared with a value',
    'look rows up by another column, or ask for "filter: equality" on the mask',
  ],
  join: [
    'may not be joined or compared with another column',
    'join on a key that is not masked, or ask for "strategy: hash" or "filter: equality" on the mask',
  ],
  range: ['may not be compared by order (<, >, BETWEEN)', 'use a column that is not masked'],
  pattern: ['may not be searched (LIKE, ~, containment)', 'use a column that is not masked'],
  order: ['may not be sorted by', 'sort by a column that is not masked'],
  group: [
    'may not be grouped by',
    'group by a column that is not masked, or ask for "strategy: hash" or "filter: equality" on the mask',
  ],
  distinct: [
    'may not decide which rows differ (DISTINCT)',
    'leave DISTINCT out, select the primary key before the column, or (before PostgreSQL 18) put masked columns last',
  ],
  merged: [
    'may not decide which rows there are (UNION, INTERSECT, EXCEPT)',
    'write UNION ALL, leave the column out, or ask for "filter: equality" on the mask',
  ],
  extreme: ['may not be given to min or max', 'use a column that is not masked, or count(column)'],
  branch: ['may not decide a branch (CASE, AND, OR)', 'decide by a column that is not masked'],
  rows: ['may not decide how many rows there are', 'show the column itself'],
  call: ['may not be given to WITH, which can fail or act depending on the value', 'show the column itself'],
  predicate: ['may not stand in a condition', 'use a column that is not masked'],
  code: [
    'may not be read by a trigger that you make: its code runs over every row',
    'leave the column, and NEW and OLD as whole rows, out of its condition and function, or have somebody make it whom the mask excepts',
  ],
  stored: ['may not be copied INTO', 'leave the column out of what is written'],
  edited: [
    'may not be put back with a part of it changed',
    'write the whole document, or set a kept key by its subscript',
  ],
  other: [
    'is used in a way that no mask can follow',
    'show the column itself, or have somebody do it whom the mask excepts',
  ],
};

/** Why this use of a column that is under this mask would tell something of its values; undefined when it is covered. */
export function exposedBy(
  use: ColumnUse,
  mask: ActiveMask,
  masksOn: (column: string) => readonly ColumnMask[],
): string | undefined {
  if (use.use === 'output' || use.use === 'target' || use.use === 'computed') return undefined;
  if (isAllowed(use, mask, masksOn)) return undefined;
  const [what, instead] = WORDS[use.use];
  const into = use.with?.at(-1);
  const words = what
    .replace('WITH', use.with?.[0] ?? 'this function')
    .replace('INTO', into === undefined ? 'to another place' : `into ${sourceWords(into)}`);
  const advice =
    (use.use === 'call' && ADVICE.get(into?.replace(REACHING, ARITHMETIC) ?? '')) ||
    instead + keptWords(use.column, mask);
  const named = use.column.endsWith('.*')
    ? `${use.column.slice(0, -2)} as a whole row has columns under mask "${mask.name}", so it`
    : `${sourceWords(use.column)} is under mask "${mask.name}" and`;
  return `${named} ${words}: ${advice}`;
}

const ARITHMETIC = 'arithmetic';
const REACHING = /^operator (?:pg_catalog\.)?[-+*/]$/;

/** What else to write than what a `call` hands a column to. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  [
    LONG_VALUES,
    'give lengths, counts and replacements as constants, or show the column in a statement without them',
  ],
  [
    ARITHMETIC,
    'make it a number of any size first (column::numeric * 12), reckon with constants of a few digits, or show the column itself',
  ],
  [SIZES, 'leave ANALYZE out, or what is computed of the column'],
]);

/** What of a document may be used instead, and how. */
function keptWords(source: ColumnUse['column'], { keepKeys = [] }: ActiveMask): string {
  const { column } = partsOf(source);
  // Keys by pattern have no name to show.
  const first = keepKeys.find((key) => !key.includes('*'));
  if (first === undefined || column.endsWith('.*')) return '';
  const name = column.slice(column.lastIndexOf('.') + 1);
  const subscript = `${name}['${first.split('.').join("']['")}']`;
  return `; its keys ${keepKeys.join(', ')} stay readable, each by ${subscript}, and may be set by it`;
}

function isAllowed(
  use: ColumnUse,
  mask: ActiveMask,
  masksOn: (column: string) => readonly ColumnMask[],
): boolean {
  const whole = mask.detect.length === 0;
  const hashed = whole && mask.strategy === 'hash';
  switch (use.use) {
    case 'count':
      return (mask.minGroup ?? 1) <= 1;
    case 'equality':
      return mask.filter === 'equality';
    case 'join':
      // With a column that others may write, a join is a comparison with a value.
      return mask.filter === 'equality' || (hashed && hasHashed(use.with, masksOn));
    case 'group':
      // By the value itself: groups of a part of it would tell it part by part.
      return use.with === undefined && (mask.filter === 'equality' || hashed);
    case 'merged':
      // A part of a value would tell it part by part.
      if (mask.filter === 'equality') return use.with !== undefined;
      return hashed && hasHashed(use.with, masksOn);
    case 'distinct':
      // Of what is computed, others than the stored values may be among the rows.
      if ((mask.filter === 'equality' || hashed) && use.with !== undefined) return true;
      // Rows may come sorted by the list: that shows only in a column behind this one.
      return use.with?.every((behind) => behind !== '' && masksOn(behind).length > 0) ?? false;
    case 'stored':
      // The same column of another row: whatever may be there already may be there again.
      return (use.with?.includes(use.column) ?? false) && hidesAll(masksOn(use.column));
    case 'edited':
      return whole && (mask.strategy === 'redact' || mask.strategy === 'null');
    default:
      return false;
  }
}

function hasHashed(
  columns: readonly string[] | undefined,
  masksOn: (column: string) => readonly ColumnMask[],
): boolean {
  return (columns ?? []).some((other) => masksOn(other).some(({ active }) => active.strategy === 'hash'));
}

/** Whatever is put there stays hidden: no part of it is kept, shown or searched. */
function hidesAll(masks: readonly ColumnMask[]): boolean {
  return masks.some(
    ({ active }) =>
      active.detect.length === 0 &&
      active.keepKeys === undefined &&
      active.filter === undefined &&
      (active.strategy === 'redact' || active.strategy === 'null'),
  );
}
