import { hash } from 'node:crypto';
import type { Catalog, CatalogFunction, CatalogRelation } from '../../sql/catalog.ts';
import type { StatementFacts, TextFacts } from '../../sql/facts.ts';
import { isOpaque } from './judgement.ts';
import type { ServerState } from './server-state.ts';

/**
 * SHA-256 (hex) of what a text means: what it was read to do, the search path under which it was read, and the
 * definitions of everything it touches or calls (views, rules, trigger functions, bodies). What changes by itself,
 * such as the size of a table, is left out. Two equal ones do the same to the same.
 */
export function meaningOf(
  facts: TextFacts,
  catalog: Catalog,
  searchPath: readonly string[] | undefined,
): string {
  const read = facts.statements.map(withoutSizes);
  const relations = names(facts, ({ actions }) =>
    actions.flatMap(({ object }) => [object?.name, object?.via]),
  ).map((name) => [name, definitionOf(relationNamed(name, catalog), catalog)]);
  const functions = names(facts, (one) => [
    ...one.functions,
    ...one.actions.flatMap(({ object }) => [object?.name, object?.via]),
  ]).map((name) => [name, functionsNamed(name, catalog).map(bodyOf)]);
  return hash('sha256', JSON.stringify([read, searchPath ?? null, relations, functions]), 'hex');
}

/** What the approval of a held statement is bound to besides its bytes: its meaning, in the state of its session. */
export function boundMeaning(facts: TextFacts, catalog: Catalog, state: ServerState): string {
  // Of code that nobody can read, any definition at all may be a part.
  const all = facts.statements.some(isOpaque) ? catalog.version : '';
  return `${meaningOf(facts, catalog, state.searchPath)} ${state.fingerprint()} ${all}`;
}

function withoutSizes(statement: StatementFacts): unknown {
  const { conditions: _, estimatedRows: __, reasons: ___, tableRows: ____, ...rest } = statement;
  return rest;
}

function names(facts: TextFacts, of: (one: StatementFacts) => readonly (string | undefined)[]): string[] {
  return [...new Set(facts.statements.flatMap(of))].filter((name) => name !== undefined).sort();
}

function relationNamed(name: string, catalog: Catalog): CatalogRelation | undefined {
  const dot = name.indexOf('.');
  return dot < 0 ? undefined : catalog.relation(name.slice(0, dot), name.slice(dot + 1));
}

function functionsNamed(name: string, catalog: Catalog): readonly CatalogFunction[] {
  const dot = name.indexOf('.');
  return dot < 0 ? [] : catalog.functions(name.slice(0, dot), name.slice(dot + 1));
}

/** By what it is, not by its number: the same made again means the same. */
function definitionOf(relation: CatalogRelation | undefined, catalog: Catalog): unknown {
  if (relation === undefined) return null;
  const { oid: _, parents, rowEstimate: __, triggers = [], ...rest } = relation;
  const named = (oid: number) => {
    const found = catalog.relationByOid(oid);
    return found && `${found.schema}.${found.name}`;
  };
  return [
    rest,
    parents.map(named),
    triggers.map((oid) => catalog.functionByOid(oid)).map((one) => one && bodyOf(one)),
  ];
}

function bodyOf({ oid: _, ...rest }: CatalogFunction): unknown {
  return rest;
}
