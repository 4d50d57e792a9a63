import type { Condition } from '../sql/conditions.ts';
import type { ColumnUse, StatementFacts } from '../sql/facts.ts';
import type { ActiveMask, Requester } from './decision.ts';
import { compileGlob, type Glob } from './glob.ts';
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

export function withGlobs(active: ActiveMask): ColumnMask {
  return { active, columns: active.columns.map((column) => compileGlob(column)) };
}

export function compileMask(mask: PolicyMask, groups: FileGroups): CompiledMask {
  const except = mask.except && compilePrincipals(mask.except, groups);
  const active: ActiveMask = {
    name: mask.name,
    columns: mask.columns ?? [],
    detect: mask.detect ?? [],
    strategy: mask.strategy,
    keepLast: mask.keep_last ?? DEFAULT_KEEP_LAST,
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
  for (const { column, use } of statement.columnUses) {
    if (use === 'output' || use === 'target') continue;
    const mask = maskOf(column, columnMasks);
    if (mask === undefined) continue;
    found.set(`${column} ${use}`, exposureOf(mask, column, USE_WORDS[use]));
  }
  for (const output of statement.outputs ?? []) {
    if (output.plain) continue;
    for (const column of output.sources) {
      const mask = maskOf(column, columnMasks);
      if (mask) found.set(`${column} expression`, exposureOf(mask, column, USE_WORDS.expression));
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
  ['reads-statistics', 'planner statistics hold sample values of masked columns'],
  [
    'reads-every-table',
    'it reads whole tables, masked columns among them, in a way that a mask cannot follow',
  ],
];

const USE_WORDS: Readonly<Record<Exclude<ColumnUse['use'], 'output' | 'target'>, string>> = {
  expression: 'in an expression',
  predicate: 'in a condition or an order',
  other: 'in a way that a mask cannot follow',
};

function exposureOf(mask: ColumnMask, column: string, use: string): Exposure {
  const table = column.slice(0, column.lastIndexOf('.'));
  const reason = column.endsWith('.*')
    ? `${table} has columns under mask "${mask.active.name}" and is used whole ${use}; only plain output columns can be masked`
    : `${column} is under mask "${mask.active.name}" and is used ${use}; only a plain output column can be masked`;
  return { mask: mask.active.name, column, table, reason };
}

/** The first mask over a column; `schema.table.*` is under any mask on any column of that table. */
export function maskOf(column: string, masks: readonly ColumnMask[]): ColumnMask | undefined {
  const whole = column.endsWith('.*');
  const prefix = whole ? column.slice(0, -1) : column;
  return masks.find((mask) =>
    mask.columns.some((glob) => (whole ? glob.canContinue(prefix) : glob.matches(column))),
  );
}
