/**
 * How many rows a statement wrote, from its CommandComplete tag (PostgreSQL docs 54.7): `INSERT 0 n`, `UPDATE n`,
 * `DELETE n`, `MERGE n`, `COPY n`. What a WITH wrote beside them is not told there (`writesUntold`); COPY TO has
 * the tag of COPY FROM.
 */
export function rowsWritten(tag: string): number {
  if (tag.startsWith('SELECT')) return 0;
  const count = /^(?:INSERT \d+|UPDATE|DELETE|MERGE|COPY) (\d{1,15})$/.exec(tag)?.[1];
  return count === undefined ? 0 : Number(count);
}
