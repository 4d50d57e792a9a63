import type { ActiveMask } from '../../policy/decision.ts';
import { compileGlob, type Glob } from '../../policy/glob.ts';
import type { Catalog, CatalogRelation } from '../../sql/catalog.ts';
import type { StatementFacts } from '../../sql/facts.ts';
import { relationLineage } from '../../sql/relation-lineage.ts';

/**
 * The masks that hold in one session, asked by what PostgreSQL tells of a result column (table OID and column
 * number) or by what analysis found out (`schema.table.column`). Immutable but for its memory of answers.
 */
export class MaskedColumns {
  readonly masks: readonly ActiveMask[];
  /** Masks that search every text value. */
  readonly detectorMasks: readonly ActiveMask[];
  readonly #columnMasks: readonly { readonly mask: ActiveMask; readonly globs: readonly Glob[] }[];
  readonly #catalog: Catalog;
  readonly #byTable = new Map<number, ReadonlyMap<number, ActiveMask>>();
  readonly #byName = new Map<string, ActiveMask | undefined>();

  constructor(masks: readonly ActiveMask[], catalog: Catalog) {
    this.masks = masks;
    this.#catalog = catalog;
    this.detectorMasks = masks.filter((mask) => mask.detect.length > 0 && mask.columns.length === 0);
    this.#columnMasks = masks
      .filter((mask) => mask.columns.length > 0)
      // Over the same column, covering the whole value wins over searching it.
      .sort((a, b) => Number(a.detect.length > 0) - Number(b.detect.length > 0))
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

  /** The mask over a base column, by its origin in RowDescription. */
  ofOrigin(tableOid: number, columnNumber: number): ActiveMask | undefined {
    let columns = this.#byTable.get(tableOid);
    if (columns === undefined) {
      columns = this.#ofRelation(this.#catalog.relationByOid(tableOid));
      this.#byTable.set(tableOid, columns);
    }
    return columns.get(columnNumber);
  }

  /**
   * The mask over `schema.table.column`; for `schema.table.*` the first over any of its columns. A partition or
   * an inheriting table is masked like its parents.
   */
  ofName(column: string): ActiveMask | undefined {
    if (!this.#byName.has(column)) this.#byName.set(column, this.#lookUp(column));
    return this.#byName.get(column);
  }

  /** A column whose table the catalog does not know (made in this transaction): only masks for any table count. */
  ofUnknownTable(columnName: string): ActiveMask | undefined {
    return this.#matching(`?.?.${columnName}`);
  }

  /** Whether a statement's errors could quote a masked value: it touches a relation with a masked column. */
  touchedBy(statement: StatementFacts): boolean {
    if (!this.anyColumns) return false;
    for (const use of statement.columnUses) if (this.ofName(use.column) !== undefined) return true;
    for (const output of statement.outputs ?? []) {
      for (const source of output.sources) if (this.ofName(source) !== undefined) return true;
    }
    for (const action of statement.actions) {
      const object = action.object;
      if ((object?.kind === 'table' || object?.kind === 'view') && this.ofName(`${object.name}.*`))
        return true;
    }
    return false;
  }

  /** By what each column is derived from, so that a view's column is masked like the base column behind it. */
  #ofRelation(relation: CatalogRelation | undefined): ReadonlyMap<number, ActiveMask> {
    const found = new Map<number, ActiveMask>();
    if (relation === undefined || this.#columnMasks.length === 0) return found;
    const lineage = relationLineage(relation, this.#catalog);
    relation.columns.forEach((column, i) => {
      const sources = lineage[i]?.sources ?? [];
      for (const source of [`${relation.schema}.${relation.name}.${column.name}`, ...sources]) {
        const mask = this.ofName(source);
        if (mask) found.set(column.number, mask);
        if (mask) break;
      }
    });
    return found;
  }

  #lookUp(column: string): ActiveMask | undefined {
    const own = this.#matching(column);
    if (own !== undefined) return own;
    const lastDot = column.lastIndexOf('.');
    const firstDot = column.indexOf('.');
    if (firstDot < 0 || firstDot === lastDot) return undefined;
    const relation = this.#catalog.relation(column.slice(0, firstDot), column.slice(firstDot + 1, lastDot));
    for (const parentOid of relation?.parents ?? []) {
      const parent = this.#catalog.relationByOid(parentOid);
      if (parent === undefined) continue;
      const mask = this.ofName(`${parent.schema}.${parent.name}${column.slice(lastDot)}`);
      if (mask) return mask;
    }
    return undefined;
  }

  #matching(column: string): ActiveMask | undefined {
    if (column.endsWith('.*')) {
      const prefix = column.slice(0, -1);
      return this.#columnMasks.find(({ globs }) => globs.some((glob) => glob.canContinue(prefix)))?.mask;
    }
    return this.#columnMasks.find(({ globs }) => globs.some((glob) => glob.matches(column)))?.mask;
  }
}
