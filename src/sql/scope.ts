import type { Catalog, CatalogRelation } from './catalog.ts';
import { generatedSources } from './generated-columns.ts';
import { copiedInto } from './trigger-copies.ts';

/** Values that hold others: to compare or to gather them can fail for what they hold. */
export type Shape = 'array' | 'row';

/** A column as a query sees it, and what its value is derived from. */
export interface Column {
  readonly name: string;
  /** Base columns, `schema.table.column`. */
  readonly sources: readonly string[];
  /** Exactly one base column's value, and the server still names that column as its origin. */
  readonly plain: boolean;
  /** As in `OutputColumn`. */
  readonly carried?: boolean;
  readonly document?: boolean;
  readonly counts?: readonly string[];
  /** Type of a base column. */
  readonly typeOid?: number;
  /** What kind of value it surely is, or may be, besides a single one. */
  readonly shape?: Shape;
  /** The row that a table of FROM gives it from; only within that FROM's own query. */
  readonly row?: TableRow;
  /** It is one of the columns by which that row is told from all others. */
  readonly isKey?: true;
  /** Whether it is NULL may hang on what its sources hold, not only on whether they are NULL. */
  readonly vanishes?: true;
  /** How many times as long as what it is made of it may be; once where that is not said. */
  readonly copies?: number;
  /** One half of the entries of a document, as jsonb_each gives them; `of` stands for the one call that gave both. */
  readonly entry?: { readonly of: object; readonly is: 'key' | 'value' };
}

/** A row of a table with a primary key, of so many columns. One object for each member of FROM. */
export interface TableRow {
  readonly keySize: number;
}

/** Columns of a FROM item or of a whole FROM clause. */
export interface ColumnList {
  readonly columns: readonly Column[];
  /**
   * Set when there may be columns that are not listed; these are what such a column would be derived from
   * (empty for a function of pg_catalog: its arguments are counted where they stand).
   */
  readonly open?: readonly string[] | undefined;
}

/** A FROM item that can be named: table, sub-select, function, join with an alias. */
export interface RangeItem extends ColumnList {
  readonly alias: string;
  readonly schema?: string;
  /** What a whole-row reference uses: `schema.table.*`, or all the sources of its columns. */
  readonly wholeRow: readonly string[];
  /** Base relation itself, for FOR UPDATE. */
  readonly relation?: CatalogRelation;
}

/** A common table expression in sight. */
export interface CteColumns {
  readonly list: ColumnList;
}

/** The names in sight at one level of a query. Mutable while its FROM clause is read. */
export class Scope {
  readonly parent: Scope | undefined;
  readonly items: RangeItem[] = [];
  /** What `*` expands to and what unqualified names find: JOIN USING merged. */
  columns: Column[] = [];
  open: readonly string[] | undefined;
  readonly ctes = new Map<string, CteColumns>();

  constructor(parent: Scope | undefined) {
    this.parent = parent;
  }

  add(items: readonly RangeItem[], list: ColumnList): void {
    for (const item of items) this.items.push(item);
    for (const column of list.columns) this.columns.push(column);
    if (list.open !== undefined) this.open = [...(this.open ?? []), ...list.open];
  }

  cte(name: string): CteColumns | undefined {
    for (let scope: Scope | undefined = this; scope; scope = scope.parent) {
      const found = scope.ctes.get(name);
      if (found) return found;
    }
    return undefined;
  }

  item(alias: string, schema?: string): RangeItem | undefined {
    for (let scope: Scope | undefined = this; scope; scope = scope.parent) {
      for (const item of scope.items) {
        if (
          item.alias === alias &&
          (schema === undefined || schema === item.schema || item.schema === undefined)
        ) {
          return item;
        }
      }
    }
    return undefined;
  }
}

/** System columns hold no value of the row. PostgreSQL docs 5.6. */
export const SYSTEM_COLUMNS: ReadonlySet<string> = new Set([
  'ctid',
  'xmin',
  'xmax',
  'cmin',
  'cmax',
  'tableoid',
  'oid',
]);

/** The column of that name; several of one name (which the server refuses) are all meant. */
export function columnNamed(list: ColumnList, name: string): Column | undefined {
  let found: Column | undefined;
  for (const column of list.columns) {
    if (column.name !== name) continue;
    found = found ? { name, sources: union(found.sources, column.sources), plain: false } : column;
  }
  return found;
}

/** Every base column that the list could show. */
export function sourcesOf(list: ColumnList): string[] {
  const all = new Set<string>(list.open);
  for (const column of list.columns) for (const source of column.sources) all.add(source);
  return [...all];
}

/** Each source once; one of the two itself where the other adds nothing. */
export function union(a: readonly string[], b: readonly string[]): readonly string[] {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  return [...new Set([...a, ...b])];
}

/** Gives the columns the names of an alias list, `AS a(i, n)`. */
export function rename(list: ColumnList, names: readonly string[]): ColumnList {
  if (names.length === 0) return list;
  const columns = list.columns.map((column, i) => ({ ...column, name: names[i] ?? column.name }));
  for (let i = columns.length; i < names.length; i++) {
    columns.push({ name: names[i] ?? '', sources: sourcesOf(list), plain: false });
  }
  return { columns, ...(list.open ? { open: list.open } : {}) };
}

/** A FROM item that an alias stands for, its columns by the names of the alias list. */
export function aliased(alias: string, list: ColumnList, names: readonly string[]): RangeItem {
  const columns = rename(list, names);
  return { alias, ...columns, wholeRow: sourcesOf(columns) };
}

/** The columns as seen through something that loses their origin (set operations, recursion, outer merges). */
export function computed(list: ColumnList): ColumnList {
  return { ...list, columns: list.columns.map(withoutOrigin) };
}

/** The same value where the server no longer names its origin. */
export function withoutOrigin({ name, sources, plain, carried, shape, vanishes, copies }: Column): Column {
  return {
    name,
    sources,
    plain: false,
    carried: plain || (carried ?? false),
    ...nature(shape, vanishes, copies),
  };
}

/** Of one column or of several that flow together: what any of them may be. */
export function nature(
  shape: Shape | undefined,
  vanishes: boolean | undefined,
  copies = 1,
): Pick<Column, 'shape' | 'vanishes' | 'copies'> {
  return {
    ...(shape ? { shape } : {}),
    ...(vanishes ? { vanishes: true as const } : {}),
    ...(copies > 1 ? { copies } : {}),
  };
}

/** Of a row of them. */
export const copiesIn = ({ columns }: ColumnList): number =>
  Math.max(
    1,
    columns.reduce((sum, { sources, copies = 1 }) => sum + (sources.length > 0 ? copies : 0), 0),
  );

/** The list as seen from outside of its query: rows of two references to it are no longer the same. */
export function withoutEntries(list: ColumnList): ColumnList {
  if (list.columns.every(({ entry, row }) => entry === undefined && row === undefined)) return list;
  return { ...list, columns: list.columns.map(({ entry: _, row: _row, isKey: _key, ...column }) => column) };
}

const columnsOfRelation = new WeakMap<CatalogRelation, ColumnList>();

/** The columns of a stored relation, each its own origin; a child's columns are its parents' too. */
export function relationColumns(relation: CatalogRelation, catalog: Catalog): ColumnList {
  const kept = columnsOfRelation.get(relation);
  if (kept) return kept;
  const parents = ancestors(relation, catalog);
  const columns = relation.columns.map(({ name, typeOid }, i) => ({
    name,
    plain: true,
    document: true,
    typeOid,
    sources: [
      `${relation.schema}.${relation.name}.${name}`,
      ...parents
        .filter((parent) => parent.columns.some((column) => column.name === name))
        .map((parent) => `${parent.schema}.${parent.name}.${name}`),
      ...(relation.columns[i] ? generatedSources(relation, relation.columns[i]) : []),
      ...copiedInto(`${relation.schema}.${relation.name}.${name}`, catalog),
    ],
  }));
  const list = { columns };
  columnsOfRelation.set(relation, list);
  return list;
}

/** Inheritance parents and partition roots, nearest first. */
export function ancestors(relation: CatalogRelation, catalog: Catalog): CatalogRelation[] {
  const found: CatalogRelation[] = [];
  const queue = [...relation.parents];
  while (queue.length > 0) {
    const parent = catalog.relationByOid(queue.shift() ?? 0);
    if (!parent || found.includes(parent)) continue;
    found.push(parent);
    queue.push(...parent.parents);
  }
  return found;
}

/** Inheritance children and partitions, all the way down. */
export function descendants(relation: CatalogRelation, catalog: Catalog): CatalogRelation[] {
  const found: CatalogRelation[] = [];
  const queue = [...catalog.children(relation.oid)];
  while (queue.length > 0) {
    const child = queue.shift();
    if (!child || found.includes(child)) continue;
    found.push(child);
    queue.push(...catalog.children(child.oid));
  }
  return found;
}
