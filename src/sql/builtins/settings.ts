import type { Condition } from '../conditions.ts';

/** Values that switch a boolean setting off, as parse_bool takes them: any unambiguous prefix counts. */
const isOff = (value: string | undefined) =>
  value !== undefined && /^(?:of|off|f|fa|fal|fals|false|n|no|0)$/iu.test(value.trim());
const isOn = (value: string | undefined) =>
  value !== undefined && /^(?:on|t|tr|tru|true|y|ye|yes|1)$/iu.test(value.trim());

/** Levels of client_min_messages that hide nothing a mask covers; below them the server tells more than results. */
const QUIET_LEVELS = new Set(['notice', 'warning', 'error', 'fatal', 'panic']);

/** Encodings in which no byte of a character can be taken for an ASCII one (a backslash, a quote). */
const SAFE_ENCODINGS = /^(?:utf-?8|unicode|sql_?ascii|latin-?1|iso_?8859_?1|default)$/iu;

/** row_security is not among them: off does not show hidden rows, it fails the queries that would hide some. */
const ALWAYS_DANGEROUS = new Set(
  `role session_authorization session_replication_role local_preload_libraries session_preload_libraries
   dynamic_library_path event_triggers allow_system_table_mods ignore_system_indexes zero_damaged_pages
   transform_null_equals backslash_quote lo_compat_privileges
   ignore_checksum_failure allow_in_place_tablespaces createrole_self_grant track_activities trace_sort trace_locks
   jit_dump_bitcode jit_debugging_support jit_profiling_support
   plperl.on_init plperl.on_plperl_init plperl.on_plperlu_init pltcl.start_proc pltclu.start_proc plv8.start_proc`.split(
    /\s+/u,
  ),
);

/** What the server logs, and what extensions watch, hide or allow by: the server's own books on the session. */
const DANGEROUS_PREFIXES = [
  'postgis.gdal_',
  'postgis.enable_outdb_',
  'log_',
  'auto_explain.',
  'pgaudit.',
  'pg_stat_statements.',
  'anon.',
  'sepgsql.',
  'set_user.',
];

/** Settings on which the resolution of names or the conditions depend; any other SET leaves them as they are. */
export const NAMING_SETTINGS: ReadonlySet<string> = new Set([
  'search_path',
  'lock_timeout',
  'role',
  'session_authorization',
  'standard_conforming_strings',
  'client_encoding',
]);

/**
 * Conditions that setting `name` raises; `value` is undefined where it is computed, reset or defaulted, which is
 * judged like the worst value. Reset goes back to what the session started with: the gateway chose that.
 */
export function settingConditions(name: string, value: string | undefined, reset: boolean): Condition[] {
  const lower = name.toLowerCase();
  switch (lower) {
    case 'search_path':
      // An empty path is the strict one that pg_dump sets: pg_catalog alone.
      return value === '' ? [] : ['dangerous-session-change'];
    case 'standard_conforming_strings':
      return reset || isOn(value) ? [] : ['standard-conforming-strings-off', 'dangerous-session-change'];
    case 'client_encoding':
    case 'names':
      return reset || (value !== undefined && SAFE_ENCODINGS.test(value.trim()))
        ? []
        : ['client-encoding-change', 'dangerous-session-change'];
    case 'transaction_read_only':
    case 'default_transaction_read_only':
      return isOn(value) ? [] : ['dangerous-session-change'];
    case 'client_min_messages':
      return reset || (value !== undefined && QUIET_LEVELS.has(value.trim().toLowerCase()))
        ? []
        : ['dangerous-session-change'];
    default:
      if (ALWAYS_DANGEROUS.has(lower)) return ['dangerous-session-change'];
      if (lower.startsWith('debug_')) return isOff(value) ? [] : ['dangerous-session-change'];
      return DANGEROUS_PREFIXES.some((prefix) => lower.startsWith(prefix))
        ? ['dangerous-session-change']
        : [];
  }
}

export { isOff as settingIsOff, isOn as settingIsOn };
