import type { Node } from 'libpg-query';
import type { Catalog, CatalogFunction, CatalogRelation } from './catalog.ts';
import type { Source } from './facts.ts';
import { parseText } from './parse.ts';
import { plpgsqlStatements } from './plpgsql.ts';
import { nameParts, visit } from './tree.ts';

/** What a trigger or a default may put into the columns of its own table: column -> what it reads elsewhere. */
export function filledColumns(
  relation: CatalogRelation,
  catalog: Catalog,
): ReadonlyMap<string, ReadonlySet<Source>> {
  const filled = new Map<string, Set<Source>>();
  const fill = (names: readonly string[], fn: CatalogFunction) => {
    const sources = new Mentions(catalog).ofFunction(fn).sources();
    for (const name of names) filled.set(name, new Set([...(filled.get(name) ?? []), ...sources]));
  };
  for (const oid of relation.triggers ?? []) {
    const fn = catalog.functionByOid(oid);
    if (fn?.language === 'plpgsql') fill(assigned(fn, relation), fn);
  }
  for (const { name, defaultFunctions = [] } of relation.columns) {
    for (const oid of defaultFunctions) {
      const fn = catalog.functionByOid(oid);
      if (fn) fill([name], fn);
    }
  }
  return filled;
}

const INTO = /\binto\s+(?:strict\s+)?((?:[\w$".]+\s*,?\s*)+)/giu;
const NEW_COLUMN = /\bnew\s*\.\s*(?:"((?:[^"]|"")+)"|([\w$]+))/iu;
const WHOLE_ROW = /\bnew\s*:?=|\breturn\s+(?!new\b|old\b|null\b|coalesce\b|query\b|next\b|;)\w/iu;

/** The columns of NEW that the function assigns; all of them where it makes another row. */
function assigned(fn: CatalogFunction, relation: CatalogRelation): readonly string[] {
  const found = new Set<string>(intoColumns(fn, relation));
  if (WHOLE_ROW.test(fn.body)) return relation.columns.map(({ name }) => name);
  // An assignment is read as two queries, of its target and of its value.
  for (const step of plpgsqlStatements(fn) ?? []) {
    const target = step.kind === 'text' ? /^SELECT (.*?);SELECT /su.exec(step.sql)?.[1] : undefined;
    const column = columnOfNew(target ?? '');
    if (column !== undefined) found.add(column);
  }
  return [...found];
}

/** Columns of NEW into which a query's values go; all of them where the row as a whole is named. */
export function intoColumns(fn: CatalogFunction, relation: CatalogRelation): readonly string[] {
  const found = new Set<string>();
  for (const [, list = ''] of fn.body.matchAll(INTO)) {
    for (const item of list.split(',')) {
      const column = columnOfNew(item);
      if (column !== undefined) found.add(column);
      else if (/^\s*new\b/iu.test(item)) return relation.columns.map(({ name }) => name);
    }
  }
  return [...found];
}

function columnOfNew(text: string): string | undefined {
  const match = NEW_COLUMN.exec(text);
  return match ? (match[1]?.replaceAll('""', '"') ?? match[2]?.toLowerCase() ?? '') : undefined;
}

/** Tables, and the names of columns, that a function's body mentions, in whatever it calls as well. */
export class Mentions {
  readonly #catalog: Catalog;
  readonly #tables = new Map<number, CatalogRelation>();
  readonly #functions = new Set<number>();
  readonly #columns = new Set<string>();
  #star = false;
  /** A table was named that the catalog does not have. */
  namesOther = false;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  ofFunction(fn: CatalogFunction): this {
    if (this.#functions.has(fn.oid)) return this;
    this.#functions.add(fn.oid);
    if (fn.standardBody) this.#text(`CREATE FUNCTION x() RETURNS int ${fn.body}`);
    else if (fn.language === 'sql') this.#text(fn.body);
    else if (fn.language === 'plpgsql')
      for (const step of plpgsqlStatements(fn) ?? []) if (step.kind === 'text') this.#text(step.sql);
    return this;
  }

  /** A value, and the FROM list that its columns are of. */
  ofValue(value: Node, from: readonly Node[]): this {
    this.#node(value);
    for (const one of from) this.#node(one);
    return this;
  }

  /** Names of the columns that were mentioned, or `*`. */
  names(): readonly string[] {
    return this.#star ? ['*'] : [...this.#columns];
  }

  sources(): readonly Source[] {
    return [...this.#tables.values()].flatMap(({ schema, name, columns }) =>
      columns
        .filter((column) => this.#star || this.#columns.has(column.name))
        .map((column) => `${schema}.${name}.${column.name}`),
    );
  }

  #text(sql: string): void {
    const parsed = parseText(sql);
    if (parsed.ok) for (const { node } of parsed.statements) this.#node(node);
  }

  #node(node: Node): void {
    visit(node, (kind, body) => {
      const { fields, funcname, relname, schemaname } = body as {
        fields?: Node[];
        funcname?: Node[];
        relname?: string;
        schemaname?: string;
      };
      if (kind === 'A_Star') this.#star = true;
      if (kind === 'ColumnRef') this.#columns.add(nameParts(fields).at(-1) ?? '');
      if (kind === 'RangeVar') this.#relation(schemaname, relname);
      if (kind === 'FuncCall') this.#calls(nameParts(funcname).at(-1) ?? '');
    });
  }

  /** Which of several the path finds is not known: all of the name. */
  #relation(schema: string | undefined, name: string | undefined): void {
    let known = false;
    for (const one of this.#catalog.relations()) {
      if (one.name !== name || (schema !== undefined && one.schema !== schema)) continue;
      known = true;
      if (this.#tables.has(one.oid) || one.schema === 'pg_catalog') continue;
      this.#tables.set(one.oid, one);
      if (one.definition === undefined) continue;
      // A view's columns have other names than those behind them.
      this.#star = true;
      this.#text(one.definition);
    }
    if (!known && schema === undefined) this.namesOther = true;
  }

  #calls(name: string): void {
    for (const fn of this.#catalog.functionsNamed(name)) this.ofFunction(fn);
  }
}
