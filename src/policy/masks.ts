import type { Condition } from '../sql/conditions.ts';
import { partsOf } from '../sql/document-path.ts';
import type { Source, StatementFacts } from '../sql/facts.ts';
import type { ActiveMask, Requester } from './decision.ts';
import { compileGlob, type Glob } from './glob.ts';
import { keeps } from './kept-keys.ts';
import { exposedBy } from './mask-uses.ts';
import { DEFAULT_KEEP_LAST, type PolicyMask } from './schema.ts';
import { admitsBoth, compilePrincipals, type FileGroups } from './selectors.ts';

/** A mask with its column patterns compiled; none for a mask of detectors. */
export interface ColumnMask {
  readonly active: ActiveMask;
  readonly columns: readonly Glob[];
}

/** A mask of the file, ready to be asked. */
export interface CompiledMask extends ColumnMask {
  holdsFor(requester: Requester): boolean;
}

/** A mask with its column patterns ready to match. */
export function withGlobs(active: ActiveMask): ColumnMask {
  return { active, columns: active.columns.map((column) => compileGlob(column)) };
}

/** A mask of the file, with whom it spares. */
export function compileMask(mask: PolicyMask, groups: FileGroups): CompiledMask {
  const except = mask.except && compilePrincipals(mask.except, groups);
  const active: ActiveMask = {
    name: mask.name,
    columns: mask.columns ?? [],
    detect: mask.detect ?? [],
    strategy: mask.strategy,
    keepLast: mask.keep_last ?? DEFAULT_KEEP_LAST,
    ...(mask.keep_keys ? { keepKeys: mask.keep_keys } : {}),
    ...(mask.filter === 'equality' ? { filter: mask.filter } : {}),
    ...(mask.min_group === undefined ? {} : { minGroup: mask.min_group }),
  };
  return {
    ...withGlobs(active),
    // What one of the two may not see, the other does not get for it.
    holdsFor: (requester) => except === undefined || !admitsBoth(except, requester),
  };
}

/** A use of a masked column that would let its value be told from outside the mask. */
export interface Exposure {
  readonly mask: string;
  readonly column: string;
  /** `public.customers`; undefined where the exposure is not of one table. */
  readonly table: string | undefined;
  /** In words, for whoever is stopped by it. */
  readonly reason: string;
}

/** Where the masks of a requester stand in the way of a statement: every use that a mask cannot cover. */
export function exposures(statement: StatementFacts, masks: readonly ColumnMask[]): readonly Exposure[] {
  const columnMasks = masks.filter((mask) => mask.columns.length > 0);
  if (columnMasks.length === 0) return [];
  const found = new Map<string, Exposure>();
  for (const use of statement.columnUses) {
    for (const mask of masksOver(use.column, columnMasks)) {
      const reason = exposedBy(use, mask.active, (column) => masksOver(column, columnMasks));
      if (reason === undefined) continue;
      const { column } = partsOf(use.column);
      const table = column.slice(0, column.lastIndexOf('.'));
      found.set(`${use.column} ${reason}`, { mask: mask.active.name, column, table, reason });
    }
  }
  for (const [condition, reason] of SIDE_DOORS) {
    if (!statement.conditions.includes(condition)) continue;
    found.set(condition, { mask: columnMasks[0]?.active.name ?? '', column: '', table: undefined, reason });
  }
  return [...found.values()];
}

/** Conditions under which masked values could come out by another way than their column. */
const SIDE_DOORS: readonly (readonly [Condition, string])[] = [
  [
    'reads-statistics',
    'planner statistics and texts of other sessions (pg_stats, query of pg_stat_activity and pg_stat_statements) hold values of masked columns, where no mask can follow them: leave these out; pg_class and pg_stat_user_tables tell sizes and numbers of rows',
  ],
  [
    'reads-every-table',
    'it reads whole tables, masked columns among them, in a way that a mask cannot follow',
  ],
  [
    'reads-raw-storage',
    'files, pages and logs of the server hold values of masked columns as they are stored; read the table itself',
  ],
  [
    'reaches-outside',
    'what comes from or goes to another server has no masks; read the table itself over this connection',
  ],
];

/** The first mask over a source; `schema.table.*` is under any mask on any column of that table. */
export function maskOf(source: Source, masks: readonly ColumnMask[]): ColumnMask | undefined {
  return masksOver(source, masks)[0];
}

/** All of them. A part of a document that its mask keeps readable is under none. */
export function masksOver(source: Source, masks: readonly ColumnMask[]): readonly ColumnMask[] {
  const { column, path } = partsOf(source);
  const whole = column.endsWith('.*');
  const prefix = whole ? column.slice(0, -1) : column;
  return masks.filter(
    (mask) =>
      mask.columns.some((glob) => (whole ? glob.canContinue(prefix) : glob.matches(column))) &&
      !keeps(mask.active, path),
  );
}
