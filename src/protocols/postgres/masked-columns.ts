import { stricter } from '../../masking/strategies.ts';
import type { ActiveMask } from '../../policy/decision.ts';
import { compileGlob, type Glob } from '../../policy/glob.ts';
import { keeps, keptBelow } from '../../policy/kept-keys.ts';
import type { Catalog, CatalogRelation } from '../../sql/catalog.ts';
import { partsOf } from '../../sql/document-path.ts';
import type { OutputColumn, Source, StatementFacts } from '../../sql/facts.ts';
import { relationLineage } from '../../sql/relation-lineage.ts';
import type { ColumnMask } from './results/row-plan.ts';

/** A mask and the part of a document that it was asked about. */
interface Hit {
  readonly mask: ActiveMask;
  readonly path: readonly string[];
}

/** What is shown of a column may hang on the values of these. */
type Derived = Omit<OutputColumn, 'name'>;

/**
 * The masks that hold in one session, asked by what PostgreSQL tells of a result column (table OID and column
 * number) or by what analysis found out of it. Immutable but for its memory of answers.
 */
export class MaskedColumns {
  readonly masks: readonly ActiveMask[];
  /** Masks that search every text value. */
  readonly detectorMasks: readonly ActiveMask[];
  readonly #columnMasks: readonly { readonly mask: ActiveMask; readonly globs: readonly Glob[] }[];
  readonly #catalog: Catalog;
  readonly #byTable = new Map<number, ReadonlyMap<number, ColumnMask>>();
  readonly #byName = new Map<string, readonly ActiveMask[]>();

  constructor(masks: readonly ActiveMask[], catalog: Catalog) {
    this.masks = masks;
    this.#catalog = catalog;
    this.detectorMasks = masks.filter((mask) => mask.detect.length > 0 && mask.columns.length === 0);
    this.#columnMasks = masks
      .filter((mask) => mask.columns.length > 0)
      .map((mask) => ({ mask, globs: mask.columns.map((column) => compileGlob(column)) }));
  }

  /** Nothing is masked for this requester: results pass untouched. */
  get none(): boolean {
    return this.masks.length === 0;
  }

  get anyColumns(): boolean {
    return this.#columnMasks.length > 0;
  }

  /** Whether the catalog knows the relation that a result column names as its origin. */
  knowsTable(tableOid: number): boolean {
    return this.#catalog.relationByOid(tableOid) !== undefined;
  }

  /** The mask over a base column or a view's, by its origin in RowDescription. */
  ofOrigin(tableOid: number, columnNumber: number): ColumnMask | undefined {
    let columns = this.#byTable.get(tableOid);
    if (columns === undefined) {
      columns = this.#ofRelation(this.#catalog.relationByOid(tableOid));
      this.#byTable.set(tableOid, columns);
    }
    return columns.get(columnNumber);
  }

  /** The mask over what is derived from these sources. */
  of(column: Derived): ColumnMask | undefined {
    if (!this.anyColumns) return undefined;
    const hits = column.sources.flatMap((source) => this.#hits(source));
    if (hits.length > 0) return maskFor(hits, column);
    const counted = (column.counts ?? []).flatMap((source) => this.#hits(source));
    const least = Math.max(1, ...counted.map(({ mask }) => mask.minGroup ?? 1));
    return least > 1 ? { detect: [], strategy: 'null', keepLast: 0, atLeast: least } : undefined;
  }

  /** Whether a source is under any mask. */
  covers(source: Source): boolean {
    return this.#hits(source).length > 0;
  }

  /** A column whose table the catalog does not know (made in this transaction): only masks for any table count. */
  ofUnknownTable(columnName: string): ColumnMask | undefined {
    return this.of({ sources: [`?.?.${columnName}`], plain: true });
  }

  /**
   * Whether a statement's errors could quote a masked value: it uses a masked column, or writes a relation that
   * has one, or runs what its owner wrote over one.
   */
  touchedBy(statement: StatementFacts): boolean {
    if (!this.anyColumns) return false;
    if (statement.mayQuote) return true;
    for (const use of statement.columnUses) if (this.covers(use.column)) return true;
    for (const output of statement.outputs ?? []) {
      if (output.sources.some((source) => this.covers(source))) return true;
    }
    if (statement.anyOutput?.some((source) => this.covers(source))) return true;
    return statement.actions.some(({ effect, object }) => {
      if (object?.kind !== 'table' && object?.kind !== 'view') return false;
      return effect !== 'read' && this.covers(`${object.name}.*`);
    });
  }

  /** By what each column is derived from, so that a view's column is masked like the base column behind it. */
  #ofRelation(relation: CatalogRelation | undefined): ReadonlyMap<number, ColumnMask> {
    const found = new Map<number, ColumnMask>();
    if (relation === undefined || this.#columnMasks.length === 0) return found;
    const lineage = relationLineage(relation, this.#catalog);
    relation.columns.forEach((column, i) => {
      const derived = lineage[i];
      const mask = derived && this.of(derived);
      if (mask) found.set(column.number, mask);
    });
    return found;
  }

  #hits(source: Source): readonly Hit[] {
    const { column, path } = partsOf(source);
    let masks = this.#byName.get(column);
    if (masks === undefined) {
      masks = this.#lookUp(column);
      this.#byName.set(column, masks);
    }
    // A row is no document of its columns' masks: nothing in it is kept by key.
    if (column.endsWith('.*')) return masks.map(({ keepKeys: _, ...mask }) => ({ mask, path }));
    return masks.filter((mask) => !keeps(mask, path)).map((mask) => ({ mask, path }));
  }

  /** A partition or an inheriting table is masked like its parents. */
  #lookUp(column: string): readonly ActiveMask[] {
    const own = this.#matching(column);
    const lastDot = column.lastIndexOf('.');
    const firstDot = column.indexOf('.');
    if (firstDot < 0 || firstDot === lastDot) return own;
    const relation = this.#catalog.relation(column.slice(0, firstDot), column.slice(firstDot + 1, lastDot));
    const inherited = (relation?.parents ?? []).flatMap((parentOid) => {
      const parent = this.#catalog.relationByOid(parentOid);
      return parent ? this.#lookUp(`${parent.schema}.${parent.name}${column.slice(lastDot)}`) : [];
    });
    return inherited.length === 0 ? own : [...new Set([...own, ...inherited])];
  }

  #matching(column: string): readonly ActiveMask[] {
    const whole = column.endsWith('.*');
    const text = whole ? column.slice(0, -1) : column;
    return this.#columnMasks
      .filter(({ globs }) => globs.some((glob) => (whole ? glob.canContinue(text) : glob.matches(text))))
      .map(({ mask }) => mask);
  }
}

/**
 * One mask for all that were hit. A value that stands in the column as it is has the strictest of them; what is
 * computed shows nothing, NULL or not, since both could tell something of the value.
 */
function maskFor(hits: readonly Hit[], column: Derived): ColumnMask {
  const whole = hits.filter(({ mask }) => mask.detect.length === 0);
  if (!column.plain && !column.carried && !column.document) {
    const strategy = hits.some(({ mask }) => mask.strategy === 'null') ? 'null' : 'redact';
    return { detect: [], strategy, keepLast: 0, always: true };
  }
  const [first, ...more] = whole.length > 0 ? whole : hits;
  if (first === undefined) return { detect: [], strategy: 'redact', keepLast: 0, always: true };
  const { strategy, keepLast } = more.reduce(
    (a, { mask }) => stricter(a, mask),
    first.mask as Pick<ActiveMask, 'strategy' | 'keepLast'>,
  );
  if (whole.length === 0) {
    return { detect: [...new Set(hits.flatMap(({ mask }) => mask.detect))], strategy, keepLast };
  }
  const isDocument = column.plain || column.document === true;
  // Beside the values that are carried, the client may have put its own: their hashes would tell which are equal.
  if (strategy === 'hash' && !isDocument) return { detect: [], strategy: 'redact', keepLast: 0 };
  const keepKeys = isDocument && whole.every(({ mask }) => mask.keepKeys) ? commonKeys(whole) : [];
  return { detect: [], strategy, keepLast, ...(keepKeys.length > 0 ? { keepKeys } : {}) };
}

/** What every one of the masks keeps. */
function commonKeys(hits: readonly Hit[]): readonly string[] {
  const [first = [], ...others] = hits.map(({ mask, path }) => keptBelow(mask.keepKeys, path));
  return first.filter((key) => others.every((keys) => keys.includes(key)));
}
