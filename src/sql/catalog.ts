/** The facts of a database's catalog that name resolution and effects need. Immutable; a newer one replaces it whole. */

import type { Effect, StatementFacts } from './facts.ts';

export interface CatalogColumn {
  readonly number: number;
  readonly name: string;
  readonly typeOid: number;
  /** GENERATED ALWAYS AS an expression: COPY of the whole table leaves it out. */
  readonly generated?: true;
  /** Functions outside pg_catalog that its default calls. */
  readonly defaultFunctions?: readonly number[];
  /** What a generated column is computed by, as pg_get_expr prints it. */
  readonly expression?: string;
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
  /**
   * Views and materialized views outside the system schemas: the SELECT, as pg_get_viewdef prints it. Names in it
   * are qualified as far as `Catalog.definitionPath` makes it necessary.
   */
  readonly definition?: string;
  /** Rewrite rules other than a view's own `_RETURN`, as pg_get_ruledef prints them. */
  readonly rules: readonly {
    readonly event: 'select' | 'update' | 'insert' | 'delete';
    readonly definition: string;
  }[];
  /** Functions of its triggers, those of constraints left out. */
  readonly triggers?: readonly number[];
  /** Functions outside pg_catalog that its CHECKs, index, statistics and partition key expressions call. */
  readonly functions?: readonly number[];
  /** Of a foreign table of postgres_fdw: what it is called over there, and columns that have other names there. */
  readonly remote?: {
    readonly schema: string;
    readonly name: string;
    readonly columns: ReadonlyMap<string, string>;
  };
  /** An index's table. */
  readonly tableOid?: number;
  /** Numbers of the columns of its primary key, unless that is deferrable. */
  readonly primaryKey?: readonly number[];
  /** Conditions of its row security policies, where it is switched on, as pg_get_expr prints them. */
  readonly policies?: readonly string[];
  /** Somebody holds it locked and may be changing it: what using it does is not known. */
  readonly unreadable?: true;
  /** Inheritance parents and partition roots, direct ones only. */
  readonly parents: readonly number[];
  /** Negative where it was never counted (PostgreSQL 14 and later). */
  readonly rowEstimate: number;
}

/** A foreign key of `tableOid`, by what happens to its rows when the row they refer to goes or changes. */
export interface ForeignKey {
  readonly tableOid: number;
  readonly referredOid: number;
  /** Numbers of the columns referred to. */
  readonly referredColumns: readonly number[];
  readonly onDelete: ForeignKeyAction;
  readonly onUpdate: ForeignKeyAction;
}

/** `set`: SET NULL or SET DEFAULT; `none`: the statement fails. */
export type ForeignKeyAction = 'cascade' | 'set' | 'none';

export interface CatalogFunction {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: 'function' | 'procedure' | 'aggregate' | 'window';
  readonly volatility: 'immutable' | 'stable' | 'volatile';
  readonly securityDefiner: boolean;
  readonly language: string;
  /** `prosrc`; for a body in SQL-standard syntax (`standardBody`), what pg_get_function_sqlbody prints. */
  readonly body: string;
  /** The body was bound when the function was created: `RETURN …` or `BEGIN ATOMIC … END`. */
  readonly standardBody?: boolean;
  readonly returnsSet: boolean;
  readonly returnTypeOid: number;
  /** Minimum and maximum number of arguments (defaults and VARIADIC counted; Infinity for VARIADIC). */
  readonly minArguments: number;
  readonly maxArguments: number;
  /** Names of all parameters, results included, in order; `''` where there is none. */
  readonly parameters?: readonly { readonly name: string; readonly output: boolean }[];
  /** `proconfig` entries, `search_path=evil`. */
  readonly settings: readonly string[];
  /** Types of its parameters, results included. */
  readonly parameterTypeOids?: readonly number[];
  /** Default values of its last parameters as pg_get_expr prints them, separated by commas. */
  readonly defaults?: string;
  readonly extension?: string;
  /** Aggregates: `schema.name` of the functions they run. */
  readonly supportFunctions?: readonly FunctionName[];
}

export interface FunctionName {
  readonly schema: string;
  readonly name: string;
}

/** What a call of `schema.function` does, where an owner has said so. */
export type FunctionEffects = (name: string) => Exclude<Effect, 'unknown'> | undefined;

export interface CatalogOperator {
  readonly schema: string;
  readonly name: string;
  readonly functionOid: number;
  /** Set where the operator runs a function of pg_catalog, which has no entry of its own. */
  readonly builtin?: string;
}

export interface CatalogType {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: 'base' | 'composite' | 'domain' | 'enum' | 'range' | 'multirange' | 'pseudo';
  /** Domains: the CHECK expressions, as pg_get_constraintdef prints them (see `Catalog.definitionPath`). */
  readonly checks: readonly string[];
  /** Domains: functions outside pg_catalog that the default calls. */
  readonly defaultFunctions?: readonly number[];
  /** Domains: the type beneath; arrays: the element; ranges and multiranges: the subtype; 0 otherwise. */
  readonly baseTypeOid: number;
  /** Composite types: the relation that holds its columns; 0 otherwise. */
  readonly relationOid: number;
  /** Casts from or to this type, explicit or not, that run a function outside pg_catalog. */
  readonly castFunctionOids: readonly number[];
}

export interface Catalog {
  /** Set where an owner classifies functions. */
  readonly functionEffect?: FunctionEffects;
  /** Changes whenever anything below changes; part of the decision cache's key. */
  readonly version: string;
  readonly serverVersion: number;
  /** search_path under which definitions, checks and standard bodies were printed. */
  readonly definitionPath: readonly string[];
  relation(schema: string, name: string): CatalogRelation | undefined;
  relationByOid(oid: number): CatalogRelation | undefined;
  relations(): Iterable<CatalogRelation>;
  /** Direct inheritance children and partitions. */
  children(oid: number): readonly CatalogRelation[];
  /** All overloads of that name in that schema. User schemas only; pg_catalog's are in `builtinFunction`. */
  functions(schema: string, name: string): readonly CatalogFunction[];
  /** All overloads of that name, in whatever schema. */
  functionsNamed(name: string): readonly CatalogFunction[];
  functionByOid(oid: number): CatalogFunction | undefined;
  /** The least stable overload of a function of pg_catalog (that is what is feared), undefined when there is none. */
  builtinFunction(name: string): 'immutable' | 'stable' | 'volatile' | undefined;
  isBuiltinType(name: string): boolean;
  /** Operators outside pg_catalog with that name, any schema. */
  operators(name: string): readonly CatalogOperator[];
  type(schema: string, name: string): CatalogType | undefined;
  typeByOid(oid: number): CatalogType | undefined;
  /**
   * Functions outside pg_catalog that the server calls without a word in the text: implicit casts, and in SQL or
   * another language the comparisons by which a type is sorted, grouped and told apart.
   */
  readonly implicitFunctionOids: readonly number[];
  /** Functions outside pg_catalog by which a cast makes a value of this type of pg_catalog, by its name or OID. */
  castFunctionsTo(type: string | number): readonly number[];
  /** Foreign keys that refer to this table. */
  referencing(oid: number): readonly ForeignKey[];
  /** Types outside pg_catalog. */
  types(): Iterable<CatalogType>;
  hasSchema(name: string): boolean;
  /** Whether the credential may use what is in the schema: search_path passes over the others. */
  mayUseSchema(name: string): boolean;
  /** Whether a function of the extension's is there. */
  hasExtension(name: string): boolean;
}

const classified = new WeakMap<Catalog, WeakMap<FunctionEffects, Catalog>>();

/** The same catalog with what an owner says of functions; one object for the same two. */
export function withFunctionEffects(catalog: Catalog, effects: FunctionEffects | undefined): Catalog {
  if (effects === undefined) return catalog;
  const known = classified.get(catalog) ?? new WeakMap<FunctionEffects, Catalog>();
  classified.set(catalog, known);
  const before = known.get(effects);
  if (before) return before;
  const made: Catalog = { ...catalog, functionEffect: effects };
  known.set(effects, made);
  return made;
}

/** What of the session's state the meaning of a statement depends on. */
export interface SessionState {
  /** Schemas searched, in order, as `current_schemas(true)` gives them (temp schema and pg_catalog included); undefined when it cannot be told. */
  readonly searchPath: readonly string[] | undefined;
  /** The session's own temporary schema (`pg_temp_3`); left out or empty when it has none. */
  readonly tempSchema?: string;
  /** `current_user`, for `"$user"` in a search_path; without it such a path cannot be told. */
  readonly user?: string;
  /** `lock_timeout` in milliseconds; 0 or left out: waiting for a lock has no end. */
  readonly lockTimeout?: number;
  /** True when search_path was changed inside the transaction that is open: its end changes it again. Left out: it may have been. */
  readonly pathIsTransactional?: boolean;
  /** Prepared statements (SQL and protocol level share one name space) and cursors/portals. */
  prepared(name: string): StatementFacts | undefined;
  cursor(name: string): StatementFacts | undefined;
  /** All of the latter that are open; left out: there are none. */
  openCursors?(): readonly StatementFacts[];
}
