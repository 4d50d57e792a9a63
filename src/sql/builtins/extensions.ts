import type { Effect } from '../facts.ts';

/** Extensions in C whose functions compute from their arguments, or look, and do nothing else. */
const READING = new Set(
  `hstore pg_trgm citext fuzzystrmatch ltree pgcrypto unaccent intarray intagg cube earthdistance isn seg uuid-ossp
   btree_gin btree_gist bloom tsm_system_rows tsm_system_time tablefunc dict_int dict_xsyn pg_stat_statements
   pgstattuple pg_buffercache pg_freespacemap pgrowlocks pg_visibility sslinfo amcheck vector lo xml2
   hypopg pg_similarity rum ip4r semver hll topn postgres_fdw old_snapshot
   postgis postgis_sfcgal postgis_raster h3 pg_sphere q3c pg_uuidv7 ulid pg_hashids prefix debversion icu_ext jsquery
   pg_jsonschema tdigest pg_bigm first_last_agg extra_window_functions pg_rational numeral pgmp pgpcre`.split(
    /\s+/u,
  ),
);

/** Extensions every function of which reaches out of the database or beneath its tables. */
const ADMINISTRATIVE = new Set(
  'dblink adminpack pageinspect pg_walinspect pg_logicalinspect pg_surgery pg_prewarm file_fdw'.split(' '),
);

function named(extension: string, functions: string, effect: Effect): [string, Effect][] {
  return functions.split(/\s+/u).map((name) => [`${extension}.${name}`, effect]);
}

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
  ['pg_trgm.set_limit', 'session'],
  ['isn.isn_weak', 'session'],
  // Their bands may lie in files, or wherever else GDAL reads.
  ...named('postgis_raster', 'st_fromgdalraster st_asgdalraster st_addband st_setbandpath', 'unknown'),
  ...named('postgis', 'checkauthtrigger postgis_cache_bbox', 'unknown'),
  ...named(
    'timescaledb',
    `time_bucket time_bucket_ng time_bucket_gapfill locf interpolate show_chunks first_sfunc first_combinefunc
     last_sfunc last_combinefunc bookend_finalfunc bookend_serializefunc bookend_deserializefunc hist_sfunc
     hist_combinefunc hist_serializefunc hist_deserializefunc hist_finalfunc`,
    'read',
  ),
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

/** Extensions whose functions show other sessions' texts or the constants of their conditions. */
const STATISTICS_EXTENSIONS = new Set([
  'pg_stat_statements',
  'pg_stat_monitor',
  'pg_store_plans',
  'pg_qualstats',
]);

/** Those that show where the values of a column lie, by the planner's statistics or an index. */
const EXTENTS = new Set([
  '_postgis_selectivity',
  '_postgis_join_selectivity',
  '_postgis_stats',
  '_postgis_index_extent',
  'st_estimatedextent',
]);

/** Whether a function of the extension shows samples of values or texts that are not in what the statement names. */
export const showsStatistics = (extension: string, name: string): boolean =>
  STATISTICS_EXTENSIONS.has(extension) || (extension === 'postgis' && EXTENTS.has(name));

/** An extension that brings nothing which acts unless it is called by its name. */
export const actsByNameAlone = (extension: string): boolean => READING.has(extension);

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
