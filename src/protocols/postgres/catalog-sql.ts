/** Words of the catalog's SQL (see catalog-queries.ts): every name is qualified, operators too. */
export const EQ = 'OPERATOR(pg_catalog.=)';
export const NE = 'OPERATOR(pg_catalog.<>)';
const WIDTH = 22;

/** Columns after the kind, as text, filled up with nulls. */
export function part(kind: string, columns: readonly string[], rest: string): string {
  const cells = columns.map((column) => `(${column})::pg_catalog.text`);
  while (cells.length < WIDTH - 1) cells.push('NULL::pg_catalog.text');
  return `SELECT '${kind}'::pg_catalog.text, ${cells.join(', ')} ${rest}`;
}

/** Rows that initdb made have OIDs below this. FirstNormalObjectId, transam.h. */
export const FIRST_NORMAL = 16384;

export const inSystemSchema = (column: string) =>
  `${column} ${EQ} ANY (ARRAY['pg_catalog'::pg_catalog.regnamespace, 'information_schema'::pg_catalog.regnamespace]::pg_catalog.oid[])`;

export const kindMatches = (column: string, kinds: string) =>
  `${column} ${EQ} ANY (ARRAY[${[...kinds].map((kind) => `'${kind}'`).join(', ')}]::pg_catalog."char"[])`;
