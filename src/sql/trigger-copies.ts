import type { Node } from 'libpg-query';
import { builtinEffect } from './builtins/functions.ts';
import type { Catalog, CatalogFunction, CatalogRelation } from './catalog.ts';
import type { Source } from './facts.ts';
import { parseText } from './parse.ts';
import { isMark, plpgsqlStatements } from './plpgsql.ts';
import { nameParts, visit } from './tree.ts';
import { filledColumns, intoColumns, Mentions } from './trigger-fills.ts';
import {
  assignedColumn,
  isRow,
  makesRow,
  mentionsVariable,
  putsRows,
  returnsRow,
  showsRow,
} from './trigger-row.ts';

/** What the triggers of a database's tables do with their rows. */
interface TriggerCopies {
  /** `schema.table.column` -> what a trigger puts there. */
  readonly into: ReadonlyMap<string, ReadonlySet<Source>>;
  /** Tables with a trigger that hands their rows on in a way that cannot be followed. */
  readonly lost: ReadonlySet<number>;
}

const kept = new WeakMap<Catalog, TriggerCopies>();

/** Columns of other tables whose values triggers copy into this one, copies of copies too. */
export function copiedInto(column: string, catalog: Catalog): readonly Source[] {
  const { into } = triggerCopies(catalog);
  if (into.size === 0) return [];
  const found = new Set<Source>();
  const queue = [column];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const source of into.get(next) ?? []) {
      if (found.has(source)) continue;
      found.add(source);
      queue.push(source);
    }
  }
  return [...found];
}

/** Whether writing the relation makes a trigger hand its rows on who knows where. */
export function triggersLoseRows(relation: CatalogRelation, catalog: Catalog): boolean {
  return (relation.triggers?.length ?? 0) > 0 && triggerCopies(catalog).lost.has(relation.oid);
}

function triggerCopies(catalog: Catalog): TriggerCopies {
  const known = kept.get(catalog);
  if (known) return known;
  const into = new Map<string, Set<Source>>();
  const lost = new Set<number>();
  for (const relation of catalog.relations()) {
    for (const oid of relation.triggers ?? []) {
      const fn = catalog.functionByOid(oid);
      // Triggers of pg_catalog's own functions look at the row they are fired for and nothing else.
      if (fn && !new RowCopies(relation, catalog, into).ofTrigger(fn)) lost.add(relation.oid);
    }
    for (const [column, sources] of filledColumns(relation, catalog)) {
      const name = `${relation.schema}.${relation.name}.${column}`;
      into.set(name, new Set([...(into.get(name) ?? []), ...sources].filter((source) => source !== name)));
    }
    for (const { definition } of relation.rules) {
      if (!new RowCopies(relation, catalog, into).ofRule(definition)) lost.add(relation.oid);
    }
  }
  const copies = { into, lost };
  kept.set(catalog, copies);
  return copies;
}

/** What one trigger or rule of one table does with the row. */
class RowCopies {
  readonly #relation: CatalogRelation;
  readonly #catalog: Catalog;
  readonly #into: Map<string, Set<Source>>;
  /** What was taken from the row, which variables may hold. */
  readonly #held = new Set<Source>();
  /** Functions that were read, so that one which calls itself is read once. */
  readonly #read = new Set<number>();

  constructor(relation: CatalogRelation, catalog: Catalog, into: Map<string, Set<Source>>) {
    this.#relation = relation;
    this.#catalog = catalog;
    this.#into = into;
  }

  /** Notes what goes where; false when that cannot be told. */
  ofTrigger(fn: CatalogFunction): boolean {
    if (fn.extension !== undefined && fn.language !== 'plpgsql') return true;
    const steps = fn.language === 'plpgsql' ? plpgsqlStatements(fn) : undefined;
    if (steps === undefined) return false;
    this.#read.add(fn.oid);
    const texts: (readonly Node[])[] = [];
    for (const step of steps) {
      if (isMark(step)) continue;
      const parsed = step.kind === 'text' ? parseText(step.sql) : undefined;
      if (!parsed?.ok) return false;
      const nodes = parsed.statements.map(({ node }) => node);
      texts.push(nodes);
      for (const node of nodes)
        if (!putsRows(node) && !returnsRow(node) && !assignedColumn(nodes))
          for (const source of this.#fromRow(node)) this.#held.add(source);
    }
    for (const nodes of texts) this.#assignment(nodes);
    // Which of the queries a SELECT INTO has been is not told.
    for (const column of intoColumns(fn, this.#relation))
      for (const [query, ...more] of texts)
        if (query && more.length === 0) this.#put(this.#relation, column, query);
    return texts
      .flat()
      .map((node) => this.#follows(node))
      .every(Boolean);
  }

  #follows(node: Node): boolean {
    const called = this.#called(node);
    return this.#statement(node) && called;
  }

  /** `NEW.column := value`, `NEW := row` and `RETURN row`, which are read as queries. */
  #assignment(nodes: readonly Node[]): void {
    const [target, value] = nodes;
    const name = assignedColumn(nodes);
    if (target && name === undefined && !putsRows(target) && nodes.length === 1) {
      // As RETURN, or as the query of a SELECT INTO: where it makes a row, every column may be from it.
      if (makesRow(target)) this.#putRow(target);
      return;
    }
    if (name === undefined || value === undefined) return;
    if (name === '') this.#putRow(value);
    else this.#put(this.#relation, name, value);
  }

  #putRow(value: Node): void {
    for (const { name } of this.#relation.columns) this.#put(this.#relation, name, value);
  }

  /** What functions that it calls write counts as its own. */
  #called(node: Node): boolean {
    const names = new Set<string>();
    visit(node, (kind, body) => {
      if (kind === 'FuncCall') names.add(nameParts((body as { funcname?: Node[] }).funcname).at(-1) ?? '');
    });
    return [...names]
      .flatMap((name) => this.#catalog.functionsNamed(name))
      .filter((fn) => !this.#read.has(fn.oid) && (fn.language === 'plpgsql' || fn.language === 'sql'))
      .map((fn) => {
        this.#read.add(fn.oid);
        return this.#statements(fn)
          .map((inner) => this.#statement(inner) && this.#called(inner))
          .every(Boolean);
      })
      .every(Boolean);
  }

  #statements(fn: CatalogFunction): readonly Node[] {
    if (fn.standardBody) return [];
    const texts =
      fn.language === 'sql'
        ? [fn.body]
        : (plpgsqlStatements(fn) ?? []).flatMap((step) => (step.kind === 'text' ? [step.sql] : []));
    return texts.flatMap((sql) => {
      const parsed = parseText(sql);
      return parsed.ok ? parsed.statements.map(({ node }) => node) : [];
    });
  }

  /** A rule's queries may also show the row, instead of what was asked for. */
  ofRule(definition: string): boolean {
    const parsed = parseText(definition);
    const node = parsed.ok ? parsed.statements[0]?.node : undefined;
    if (!node || !('RuleStmt' in node)) return false;
    return (node.RuleStmt.actions ?? [])
      .map(
        (action) =>
          this.#statement(action) && ('InsertStmt' in action || 'UpdateStmt' in action || !showsRow(action)),
      )
      .every(Boolean);
  }

  #statement(node: Node): boolean {
    if (this.#handsOut(node)) return false;
    if ('InsertStmt' in node) {
      const { relation, cols, selectStmt } = node.InsertStmt;
      const names = (cols ?? []).map((col) => ('ResTarget' in col ? (col.ResTarget.name ?? '') : ''));
      for (const target of this.#targets(relation?.schemaname, relation?.relname)) {
        const columns = names.length > 0 ? names : target.columns.map((column) => column.name);
        this.#values(target, columns, selectStmt);
      }
    } else if ('UpdateStmt' in node) {
      const { relation, targetList, fromClause } = node.UpdateStmt;
      for (const target of this.#targets(relation?.schemaname, relation?.relname)) {
        for (const item of targetList ?? []) {
          if ('ResTarget' in item)
            this.#put(target, item.ResTarget.name ?? '', item.ResTarget.val, fromClause);
        }
      }
    } else if ('MergeStmt' in node) return !this.#mentions(node);
    return true;
  }

  /** Which of several the path finds is not known: all of the name. */
  #targets(schema: string | undefined, name: string | undefined): readonly CatalogRelation[] {
    return [...this.#catalog.relations()].filter(
      (one) => one.name === name && (schema === undefined || one.schema === schema),
    );
  }

  #values(target: CatalogRelation, columns: readonly string[], query: Node | undefined): void {
    const select = query && 'SelectStmt' in query ? query.SelectStmt : undefined;
    const rows = select?.valuesLists?.map((list) => ('List' in list ? (list.List.items ?? []) : []));
    const targets = select?.targetList?.map((one) => ('ResTarget' in one ? one.ResTarget.val : undefined));
    for (const row of rows ?? (targets ? [targets] : [])) {
      // With a star in it, or from a query that reads the row elsewhere, places say nothing.
      const exact =
        row.length <= columns.length && !row.some((value) => JSON.stringify(value)?.includes('A_Star'));
      columns.forEach((column, i) => {
        this.#put(target, column, exact ? row[i] : query, select?.fromClause);
      });
      if (select?.fromClause && this.#mentions({ List: { items: select.fromClause } })) {
        for (const column of columns) this.#put(target, column, query);
      }
    }
    if (select?.op !== undefined && select.op !== 'SETOP_NONE') {
      for (const column of columns) this.#put(target, column, query);
    }
  }

  #put(target: CatalogRelation, column: string, value: Node | undefined, from: readonly Node[] = []): void {
    if (value === undefined) return;
    const found = new Set(this.#fromRow(value));
    if (this.#held.size > 0 && mentionsVariable(value)) for (const source of this.#held) found.add(source);
    const read = new Mentions(this.#catalog).ofValue(value, from);
    for (const source of read.sources()) found.add(source);
    // A table that the catalog does not have: the rows that were changed, under a name of their own.
    if (read.namesOther) for (const name of read.names()) found.add(this.#column(name));
    const name = `${target.schema}.${target.name}.${column}`;
    found.delete(name);
    if (found.size > 0) this.#into.set(name, new Set([...(this.#into.get(name) ?? []), ...found]));
  }

  #column(name: string): Source {
    return `${this.#relation.schema}.${this.#relation.name}.${name}`;
  }

  /** Columns of the row, by NEW and OLD. */
  #fromRow(node: Node): readonly Source[] {
    const found: Source[] = [];
    visit(node, (kind, body) => {
      // What EXECUTE … USING hands over.
      if (kind === 'ParamRef') found.push(this.#column('*'));
      if (kind !== 'ColumnRef') return;
      const [row = '', column = '*'] = nameParts((body as { fields?: Node[] }).fields);
      if (isRow(row)) found.push(this.#column(column));
    });
    return found;
  }

  #mentions(node: Node): boolean {
    return this.#fromRow(node).length > 0 || (this.#held.size > 0 && mentionsVariable(node));
  }

  /** The row, or what was taken from it, is given to a function that may put it anywhere. */
  #handsOut(node: Node): boolean {
    let out = false;
    visit(node, (kind, body) => {
      if (kind !== 'FuncCall') return;
      const { funcname, args } = body as { funcname?: Node[]; args?: Node[] };
      const name = nameParts(funcname).at(-1) ?? '';
      const volatility = this.#catalog.builtinFunction(name);
      const quiet = volatility !== undefined && builtinEffect(name, volatility) === 'read';
      if (!quiet && this.#mentions({ List: { items: args ?? [] } }) && !this.#onlyComputes(name)) out = true;
    });
    return out;
  }

  #onlyComputes(name: string): boolean {
    const schemas = new Set(['public', ...[...this.#catalog.relations()].map((one) => one.schema)]);
    const found = [...schemas].flatMap((schema) => this.#catalog.functions(schema, name));
    return found.length > 0 && found.every((fn) => fn.language === 'c' && fn.extension !== undefined);
  }
}
