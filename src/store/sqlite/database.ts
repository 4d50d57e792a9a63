import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { z } from 'zod';
import { constraintOf, corrupt, storeFailure } from './failures.ts';

export type Value = SQLInputValue;
export type Values = Readonly<Record<string, Value>>;

/** The open database: statements prepared once, rows checked on the way out, failures in our own words. */
export class Database {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync, path: string) {
    this.#db = db;
    this.#path = path;
  }

  /** Every row of a query. Throws Internal `store_corrupt` when one is not of the schema's shape. */
  all<T>(schema: z.ZodType<T>, sql: string, values: Values = {}): T[] {
    return this.#guard(() => this.#prepare(sql).all(values)).map((row) => this.#check(schema, row));
  }

  /** The first row of a query. */
  get<T>(schema: z.ZodType<T>, sql: string, values: Values = {}): T | undefined {
    const row = this.#guard(() => this.#prepare(sql).get(values));
    return row === undefined ? undefined : this.#check(schema, row);
  }

  /**
   * Changes rows and tells how many. `onConstraint` may turn a broken constraint (in the driver's words, which
   * name table and column) into an error of its own.
   */
  run(sql: string, values: Values = {}, onConstraint?: (words: string) => Error | undefined): number {
    return Number(this.#guard(() => this.#prepare(sql).run(values), onConstraint).changes);
  }

  close(): void {
    this.#statements.clear();
    this.#guard(() => this.#db.close());
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #check<T>(schema: z.ZodType<T>, row: unknown): T {
    const parsed = schema.safeParse(row);
    if (parsed.success) return parsed.data;
    const where = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
    throw corrupt(this.#path, `a row does not have the expected shape (${where})`);
  }

  #guard<T>(act: () => T, onConstraint?: (words: string) => Error | undefined): T {
    try {
      return act();
    } catch (error) {
      const words = constraintOf(error);
      throw (words === undefined ? undefined : onConstraint?.(words)) ?? storeFailure(error, this.#path);
    }
  }
}
