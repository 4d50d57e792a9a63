/** What PostgreSQL SQL text does, as data. Analysis yields these, policy decides from them. */

import type { Condition } from './conditions.ts';

export const EFFECTS = ['read', 'write', 'ddl', 'admin', 'session', 'unknown'] as const;
/** `unknown`: cannot be told; only a rule that names it lets it through. */
export type Effect = (typeof EFFECTS)[number];

/** A named thing that a statement touches. */
export interface ObjectRef {
  readonly kind:
    | 'table'
    | 'view'
    | 'sequence'
    | 'function'
    | 'schema'
    | 'type'
    | 'role'
    | 'database'
    | 'other';
  /** Schema-qualified where the kind has a schema: `public.customers`; temporary tables are `pg_temp.t`; `?.t` when it could not be resolved. */
  readonly name: string;
  /** Reached through this view, rule, partition, parent or function rather than named in the text. */
  readonly via?: string;
}

/**
 * One thing a statement does to one object (or to none). Policy decides each action by itself and the
 * strictest decision counts, so `INSERT INTO a SELECT * FROM b` is a write of `a` and a read of `b`.
 */
export interface Action {
  readonly effect: Effect;
  /** Upper-case command words followed by the object: `UPDATE public.customers`, `DROP TABLE public.customers`, `ALTER TABLE public.t DROP COLUMN c`. */
  readonly command: string;
  /** Letter case is part of the command's name, as it is of a program's. */
  readonly caseMatters?: true;
  readonly object?: ObjectRef;
  /** Columns of the object that are touched, where known. */
  readonly columns?: readonly string[];
}

const COLUMN_USES = [
  /** Shown as it is by a result column. */
  'output',
  /** Assigned, by values that the client wrote. */
  'target',
  /** Flows into result columns alone, by way of what takes any value: whoever hides those columns hides it. */
  'computed',
  /** Counted. */
  'count',
  /** Compared for equality with something else than a column. */
  'equality',
  /** Compared for equality with the columns in `with`. */
  'join',
  'range',
  'pattern',
  'order',
  /** `with` COMPUTED: not by the column itself but by something made of it, or of it and others. */
  'group',
  /** Decides with DISTINCT which rows there are; `with`, for a plain column: those that may be sorted behind it. */
  'distinct',
  /** Decides with a set operation which rows there are; `with`, for a value as it is: the other arm's column, where that is one. */
  'merged',
  /** `min` or `max`. */
  'extreme',
  /** Decides which branch of an expression is computed. */
  'branch',
  /** Decides how many rows there are. */
  'rows',
  /** Handed to what may fail, act or take its time depending on the value; `with`: its name. */
  'call',
  /** In another condition. */
  'predicate',
  /** Read by code that others will run: a trigger's. */
  'code',
  /** Put into another place; `with`: the columns it is put into, none for a new table. */
  'stored',
  /** A document put back where it was, with some of its places given anew. */
  'edited',
  'other',
] as const;
/** `with` of a `call` where lengths or numbers of rows can be made to pass a limit. */
export const LONG_VALUES = 'a statement that makes values or rows of any length';

/** `with` of a `group` that is not by a stored column itself. */
export const COMPUTED = '(computed)';
/** `with` of a `call` where the answer tells sizes. */
export const SIZES = 'EXPLAIN ANALYZE';

/** How a column is used. */
export type ColumnUseKind = (typeof COLUMN_USES)[number];

/**
 * `public.customers.email`, always the base table's column, views looked through; `public.customers.*` when every
 * column is meant. A part of a json document has its keys behind it (`document-path.ts`).
 */
export type Source = string;

export interface ColumnUse {
  readonly column: Source;
  readonly use: ColumnUseKind;
  readonly with?: readonly string[];
}

/** One result column: its name and every base column its value is derived from. */
export interface OutputColumn {
  readonly name: string;
  readonly sources: readonly Source[];
  /** True when the value is exactly one base column's value, not computed. */
  readonly plain: boolean;
  /** Not plain, yet its values stand in it as they are, alone or in an array, row or document. */
  readonly carried?: boolean;
  /** The value is the very document, or part of one, that its sources name. */
  readonly document?: boolean;
  /** It is the number of these columns' values. */
  readonly counts?: readonly Source[];
  /** The value lies under the key which the result column at this place (from 0) holds in the same row. */
  readonly keyedBy?: number;
}

/** What a statement leaves behind in its session; the session mirrors it before the next statement is judged. */
export type SessionChange =
  | {
      readonly kind: 'set';
      readonly name: string;
      readonly value: string | undefined;
      readonly local: boolean;
      /** Back to what the session began with. */
      readonly reset?: true;
    }
  | { readonly kind: 'reset-all' }
  | { readonly kind: 'discard'; readonly what: 'all' | 'plans' | 'sequences' | 'temp' }
  | {
      readonly kind: 'prepare';
      readonly name: string;
      /** As judged now; the server binds names anew when search_path or the catalog changed. */
      readonly statement: StatementFacts;
    }
  | { readonly kind: 'deallocate'; readonly name: string | undefined }
  | {
      readonly kind: 'declare-cursor';
      readonly name: string;
      readonly hold: boolean;
      readonly statement: StatementFacts;
    }
  /** Code has opened a cursor, by a name that only the server knows. */
  | { readonly kind: 'open-cursor'; readonly statement: StatementFacts }
  | { readonly kind: 'close-cursor'; readonly name: string | undefined }
  | {
      readonly kind: 'transaction';
      readonly operation:
        | 'begin'
        | 'commit'
        | 'rollback'
        | 'savepoint'
        | 'rollback-to'
        | 'release'
        | 'prepare';
    }
  | { readonly kind: 'role' }
  /** A table's code that nobody can read has run: the search path or the role may be another. */
  | { readonly kind: 'unread' }
  /** The catalog changes (DDL, temporary objects): names must be resolved anew afterwards. */
  | { readonly kind: 'catalog' }
  /** Anything may have changed (an opaque function, `set_config` with a computed name). */
  | { readonly kind: 'opaque' };

/** A name of the text that nothing in the catalog answers to. */
export interface AbsentObject {
  readonly kind: 'relation' | 'function' | 'column';
  /** As the text writes it. */
  readonly name: string;
}

/** How PostgreSQL's grammar refused a text. */
export interface SyntaxRefusal {
  /** `syntax error at or near "SELEC"`, shortened. */
  readonly message: string;
  /** In characters of the text, from 1; 0 when it is not told. */
  readonly position: number;
}

export interface StatementFacts {
  /** Where the statement stands in the text, in UTF-8 bytes: [start, end). */
  readonly start: number;
  readonly end: number;
  /** Command word(s) of the statement itself: `SELECT`, `DROP TABLE`, `EXPLAIN ANALYZE`. */
  readonly tag: string;
  /** At least one. */
  readonly actions: readonly Action[];
  /** Named conditions found in the parse tree: `update-without-where`, `delete-without-where`, `dangerous-session-change`, … */
  readonly conditions: readonly Condition[];
  /** Every function called, qualified where resolved: `pg_catalog.now`. */
  readonly functions: readonly string[];
  readonly columnUses: readonly ColumnUse[];
  /** Result columns in order; undefined when there is no result or it cannot be told. */
  readonly outputs?: readonly OutputColumn[];
  /** Where there is a result whose columns cannot be told: all that any of them may be derived from. */
  readonly anyOutput?: readonly Source[];
  readonly changes: readonly SessionChange[];
  /** Why there is an `unknown` effect, in words a user can act on. */
  readonly reasons: readonly string[];
  /** What the text names and the catalog does not have; left out when there is nothing. */
  readonly absent?: readonly AbsentObject[];
  /** The session's prepared statements that it runs by their names; left out when there are none. */
  readonly executes?: readonly string[];
  /** For a text that the grammar does not take. */
  readonly syntaxError?: SyntaxRefusal;
  /** `COPY … TO STDOUT` / `FROM STDIN`: how its rows are written. */
  readonly copy?: CopyFacts;
  /** It writes, or may write, rows that its CommandComplete does not count. */
  readonly writesUntold?: true;
  /** Rows of the largest table it touches, by the catalog; negative where nobody knows; 0 where it touches none. */
  readonly tableRows?: number;
  /** Rows that the planner expects; negative where it could not tell. Left out: it was not asked. */
  readonly estimatedRows?: number;
  /** Code of a table's that cannot be read runs with it, whose errors and notices may quote any value. */
  readonly mayQuote?: true;
  /** True when plain EXPLAIN of it cannot run anything (no user function, operator, cast or domain; one optimisable statement). */
  readonly explainable: boolean;
  /** True when the meaning depends on names in the session (EXECUTE, FETCH, CLOSE, DEALLOCATE): never cached by text. */
  readonly dependsOnSession: boolean;
}

export interface CopyFacts {
  readonly direction: 'out' | 'in';
  readonly format: 'text' | 'csv' | 'binary';
  readonly delimiter: string;
  readonly nullText: string;
  readonly quote: string;
  readonly escape: string;
  readonly header: boolean;
  /** ENCODING, where the statement names one: the rows are then not in client_encoding. */
  readonly encoding?: string;
}

/** The whole of one `Query` or `Parse` text. */
export interface TextFacts {
  /** Empty for an empty query (only comments and semicolons). */
  readonly statements: readonly StatementFacts[];
}
