import type { CatalogColumn, CatalogRelation } from './catalog.ts';
import type { Source } from './facts.ts';
import { parseText } from './parse.ts';

/** The columns of the same row that a generated column is computed from (PostgreSQL docs 5.4); all of them where that cannot be read. */
export function generatedSources(relation: CatalogRelation, column: CatalogColumn): readonly Source[] {
  if (column.expression === undefined) return [];
  const table = `${relation.schema}.${relation.name}`;
  const parsed = parseText(`SELECT ${column.expression}`);
  if (!parsed.ok) return [`${table}.*`];
  const text = JSON.stringify(parsed.statements);
  // Every name in it that is a column's is taken for one: a function's of the same name only hides more.
  return relation.columns
    .filter(({ name }) => name !== column.name && text.includes(JSON.stringify({ sval: name }).slice(1, -1)))
    .map(({ name }) => `${table}.${name}`);
}
