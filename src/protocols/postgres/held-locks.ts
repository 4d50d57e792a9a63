import type { Ask } from './estimate.ts';

/** Locks that a card names; an approver who sees these sees enough. */
const MOST = 10;
const EQ = 'OPERATOR(pg_catalog.=)';

/**
 * What the transaction of that process locks against others while its statement waits, in words: tables with more than
 * the lock of a plain read (PostgreSQL docs 13.3.1). Empty where there is none, or the target cannot be asked.
 */
export async function heldLocks(ask: Ask, processId: number): Promise<readonly string[]> {
  if (!Number.isSafeInteger(processId) || processId <= 0) return [];
  const rows = await ask(
    `SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text, l.mode
     FROM pg_catalog.pg_locks l
     JOIN pg_catalog.pg_class c ON c.oid ${EQ} l.relation
     JOIN pg_catalog.pg_namespace n ON n.oid ${EQ} c.relnamespace
     JOIN pg_catalog.pg_database d ON d.oid ${EQ} l.database AND d.datname ${EQ} pg_catalog.current_database()
     WHERE l.pid ${EQ} ${processId} AND l.granted AND l.locktype ${EQ} 'relation'::pg_catalog.text
       AND l.mode OPERATOR(pg_catalog.<>) 'AccessShareLock'::pg_catalog.text
       AND c.relkind ${EQ} ANY (ARRAY['r','p','m','f']::pg_catalog."char"[])
     ORDER BY 1, 2, 3 LIMIT ${MOST + 1}`,
  ).catch(() => []);
  const words = rows.slice(0, MOST).map(([schema, name, mode]) => `${schema}.${name} (${mode})`);
  return rows.length > MOST ? [...words, 'and more'] : words;
}
