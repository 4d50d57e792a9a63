import { EQ, NE } from './catalog-sql.ts';

/**
 * What prints views, rules and bodies waits for whoever holds a relation that they name exclusively (ruleutils.c), a
 * migration that waits for its COMMIT, say. Where that wait has been too long, what names such a relation is left out:
 * an empty text is one that nobody can read.
 */
const LOCKED = `SELECT l.relation FROM pg_catalog.pg_locks l WHERE l.granted AND l.relation IS NOT NULL
  AND l.mode ${EQ} 'AccessExclusiveLock'::pg_catalog.text AND l.pid ${NE} pg_catalog.pg_backend_pid()
  AND l.database ${EQ} (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname ${EQ} pg_catalog.current_database())`;
const NAMING_LOCKED = `SELECT d.classid, d.objid FROM pg_catalog.pg_depend d JOIN locked l ON l.oid ${EQ} d.refobjid
  WHERE d.refclassid ${EQ} 'pg_catalog.pg_class'::pg_catalog.regclass`;

/** Whether an object names a relation that is locked; false where locks are waited for. */
export const namesLocked = (around: boolean, classId: string, oid: string) =>
  around
    ? `EXISTS (SELECT FROM held h WHERE h.classid ${EQ} 'pg_catalog.${classId}'::pg_catalog.regclass AND h.objid ${EQ} ${oid})`
    : 'false';
export const isLocked = (around: boolean, oid: string) =>
  around ? `EXISTS (SELECT FROM locked l WHERE l.oid ${EQ} ${oid})` : 'false';
/** The text, or an empty one. */
export const unless = (locked: string, text: string) =>
  `CASE WHEN ${locked} THEN ''::pg_catalog.text ELSE ${text} END`;

/** CTEs that the others look into. */
export const lockedCtes = (around: boolean) =>
  around ? `, locked(oid) AS (${LOCKED}), held(classid, objid) AS (${NAMING_LOCKED})` : '';
