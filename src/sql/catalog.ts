import type { StatementFacts } from './facts.ts';

/** The facts of a database's catalog that name resolution and effects need. Immutable; a newer one replaces it whole. */

export interface CatalogColumn {
  readonly number: number;
  readonly name: string;
  readonly typeOid: number;
}

export type RelationKind =
  | 'table'
  | 'partitioned-table'
  | 'view'
  | 'materialized-view'
  | 'foreign-table'
  | 'sequence'
  | 'index'
  | 'toast'
  | 'composite';

export interface CatalogRelation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: RelationKind;
  /** Live columns by attribute number, system columns left out. */
  readonly columns: readonly CatalogColumn[];
  /** Views and materialized views: the SELECT, as pg_get_viewdef prints it (names qualified where needed under search_path pg_catalog). */
  readonly definition?: string;
  /** Rewrite rules other than a view's own `_RETURN`, as pg_get_ruledef prints them. */
  readonly rules: readonly {
    readonly event: 'select' | 'update' | 'insert' | 'delete';
    readonly definition: string;
  }[];
  /** Inheritance parents and partition roots, direct ones only. */
  readonly parents: readonly number[];
  readonly rowEstimate: number;
}

export interface CatalogFunction {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: 'function' | 'procedure' | 'aggregate' | 'window';
  readonly volatility: 'immutable' | 'stable' | 'volatile';
  readonly securityDefiner: boolean;
  readonly language: string;
  /** `prosrc`, or for SQL-standard bodies pg_get_functiondef's text after RETURN/BEGIN ATOMIC. */
  readonly body: string;
  readonly returnsSet: boolean;
  readonly returnTypeOid: number;
  /** Minimum and maximum number of arguments (defaults and VARIADIC counted; Infinity for VARIADIC). */
  readonly minArguments: number;
  readonly maxArguments: number;
  /** `proconfig` entries, `search_path=evil`. */
  readonly settings: readonly string[];
  readonly extension?: string;
}

export interface CatalogOperator {
  readonly schema: string;
  readonly name: string;
  readonly functionOid: number;
}

export interface CatalogType {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: 'base' | 'composite' | 'domain' | 'enum' | 'range' | 'multirange' | 'pseudo';
  /** Domains with a CHECK that calls a function outside pg_catalog: those functions. */
  readonly checkFunctionOids: readonly number[];
  /** Casts to this type, explicit or not, that run a function outside pg_catalog. */
  readonly castFunctionOids: readonly number[];
}

export interface Catalog {
  /** Changes whenever anything below changes; part of the decision cache's key. */
  readonly version: string;
  readonly serverVersion: number;
  relation(schema: string, name: string): CatalogRelation | undefined;
  relationByOid(oid: number): CatalogRelation | undefined;
  relations(): Iterable<CatalogRelation>;
  /** All overloads of that name in that schema. User schemas only need be loaded; pg_catalog is known by the curated list. */
  functions(schema: string, name: string): readonly CatalogFunction[];
  functionByOid(oid: number): CatalogFunction | undefined;
  /** Operators outside pg_catalog with that name, any schema. */
  operators(name: string): readonly CatalogOperator[];
  type(schema: string, name: string): CatalogType | undefined;
  hasSchema(name: string): boolean;
}

/** What of the session's state the meaning of a statement depends on. */
export interface SessionState {
  /** Schemas searched, in order, as `current_schemas(true)` gives them (temp schema and pg_catalog included); undefined when it cannot be told. */
  readonly searchPath: readonly string[] | undefined;
  /** The session's own temporary schema (`pg_temp_3`), when it has one. */
  readonly tempSchema?: string;
  /** Prepared statements (SQL and protocol level share one name space) and cursors/portals. */
  prepared(name: string): StatementFacts | undefined;
  cursor(name: string): StatementFacts | undefined;
}
