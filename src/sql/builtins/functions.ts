import type { Effect } from '../facts.ts';

/**
 * Functions of pg_catalog that do more than read, by effect. Everything else there is read, unless it is
 * volatile and not among `QUIET_VOLATILE`: then nobody looked at it yet and it is unknown.
 * Source: PostgreSQL docs 9.27 (administration), 9.17 (sequences), 33 (large objects), pg_proc of 10 to 18.
 */
const BY_EFFECT: Readonly<Record<Exclude<Effect, 'read' | 'ddl'>, string>> = {
  write: `nextval setval pg_notify lo_creat lo_create lo_from_bytea lo_put lo_truncate lo_truncate64 lo_unlink lowrite
    tsvector_update_trigger tsvector_update_trigger_column suppress_redundant_updates_trigger unique_key_recheck`,
  session: `set_config setseed pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all
    pg_advisory_unlock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_lock
    pg_try_advisory_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared pg_export_snapshot
    pg_stat_clear_snapshot pg_stat_force_next_flush`,
  admin: `lo_import lo_export pg_read_file pg_read_binary_file pg_read_file_old pg_read_file_all pg_read_file_off_len
    pg_read_binary_file_all pg_read_binary_file_off_len pg_stat_file
    pg_ls_dir pg_ls_logdir pg_ls_waldir pg_ls_tmpdir pg_ls_archive_statusdir pg_ls_logicalmapdir pg_ls_logicalsnapdir
    pg_ls_replslotdir pg_ls_summariesdir pg_logdir_ls pg_file_write pg_file_rename pg_file_unlink pg_file_sync
    pg_file_read pg_file_length pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings
    pg_terminate_backend pg_cancel_backend pg_reload_conf pg_rotate_logfile pg_rotate_logfile_old
    pg_log_backend_memory_contexts pg_get_process_memory_contexts
    pg_switch_wal pg_switch_xlog pg_create_restore_point pg_logical_emit_message pg_log_standby_snapshot
    pg_start_backup pg_stop_backup pg_backup_start pg_backup_stop pg_promote pg_wal_replay_pause pg_wal_replay_resume
    pg_xlog_replay_pause pg_xlog_replay_resume
    pg_create_physical_replication_slot pg_create_logical_replication_slot pg_drop_replication_slot
    pg_copy_physical_replication_slot pg_copy_logical_replication_slot pg_replication_slot_advance
    pg_sync_replication_slots pg_logical_slot_get_changes pg_logical_slot_peek_changes
    pg_logical_slot_get_binary_changes pg_logical_slot_peek_binary_changes
    pg_replication_origin_create pg_replication_origin_drop pg_replication_origin_advance
    pg_replication_origin_session_setup pg_replication_origin_session_reset pg_replication_origin_xact_setup
    pg_replication_origin_xact_reset
    pg_stat_reset pg_stat_reset_shared pg_stat_reset_single_table_counters pg_stat_reset_single_function_counters
    pg_stat_reset_slru pg_stat_reset_replication_slot pg_stat_reset_subscription_stats pg_stat_reset_backend_stats
    pg_clear_attribute_stats pg_clear_relation_stats pg_restore_attribute_stats pg_restore_relation_stats
    pg_set_attribute_stats pg_set_relation_stats
    pg_import_system_collations pg_nextoid pg_stop_making_pinned_objects pg_extension_config_dump
    binary_upgrade_set_record_init_privs binary_upgrade_create_empty_extension
    binary_upgrade_add_sub_rel_state binary_upgrade_replorigin_advance binary_upgrade_logical_slot_has_caught_up
    brin_desummarize_range brin_summarize_new_values brin_summarize_range gin_clean_pending_list
    gin_clean_pending_list amvalidate`,
  unknown: `domain_in domain_recv plpgsql_inline_handler plpgsql_call_handler ts_rewrite cursor_to_xml
    cursor_to_xmlschema currtid2 record_in record_recv array_in array_recv range_in multirange_in`,
};

/** Volatile, yet nothing stays behind: what they do is return a changing value, look, or wait. */
const QUIET_VOLATILE = `clock_timestamp timeofday random random_normal gen_random_uuid uuidv4 uuidv7 array_sample array_shuffle
  bernoulli system current_query currval lastval pg_sequence_last_value pg_get_sequence_data pg_sleep pg_sleep_for pg_sleep_until
  lo_get lo_open lo_close loread lo_lseek lo_lseek64 lo_tell lo_tell64
  pg_blocking_pids pg_safe_snapshot_blocking_pids pg_isolation_test_session_is_blocked
  pg_collation_actual_version pg_database_collation_actual_version
  pg_control_checkpoint pg_control_init pg_control_recovery pg_control_system pg_current_logfile
  pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn pg_current_xlog_location
  pg_database_size pg_indexes_size pg_relation_size pg_table_size pg_tablespace_size pg_total_relation_size
  pg_get_backend_memory_contexts pg_get_multixact_members pg_get_shmem_allocations pg_get_shmem_allocations_numa
  pg_get_aios pg_get_loaded_modules pg_get_wait_events pg_get_wal_replay_pause_state pg_get_wal_resource_managers
  pg_get_wal_summarizer_state pg_available_wal_summaries pg_wal_summary_contents
  pg_is_in_recovery pg_is_wal_replay_paused pg_jit_available pg_last_committed_xact pg_last_wal_receive_lsn
  pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_lock_status pg_notification_queue_usage
  pg_partition_ancestors pg_partition_tree pg_prepared_xact pg_replication_origin_progress
  pg_replication_origin_session_is_setup pg_replication_origin_session_progress pg_show_replication_origin_status
  pg_stat_get_backend_io pg_stat_get_backend_wal pg_stat_get_io pg_stat_get_recovery_prefetch
  pg_stat_get_xact_blocks_fetched pg_stat_get_xact_blocks_hit pg_stat_get_xact_function_calls
  pg_stat_get_xact_function_self_time pg_stat_get_xact_function_total_time pg_stat_get_xact_numscans
  pg_stat_get_xact_tuples_deleted pg_stat_get_xact_tuples_fetched pg_stat_get_xact_tuples_hot_updated
  pg_stat_get_xact_tuples_newpage_updated pg_stat_get_xact_tuples_inserted pg_stat_get_xact_tuples_returned
  pg_stat_get_xact_tuples_updated pg_stat_have_stats pg_xact_commit_timestamp pg_xact_commit_timestamp_origin
  pg_xact_status txid_status txid_current pg_current_xact_id`;

/** Move the sequence that their first argument names. */
export const SEQUENCE_WRITERS: ReadonlySet<string> = new Set(['nextval', 'setval']);

/** Read a value as one of the type whose name is the second argument. */
export const MAKES_NAMED_TYPES: ReadonlySet<string> = new Set(['pg_input_is_valid', 'pg_input_error_info']);

/** Make a row of the type of their first argument, pg_catalog's and those of hstore. */
export const POPULATES: ReadonlySet<string> = new Set([
  'json_populate_record',
  'json_populate_recordset',
  'jsonb_populate_record',
  'jsonb_populate_recordset',
  'jsonb_populate_record_valid',
  'populate_record',
]);

/** Run SQL text given as an argument: `argument` counts from 0. */
export const SQL_RUNNERS: Readonly<Record<string, number>> = {
  query_to_xml: 0,
  query_to_xmlschema: 0,
  query_to_xml_and_xmlschema: 0,
  ts_stat: 0,
};

/** Read whole relations whose name (or schema) is an argument, or every table there is. */
export const RELATION_READERS: Readonly<Record<string, 'relation' | 'schema' | 'database'>> = {
  table_to_xml: 'relation',
  table_to_xmlschema: 'relation',
  table_to_xml_and_xmlschema: 'relation',
  schema_to_xml: 'schema',
  schema_to_xmlschema: 'schema',
  schema_to_xml_and_xmlschema: 'schema',
  database_to_xml: 'database',
  database_to_xmlschema: 'database',
  database_to_xml_and_xmlschema: 'database',
};

/** Advisory locks that wait for their turn; `lock_timeout` ends the wait. */
export const WAITING_LOCKS: ReadonlySet<string> = new Set([
  'pg_advisory_lock',
  'pg_advisory_lock_shared',
  'pg_advisory_xact_lock',
  'pg_advisory_xact_lock_shared',
]);

/** Show other sessions' texts or samples of column values. */
const STATISTICS_READERS = `pg_stat_get_activity pg_stat_get_backend_activity pg_mcv_list_items pg_stats_ext_mcvlist_items
  pg_ndistinct_out pg_stat_get_progress_info pg_prepared_statement pg_cursor`;

/** Show bytes of files, pages or logs of the server, where every table's values are. */
const STORAGE_READERS = `pg_read_file pg_read_binary_file pg_read_file_old pg_read_file_all pg_read_file_off_len
  pg_read_binary_file_all pg_read_binary_file_off_len pg_file_read lo_import lo_export
  pg_logical_slot_get_changes pg_logical_slot_peek_changes pg_logical_slot_get_binary_changes
  pg_logical_slot_peek_binary_changes pg_create_logical_replication_slot pg_copy_logical_replication_slot
  pg_wal_summary_contents brin_page_items`;

const words = (text: string) => text.split(/\s+/u).filter((word) => word !== '');

const EFFECTS_BY_NAME: ReadonlyMap<string, Effect> = new Map([
  ...words(QUIET_VOLATILE).map((name): [string, Effect] => [name, 'read']),
  ...Object.entries(BY_EFFECT).flatMap(([effect, names]) =>
    words(names).map((name): [string, Effect] => [name, effect as Effect]),
  ),
]);
const STORAGE: ReadonlySet<string> = new Set(words(STORAGE_READERS));
const STATISTICS: ReadonlySet<string> = new Set(words(STATISTICS_READERS));

/** Effect of calling a function of pg_catalog, `volatility` being that of its least stable overload. */
export function builtinEffect(name: string, volatility: 'immutable' | 'stable' | 'volatile'): Effect {
  const listed = EFFECTS_BY_NAME.get(name);
  if (listed !== undefined) return listed;
  // One-off set-up calls of pg_upgrade, all alike: they change what the next DDL allocates.
  if (name.startsWith('binary_upgrade_')) return 'admin';
  return volatility === 'volatile' ? 'unknown' : 'read';
}

export const readsStatistics = (functionName: string): boolean => STATISTICS.has(functionName);

export const readsStorage = (functionName: string): boolean => STORAGE.has(functionName);
