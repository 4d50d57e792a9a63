import type { Effect } from '../facts.ts';

/** Extensions in C whose functions compute from their arguments, or look, and do nothing else. */
const READING = new Set(
  `hstore pg_trgm citext fuzzystrmatch ltree pgcrypto unaccent intarray intagg cube earthdistance isn seg uuid-ossp
   btree_gin btree_gist bloom tsm_system_rows tsm_system_time tablefunc dict_int dict_xsyn pg_stat_statements
   pgstattuple pg_buffercache pg_freespacemap pgrowlocks pg_visibility sslinfo amcheck vector lo xml2
   hypopg pg_similarity rum ip4r semver hll topn postgres_fdw`.split(/\s+/u),
);

/** Extensions every function of which reaches out of the database or beneath its tables. */
const ADMINISTRATIVE = new Set('dblink adminpack pageinspect pg_walinspect pg_surgery file_fdw'.split(' '));

/** Exceptions to the two lists, by function. */
const FUNCTIONS: ReadonlyMap<string, Effect> = new Map<string, Effect>([
  ['pg_stat_statements.pg_stat_statements_reset', 'admin'],
  ['pg_visibility.pg_truncate_visibility_map', 'admin'],
  ['pg_buffercache.pg_buffercache_evict', 'admin'],
  ['pg_buffercache.pg_buffercache_evict_relation', 'admin'],
  ['pg_buffercache.pg_buffercache_evict_all', 'admin'],
  ['postgres_fdw.postgres_fdw_disconnect', 'session'],
  ['postgres_fdw.postgres_fdw_disconnect_all', 'session'],
  ['postgres_fdw.postgres_fdw_handler', 'unknown'],
  ['postgres_fdw.postgres_fdw_validator', 'unknown'],
  ['lo.lo_manage', 'write'],
  ['tablefunc.connectby', 'unknown'],
  ['xml2.xpath_table', 'unknown'],
  ['hypopg.hypopg_create_index', 'session'],
  ['hypopg.hypopg_drop_index', 'session'],
  ['hypopg.hypopg_reset', 'session'],
]);

/** Functions of extensions that run SQL text given as an argument (counted from 0). */
export const EXTENSION_SQL_RUNNERS: Readonly<Record<string, readonly number[]>> = {
  'tablefunc.crosstab': [0, 1],
  'tablefunc.crosstab2': [0],
  'tablefunc.crosstab3': [0],
  'tablefunc.crosstab4': [0],
  'tablefunc.crosstabn': [0],
};

/** An extension all of whose compiled functions only compute or look. */
export const onlyReads = (extension: string): boolean =>
  READING.has(extension) && ![...FUNCTIONS.keys()].some((name) => name.startsWith(`${extension}.`));

/** Effect of a compiled function that an extension brought; unknown where nobody looked at the extension. */
export function extensionEffect(extension: string, name: string): Effect {
  const listed = FUNCTIONS.get(`${extension}.${name}`);
  if (listed !== undefined) return listed;
  if (ADMINISTRATIVE.has(extension)) return 'admin';
  return READING.has(extension) ? 'read' : 'unknown';
}

const STORAGE_EXTENSIONS = new Set(['pageinspect', 'pg_walinspect', 'adminpack', 'pg_surgery']);
const OUTSIDE_EXTENSIONS = new Set([
  'dblink',
  'postgres_fdw',
  'file_fdw',
  'mysql_fdw',
  'oracle_fdw',
  'http',
  'pg_net',
  'aws_s3',
  'plproxy',
]);

/** The way by which functions of the extension could bring values of tables past any mask. */
export function sideDoorOf(extension: string): 'reads-raw-storage' | 'reaches-outside' | undefined {
  if (STORAGE_EXTENSIONS.has(extension)) return 'reads-raw-storage';
  return OUTSIDE_EXTENSIONS.has(extension) ? 'reaches-outside' : undefined;
}
