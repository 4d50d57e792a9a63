const words = (text: string) => new Set(text.split(/\s+/u).filter((word) => word !== ''));

/** Views of pg_catalog over server files, and the catalogs that hold password hashes and connection secrets. */
export const ADMIN_RELATIONS: ReadonlySet<string> = words(
  'pg_hba_file_rules pg_ident_file_mappings pg_file_settings pg_authid pg_shadow pg_user_mapping pg_largeobject',
);

/**
 * Relations whose rows hold values of other tables or texts of other sessions: samples in the planner's statistics,
 * query texts, sessions' prepared statements and cursors.
 */
export const STATISTICS_RELATIONS: ReadonlySet<string> = words(
  `pg_stats pg_stats_ext pg_stats_ext_exprs pg_statistic pg_statistic_ext_data pg_largeobject
   pg_stat_statements pg_prepared_statements pg_cursors pg_stat_monitor pg_store_plans pg_qualstats pg_qualstats_all
   pg_qualstats_pretty`,
);

/** Columns of pg_stat_activity that show no text of a statement; using only these is plain monitoring. */
export const ACTIVITY_TEXT_COLUMN = 'query';
