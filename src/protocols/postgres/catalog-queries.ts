import { isLocked, lockedCtes, namesLocked, unless } from './catalog-locks.ts';
import { EQ, FIRST_NORMAL, inSystemSchema, kindMatches, NE, part } from './catalog-sql.ts';

/**
 * The catalog's SQL. Every name is qualified, operators too, since a session's search_path may hold shadows of them;
 * literals are typed where an unknown one could pick a user's overload. Each part gives rows of one width, the kind of
 * row first, so that all come in one round trip.
 */

export const VERSION = "SELECT pg_catalog.current_setting('server_version_num'::pg_catalog.text)";

export const SESSION_STATE =
  'SELECT pg_catalog.array_to_json(pg_catalog.current_schemas(true))::pg_catalog.text, ' +
  '(SELECT nspname::pg_catalog.text FROM pg_catalog.pg_namespace WHERE oid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()), ' +
  'CURRENT_USER::pg_catalog.text, ' +
  "pg_catalog.current_setting('standard_conforming_strings'::pg_catalog.text), " +
  "pg_catalog.current_setting('client_encoding'::pg_catalog.text), " +
  // In milliseconds, whatever unit it was given in.
  "(SELECT setting FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) 'lock_timeout'::pg_catalog.text), " +
  'pg_catalog.pg_backend_pid()::pg_catalog.text';

// Details are gathered by joins with grouped sub-selects, not by correlated ones: the planner's estimate of those would
// pass jit_above_cost, and compiling takes longer than the query.
function relations(version: number, around: boolean): string {
  const generated = version >= 120000 ? `a.attgenerated ${NE} ''::pg_catalog."char"` : 'false';
  const columns = `SELECT a.attrelid, pg_catalog.json_agg(pg_catalog.json_build_array(a.attnum, a.attname, a.atttypid, ${generated}, pg_catalog.pg_get_expr(d.adbin, d.adrelid)) ORDER BY a.attnum) AS list
    FROM pg_catalog.pg_attribute a
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid ${EQ} a.attrelid AND d.adnum ${EQ} a.attnum AND ${generated}
      AND NOT ${isLocked(around, 'a.attrelid')}
    WHERE a.attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2 AND NOT a.attisdropped GROUP BY a.attrelid`;
  const parents = `SELECT i.inhrelid, pg_catalog.json_agg(i.inhparent) AS list FROM pg_catalog.pg_inherits i GROUP BY i.inhrelid`;
  const triggers = `SELECT t.tgrelid, pg_catalog.json_agg(t.tgfoid::pg_catalog.oid) AS list FROM pg_catalog.pg_trigger t
    WHERE NOT t.tgisinternal GROUP BY t.tgrelid`;
  const policies = `SELECT y.polrelid, pg_catalog.json_agg(e.text) AS list FROM pg_catalog.pg_policy y
    CROSS JOIN LATERAL (VALUES (pg_catalog.pg_get_expr(y.polqual, y.polrelid)),
      (pg_catalog.pg_get_expr(y.polwithcheck, y.polrelid))) e(text) WHERE e.text IS NOT NULL
    AND NOT ${isLocked(around, 'y.polrelid')} AND NOT ${namesLocked(around, 'pg_policy', 'y.oid')} GROUP BY y.polrelid`;
  const viewLocked = around
    ? `EXISTS (SELECT FROM pg_catalog.pg_rewrite w WHERE w.ev_class ${EQ} c.oid AND ${namesLocked(around, 'pg_rewrite', 'w.oid')})`
    : 'false';
  const definition = `CASE WHEN ${kindMatches('c.relkind', 'vm')} AND NOT ${inSystemSchema('c.relnamespace')}
    THEN ${unless(viewLocked, 'pg_catalog.pg_get_viewdef(c.oid)')} END`;
  const unreadable = around
    ? `${isLocked(around, 'c.oid')} OR EXISTS (SELECT FROM pg_catalog.pg_policy z
      WHERE z.polrelid ${EQ} c.oid AND ${namesLocked(around, 'pg_policy', 'z.oid')})`
    : 'false';
  return part(
    'relation',
    [
      ...['c.oid', 'n.nspname', 'c.relname', 'c.relkind', 'c.reltuples', 'k.list', 'm.list', definition],
      ...['g.list', 'y.list', 'x.indrelid', unreadable, 'pg_catalog.array_to_json(p.conkey)'],
    ],
    `FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid ${EQ} c.relnamespace
     LEFT JOIN (${columns}) k ON k.attrelid ${EQ} c.oid
     LEFT JOIN (${parents}) m ON m.inhrelid ${EQ} c.oid
     LEFT JOIN (${triggers}) g ON g.tgrelid ${EQ} c.oid
     LEFT JOIN pg_catalog.pg_index x ON x.indexrelid ${EQ} c.oid
     LEFT JOIN pg_catalog.pg_constraint p ON p.conrelid ${EQ} c.oid AND p.contype ${EQ} 'p'::pg_catalog."char" AND NOT p.condeferrable
     LEFT JOIN (${policies}) y ON y.polrelid ${EQ} c.oid AND c.relrowsecurity
     WHERE ${kindMatches('c.relkind', 'rpvmfSciI')} AND n.nspname ${NE} 'pg_toast'::pg_catalog.name`,
  );
}

const classOid = (name: string) => `'pg_catalog.${name}'::pg_catalog.regclass`;

/** What calls functions of users, by their names or behind operators. */
function calledFunctions(): string {
  return `SELECT d.classid, d.objid, COALESCE(o.oprcode::pg_catalog.oid, d.refobjid) AS fn FROM pg_catalog.pg_depend d
    LEFT JOIN pg_catalog.pg_operator o ON d.refclassid ${EQ} ${classOid('pg_operator')} AND o.oid ${EQ} d.refobjid
    WHERE (d.refclassid ${EQ} ${classOid('pg_proc')} OR d.refclassid ${EQ} ${classOid('pg_operator')})
    AND d.refobjid OPERATOR(pg_catalog.>=) ${FIRST_NORMAL}::pg_catalog.oid`;
}

/**
 * Functions of users that a table's defaults (with the column's number), CHECKs, index, statistics and partition key
 * expressions call.
 */
function tableFunctions(): string {
  const from = (classId: string, table: string, key: string) =>
    `FROM (${calledFunctions()}) d JOIN pg_catalog.${table} x ON x.${key} ${EQ} d.objid WHERE d.classid ${EQ} ${classOid(classId)}`;
  return part(
    'table-function',
    ['u.relid', 'u.attnum', 'u.fn'],
    `FROM (SELECT x.adrelid AS relid, x.adnum AS attnum, d.fn ${from('pg_attrdef', 'pg_attrdef', 'oid')}
     UNION ALL SELECT x.conrelid, 0::pg_catalog.int2, d.fn ${from('pg_constraint', 'pg_constraint', 'oid')}
       AND x.conrelid ${NE} 0::pg_catalog.oid
     UNION ALL SELECT x.indrelid, 0::pg_catalog.int2, d.fn ${from('pg_class', 'pg_index', 'indexrelid')}
     UNION ALL SELECT x.partrelid, 0::pg_catalog.int2, d.fn ${from('pg_class', 'pg_partitioned_table', 'partrelid')}
     UNION ALL SELECT x.stxrelid, 0::pg_catalog.int2, d.fn ${from('pg_statistic_ext', 'pg_statistic_ext', 'oid')}) u`,
  );
}

/** postgres_fdw's names for the tables behind foreign ones, and for their columns. */
function foreignTables(): string {
  const named = (options: string) =>
    `SELECT pg_catalog.json_object_agg(o.option_name, o.option_value) FROM pg_catalog.pg_options_to_table(${options}) o`;
  return part(
    'foreign-table',
    [
      'f.ftrelid',
      `(${named('f.ftoptions')})`,
      `(SELECT pg_catalog.json_object_agg(a.attname, o.option_value) FROM pg_catalog.pg_attribute a
        CROSS JOIN LATERAL pg_catalog.pg_options_to_table(a.attfdwoptions) o
        WHERE a.attrelid ${EQ} f.ftrelid AND o.option_name ${EQ} 'column_name'::pg_catalog.text)`,
    ],
    `FROM pg_catalog.pg_foreign_table f JOIN pg_catalog.pg_foreign_server s ON s.oid ${EQ} f.ftserver
     JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid ${EQ} s.srvfdw
     WHERE w.fdwname ${EQ} 'postgres_fdw'::pg_catalog.name`,
  );
}

function rules(around: boolean): string {
  return part(
    'rule',
    [
      'r.ev_class',
      'r.ev_type',
      unless(namesLocked(around, 'pg_rewrite', 'r.oid'), 'pg_catalog.pg_get_ruledef(r.oid)'),
    ],
    `FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid ${EQ} r.ev_class
     WHERE r.rulename ${NE} '_RETURN'::pg_catalog.name AND NOT ${inSystemSchema('c.relnamespace')}`,
  );
}

function functions(version: number, around: boolean): string {
  const kind =
    version >= 110000
      ? 'p.prokind'
      : `CASE WHEN p.proisagg THEN 'a' WHEN p.proiswindow THEN 'w' ELSE 'f' END`;
  const standard = version >= 140000 ? 'p.prosqlbody IS NOT NULL' : 'false';
  const body =
    version >= 140000
      ? `CASE WHEN p.prosqlbody IS NOT NULL THEN ${unless(namesLocked(around, 'pg_proc', 'p.oid'), 'pg_catalog.pg_get_function_sqlbody(p.oid)')} ELSE p.prosrc END`
      : 'p.prosrc';
  const extension = `SELECT d.objid, e.extname FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_extension e ON e.oid ${EQ} d.refobjid
    WHERE d.classid ${EQ} 'pg_catalog.pg_proc'::pg_catalog.regclass
    AND d.refclassid ${EQ} 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype ${EQ} 'e'::pg_catalog."char"`;
  const support = `SELECT a.aggfnoid::pg_catalog.oid AS oid, pg_catalog.json_agg(pg_catalog.json_build_array(sn.nspname, s.proname)) AS list
    FROM pg_catalog.pg_aggregate a
    CROSS JOIN LATERAL pg_catalog.unnest(ARRAY[a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn,
      a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn]::pg_catalog.oid[]) AS part(oid)
    JOIN pg_catalog.pg_proc s ON s.oid ${EQ} part.oid
    JOIN pg_catalog.pg_namespace sn ON sn.oid ${EQ} s.pronamespace
    WHERE a.aggfnoid::pg_catalog.oid OPERATOR(pg_catalog.>=) ${FIRST_NORMAL}::pg_catalog.oid GROUP BY a.aggfnoid`;
  return part(
    'function',
    [
      'p.oid',
      'n.nspname',
      'p.proname',
      kind,
      'p.provolatile',
      'p.prosecdef',
      'l.lanname',
      body,
      standard,
      'p.proretset',
      'p.prorettype',
      'p.pronargs',
      'p.pronargdefaults',
      `p.provariadic ${NE} 0::pg_catalog.oid`,
      'pg_catalog.array_to_json(p.proargnames)',
      "pg_catalog.array_to_string(p.proargmodes, ' '::pg_catalog.text)",
      'pg_catalog.array_to_json(p.proconfig)',
      'x.extname',
      'g.list',
      'pg_catalog.array_to_json(COALESCE(p.proallargtypes, p.proargtypes::pg_catalog.oid[]))',
      'pg_catalog.pg_get_expr(p.proargdefaults, 0::pg_catalog.oid)',
    ],
    `FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid ${EQ} p.pronamespace
     JOIN pg_catalog.pg_language l ON l.oid ${EQ} p.prolang
     LEFT JOIN (${extension}) x ON x.objid ${EQ} p.oid
     LEFT JOIN (${support}) g ON g.oid ${EQ} p.oid
     WHERE n.nspname ${NE} 'pg_catalog'::pg_catalog.name OR p.oid OPERATOR(pg_catalog.>=) ${FIRST_NORMAL}::pg_catalog.oid`,
  );
}

/** Functions of initdb's in pg_catalog, each under its least stable overload: one row a volatility. */
function builtins(): string {
  return part(
    'builtin',
    ['b.volatility', "pg_catalog.string_agg(b.proname::pg_catalog.text, ' '::pg_catalog.text)"],
    `FROM (SELECT p.proname, pg_catalog.max(p.provolatile::pg_catalog.text COLLATE pg_catalog."C") AS volatility
       FROM pg_catalog.pg_proc p WHERE p.pronamespace ${EQ} 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid
       AND p.oid OPERATOR(pg_catalog.<) ${FIRST_NORMAL}::pg_catalog.oid GROUP BY p.proname) b
     GROUP BY b.volatility`,
  );
}

function builtinTypes(): string {
  return part(
    'builtin-types',
    ["pg_catalog.string_agg(t.typname::pg_catalog.text, ' '::pg_catalog.text)"],
    `FROM pg_catalog.pg_type t WHERE t.typnamespace ${EQ} 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid`,
  );
}

function operators(): string {
  return part(
    'operator',
    [
      'n.nspname',
      'o.oprname',
      'o.oprcode::pg_catalog.oid',
      `CASE WHEN p.pronamespace ${EQ} 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid THEN p.proname END`,
    ],
    `FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid ${EQ} o.oprnamespace
     LEFT JOIN pg_catalog.pg_proc p ON p.oid ${EQ} o.oprcode::pg_catalog.oid AND p.oid OPERATOR(pg_catalog.<) ${FIRST_NORMAL}::pg_catalog.oid
     WHERE n.nspname ${NE} 'pg_catalog'::pg_catalog.name OR o.oid OPERATOR(pg_catalog.>=) ${FIRST_NORMAL}::pg_catalog.oid`,
  );
}

/** Types outside pg_catalog. Arrays and ranges carry what they are of as base type, so that `domain[]` leads to the domain. */
function types(version: number): string {
  const multi = version >= 140000 ? `OR g.rngmultitypid ${EQ} t.oid` : '';
  const range = `SELECT g.rngsubtype FROM pg_catalog.pg_range g WHERE g.rngtypid ${EQ} t.oid ${multi}`;
  const base = `CASE WHEN t.typtype ${EQ} 'd'::pg_catalog."char" THEN t.typbasetype
    WHEN ${kindMatches('t.typtype', 'rm')} THEN (${range}) ELSE t.typelem END`;
  const checks = `SELECT k.contypid, pg_catalog.json_agg(pg_catalog.pg_get_constraintdef(k.oid)) AS list
    FROM pg_catalog.pg_constraint k
    WHERE k.contypid ${NE} 0::pg_catalog.oid AND k.contype ${EQ} 'c'::pg_catalog."char" GROUP BY k.contypid`;
  const casts = `SELECT side.oid, pg_catalog.json_agg(k.castfunc) AS list
    FROM pg_catalog.pg_cast k CROSS JOIN LATERAL pg_catalog.unnest(ARRAY[k.castsource, k.casttarget]) AS side(oid)
    WHERE k.castfunc OPERATOR(pg_catalog.>=) ${FIRST_NORMAL}::pg_catalog.oid GROUP BY side.oid`;
  const defaults = `SELECT x.objid, pg_catalog.json_agg(x.fn) AS list FROM (${calledFunctions()}) x
    WHERE x.classid ${EQ} ${classOid('pg_type')} GROUP BY x.objid`;
  return part(
    'type',
    ['t.oid', 'n.nspname', 't.typname', 't.typtype', base, 't.typrelid', 'h.list', 'k.list', 'd.list'],
    `FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid ${EQ} t.typnamespace
     LEFT JOIN (${checks}) h ON h.contypid ${EQ} t.oid
     LEFT JOIN (${casts}) k ON k.oid ${EQ} t.oid
     LEFT JOIN (${defaults}) d ON d.objid ${EQ} t.oid AND t.typtype ${EQ} 'd'::pg_catalog."char"
     WHERE n.nspname ${NE} ALL (ARRAY['pg_catalog', 'pg_toast', 'information_schema']::pg_catalog.name[])`,
  );
}

/**
 * Implicit casts, casts to json (which to_json and its like run for a value of the type, json.c), and what sorting,
 * grouping and ranges call that is not compiled: only a superuser can put that there.
 */
function implicitCalls(): string {
  const outside = (column: string) => `${column} OPERATOR(pg_catalog.>=) ${FIRST_NORMAL}::pg_catalog.oid`;
  return part(
    'implicit',
    ['f.oid'],
    `FROM (SELECT k.castfunc AS oid FROM pg_catalog.pg_cast k
       WHERE ${outside('k.castfunc')} AND (k.castcontext ${NE} 'e'::pg_catalog."char" OR k.casttarget ${EQ}
       ANY (ARRAY['pg_catalog.json'::pg_catalog.regtype, 'pg_catalog.jsonb'::pg_catalog.regtype]::pg_catalog.oid[]))
     UNION SELECT p.oid FROM pg_catalog.pg_proc p
       JOIN pg_catalog.pg_language l ON l.oid ${EQ} p.prolang
       JOIN (SELECT m.amproc::pg_catalog.oid AS oid FROM pg_catalog.pg_amproc m
         UNION ALL SELECT o.oprcode::pg_catalog.oid FROM pg_catalog.pg_amop w
           JOIN pg_catalog.pg_operator o ON o.oid ${EQ} w.amopopr
         UNION ALL SELECT r.rngcanonical::pg_catalog.oid FROM pg_catalog.pg_range r
         UNION ALL SELECT r.rngsubdiff::pg_catalog.oid FROM pg_catalog.pg_range r) u ON u.oid ${EQ} p.oid
       WHERE ${outside('p.oid')} AND l.lanname ${NE} ALL (ARRAY['c', 'internal']::pg_catalog.name[])) f`,
  );
}

/** The clones that partitions have of a foreign key count as well: they name the partitions. */
function foreignKeys(): string {
  return part(
    'foreign-key',
    ['k.conrelid', 'k.confrelid', 'pg_catalog.array_to_json(k.confkey)', 'k.confdeltype', 'k.confupdtype'],
    `FROM pg_catalog.pg_constraint k WHERE k.contype ${EQ} 'f'::pg_catalog."char"`,
  );
}

/** Casts to types of pg_catalog by functions outside it. */
function castsToBuiltin(): string {
  return part(
    'builtin-cast',
    ['t.typname', 't.oid', 'k.castfunc'],
    `FROM pg_catalog.pg_cast k JOIN pg_catalog.pg_type t ON t.oid ${EQ} k.casttarget
     WHERE k.castfunc OPERATOR(pg_catalog.>=) ${FIRST_NORMAL}::pg_catalog.oid
     AND t.typnamespace ${EQ} 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid`,
  );
}

const schemas = () =>
  part(
    'schema',
    ['n.nspname', "pg_catalog.has_schema_privilege(n.oid, 'USAGE'::pg_catalog.text)"],
    'FROM pg_catalog.pg_namespace n',
  );

const path = () => part('path', ['pg_catalog.array_to_json(pg_catalog.current_schemas(true))'], '');

/**
 * First and last part: search_path is pg_catalog in between and then what it was. The functions that print views and
 * rules run SQL of their own with unqualified operators (ruleutils.c), so a shadow in the session's path would be run by
 * us, unjudged. Local to the transaction, so an error leaves nothing; parts of UNION ALL run in their order, since
 * set_config is not parallel safe.
 */
const narrowPath = () =>
  part(
    'saved',
    ["pg_catalog.set_config('search_path'::pg_catalog.text, 'pg_catalog'::pg_catalog.text, true)"],
    'FROM saved',
  );
const restorePath = () =>
  part('saved', ["pg_catalog.set_config('search_path'::pg_catalog.text, saved.path, true)"], 'FROM saved');

/** One statement that gives every row the loader reads; `around`: locks of others are gone around, not waited for. */
export function catalogQuery(version: number, around: boolean): string {
  const parts = [
    narrowPath(),
    path(),
    schemas(),
    relations(version, around),
    rules(around),
    functions(version, around),
    builtins(),
    builtinTypes(),
    operators(),
    types(version),
    implicitCalls(),
    castsToBuiltin(),
    foreignKeys(),
    tableFunctions(),
    foreignTables(),
    restorePath(),
  ];
  const saved = "SELECT pg_catalog.current_setting('search_path'::pg_catalog.text)";
  return `WITH saved(path) AS (${saved})${lockedCtes(around)}\n${parts.join('\nUNION ALL\n')}`;
}
