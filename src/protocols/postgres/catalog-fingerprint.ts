/**
 * Number of rows and latest writing transaction of each catalog read: a row added, changed or removed shows in one of
 * the two (a removed one in the count). Ages are counted, since transaction ids wrap round.
 */
export const FINGERPRINT = [
  'pg_class',
  'pg_attribute',
  'pg_proc',
  'pg_type',
  'pg_operator',
  'pg_cast',
  'pg_rewrite',
  'pg_inherits',
  'pg_constraint',
  'pg_namespace',
  'pg_aggregate',
  'pg_trigger',
  'pg_attrdef',
  'pg_policy',
  'pg_amproc',
  'pg_amop',
  'pg_foreign_table',
  'pg_statistic_ext',
]
  .map(
    (table) =>
      `SELECT '${table}'::pg_catalog.text, pg_catalog.count(*)::pg_catalog.text, ` +
      `pg_catalog.sum(pg_catalog.hashtext(x.xmin::pg_catalog.text)::pg_catalog.int8)::pg_catalog.text ` +
      `FROM pg_catalog.${table} x`,
  )
  .join(' UNION ALL ');
