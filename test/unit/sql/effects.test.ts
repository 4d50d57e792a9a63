import { beforeAll, describe, expect, it } from 'vitest';
import { analyze, loadParser, UNPARSEABLE } from '../../../src/sql/analyze.ts';
import { makeCatalog } from '../../../src/sql/memory-catalog.ts';
import { effects, facts, only, session, shop, strictest } from './sample.ts';

beforeAll(loadParser);

describe('texts that are not taken apart', () => {
  it.each([
    ['a syntax error', 'SELEC 1'],
    ['a NUL, which would hide what follows it', 'SELECT 1 \0; DROP TABLE users'],
    ['more than 1 MiB', `SELECT '${'x'.repeat(1 << 20)}'`],
    ['half a surrogate pair', 'SELECT \ud800'],
    ['nesting deeper than the grammar', `SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`],
  ])('%s is one unknown statement with a reason', (_, sql) => {
    const text = facts(sql);
    expect(text.statements[0]?.tag).toBe(UNPARSEABLE);
    expect(strictest(text)).toBe('unknown');
    expect(text.statements[0]?.reasons).toHaveLength(1);
  });

  it('only comments and semicolons are no statement at all', () => {
    expect(facts(' ; -- nothing\n;/* here */').statements).toEqual([]);
    expect(facts('').statements).toEqual([]);
  });
});

describe('offsets', () => {
  it('count UTF-8 bytes, so that each statement can be cut out of the message', () => {
    const sql = "SELECT 'é日🙂'; SELECT 'ü' -- ï\n; DELETE FROM orders";
    const bytes = Buffer.from(sql);
    const cut = facts(sql).statements.map(({ start, end }) => bytes.subarray(start, end).toString().trim());
    expect(cut).toEqual(["SELECT 'é日🙂'", "SELECT 'ü' -- ï", 'DELETE FROM orders']);
  });
});

describe('effects on tables', () => {
  it.each([
    ['SELECT * FROM orders', ['read SELECT public.orders']],
    ['INSERT INTO orders SELECT * FROM users', ['read SELECT public.users', 'write INSERT public.orders']],
    [
      'WITH d AS (DELETE FROM orders RETURNING id) SELECT * FROM d JOIN users USING (id)',
      ['read SELECT public.orders', 'read SELECT public.users', 'write DELETE public.orders'],
    ],
    [
      'SELECT * FROM orders FOR UPDATE',
      ['read SELECT public.orders', 'write SELECT FOR UPDATE public.orders'],
    ],
    ['SELECT * INTO copy FROM orders', ['ddl SELECT INTO public.copy', 'read SELECT public.orders']],
    [
      'CREATE TEMP TABLE copy AS TABLE orders',
      ['ddl CREATE TABLE AS pg_temp.copy', 'read SELECT public.orders'],
    ],
    ['EXPLAIN DELETE FROM orders', ['read DELETE public.orders']],
    ['EXPLAIN (ANALYZE off, ANALYZE on) DELETE FROM orders', ['write DELETE public.orders']],
    ['COPY users TO STDOUT', ['read COPY public.users TO STDOUT']],
    ['COPY orders FROM STDIN', ['write COPY public.orders FROM STDIN']],
    ["COPY (SELECT 1) TO PROGRAM 'sh'", ['admin COPY TO PROGRAM']],
    ['DROP TABLE users, orders', ['ddl DROP TABLE public.orders', 'ddl DROP TABLE public.users']],
    ['ALTER TABLE users DROP COLUMN email', ['ddl ALTER TABLE public.users DROP COLUMN email']],
    ['TRUNCATE orders', ['write TRUNCATE public.orders']],
    ['SELECT * FROM staging', ['read SELECT pg_temp.staging']],
    ['SELECT 1', ['read SELECT']],
    ['SELECT rolname FROM pg_authid', ['admin SELECT pg_catalog.pg_authid']],
    ['UPDATE pg_class SET relname = NULL', ['admin UPDATE pg_catalog.pg_class']],
    ["UPDATE pg_settings SET setting = 'x'", ['session UPDATE pg_catalog.pg_settings']],
  ])('%s', (sql, expected) => {
    expect(effects(sql)).toEqual(expected);
  });

  it('reach through views, rules and partitions to what stands behind them', () => {
    expect(effects('SELECT id FROM users_v')).toEqual([
      'read SELECT public.users < public.users_v',
      'read SELECT public.users_v',
    ]);
    expect(effects('SELECT id FROM users_v FOR UPDATE')).toContain(
      'write SELECT FOR UPDATE public.users < public.users_v',
    );
    expect(effects("UPDATE users_v SET contact = 'x' WHERE id = 1")).toContain(
      'write UPDATE public.users < public.users_v',
    );
    expect(effects("INSERT INTO outbox(msg) VALUES ('x')")).toContain(
      'write DELETE public.orders < public.outbox',
    );
    expect(effects('INSERT INTO copying (id) VALUES (1)')).toContain(
      'write DELETE public.orders < public.purge',
    );
    expect(effects('DELETE FROM events_2025 WHERE id = 1')).toContain(
      'write DELETE public.events < public.events_2025',
    );
    expect(effects('DELETE FROM events WHERE id = 1')).toContain(
      'write DELETE public.events_2025 < public.events',
    );
    expect(effects('DELETE FROM ONLY events WHERE id = 1')).toEqual(['write DELETE public.events']);
  });
});

describe('names', () => {
  it('follow the search path, the temporary schema first', () => {
    expect(effects('SELECT * FROM users', session({ searchPath: ['pg_catalog', 'app', 'public'] }))).toEqual([
      'read SELECT app.users',
    ]);
    expect(effects('SELECT * FROM pg_temp.staging')).toEqual(['read SELECT pg_temp.staging']);
  });

  it('are unknown when the path is, or the catalog has none of that name', () => {
    const lost = session({ searchPath: undefined });
    expect(effects('SELECT * FROM users', lost)).toEqual(['unknown SELECT ?.users']);
    expect(strictest(facts('SELECT now()', lost))).toBe('unknown');
    expect(strictest(facts('SELECT * FROM public.users', lost))).toBe('read');
    expect(only('SELECT * FROM missing').reasons).toEqual(['relation "missing" is not in the catalog']);
    expect(strictest(analyze('SELECT now()', makeCatalog({}), session()))).toBe('unknown');
  });

  it('follow a literal SET search_path within the text, and are lost after a computed one', () => {
    expect(effects('SET search_path = app; SELECT * FROM users')).toContain('read SELECT app.users');
    // The call may not be reached, as in `… WHERE false`.
    expect(effects("SELECT set_config('search_path', 'app', false); SELECT * FROM users")).toContain(
      'unknown SELECT ?.users',
    );
    expect(effects("SELECT set_config('search_path', lower('APP'), false); SELECT * FROM users")).toContain(
      'unknown SELECT ?.users',
    );
    expect(effects('BEGIN; SET LOCAL search_path = app; COMMIT; SELECT * FROM users')).toContain(
      'unknown SELECT ?.users',
    );
    expect(effects('COMMIT; SELECT * FROM users')).toContain('read SELECT public.users');
    expect(effects('SET search_path = app; COMMIT; SELECT * FROM users')).toContain('read SELECT app.users');
    expect(effects('SET search_path = app; ROLLBACK; SELECT * FROM users')).toContain(
      'unknown SELECT ?.users',
    );
    const setBefore = session({ pathIsTransactional: true });
    expect(effects('COMMIT; SELECT * FROM users', setBefore)).toContain('unknown SELECT ?.users');
  });

  it('find the table that the server would find when the text has made another of its name', () => {
    expect(effects('CREATE TEMP TABLE orders (a int); DELETE FROM public.orders')).toContain(
      'write DELETE public.orders',
    );
    expect(effects('CREATE TEMP TABLE orders (a int); DELETE FROM orders')).toContain(
      'write DELETE pg_temp.orders',
    );
    expect(effects('CREATE TABLE app.orders (a int); DELETE FROM orders')).toContain(
      'write DELETE public.orders',
    );
    expect(
      effects('CREATE TEMP TABLE orders (a int); CREATE TABLE app.orders (a int); DELETE FROM orders'),
    ).toContain('unknown DELETE ?.orders');
  });

  it('do not count on objects once the transaction that made them has ended', () => {
    const temporary = 'BEGIN; CREATE TEMP TABLE orders (a int) ON COMMIT DROP';
    expect(effects(`${temporary}; COMMIT; DELETE FROM orders`)).toContain('unknown DELETE ?.orders');
    expect(effects(`${temporary}; ROLLBACK; DELETE FROM orders`)).toContain('unknown DELETE ?.orders');
    expect(effects('BEGIN; CREATE TABLE fresh (a int); COMMIT; DELETE FROM fresh')).toContain(
      'write DELETE public.fresh',
    );
    expect(effects('BEGIN; DELETE FROM orders; ROLLBACK; DELETE FROM orders')).toContain(
      'write DELETE public.orders',
    );
  });

  it('see what earlier statements of the text make, and distrust what they replace', () => {
    expect(strictest(facts('CREATE TABLE fresh (a int); INSERT INTO fresh VALUES (1)'))).toBe('ddl');
    expect(effects('CREATE TEMP VIEW orders AS SELECT 1; SELECT * FROM orders')).toContain(
      'unknown SELECT ?.orders',
    );
    expect(effects('DROP TABLE users; SELECT * FROM users')).toContain('unknown SELECT ?.users');
    const sql = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'DELETE FROM orders; SELECT 1'; SELECT f()";
    expect(effects(sql)).toContain('write DELETE public.orders < public.f');
  });
});

describe('functions', () => {
  it.each([
    ['SELECT purge(1)', 'write'],
    ['SELECT looks_stable()', 'write'],
    ['SELECT * FROM generate_series(1, purge(1))', 'write'],
    ['SELECT id FROM orders ORDER BY purge(1)', 'write'],
    ['VALUES (1) ORDER BY purge(1)', 'write'],
    ['SELECT o.wipe FROM orders o', 'write'],
    ['SELECT (o).wipe FROM orders o', 'write'],
    ['SELECT wipe(o) FROM orders o', 'write'],
    ['SELECT 1 === 2', 'write'],
    ['SELECT 1 OPERATOR(public.===) 2', 'write'],
    ['SELECT 5::sly', 'write'],
    ["SELECT '{5}'::sly[]", 'write'],
    ["SELECT JSON_VALUE('{}', '$' RETURNING sly)", 'write'],
    ['SELECT * FROM cleaning', 'write'],
    ['SELECT even(1)', 'write'],
    ['CALL close_all()', 'write'],
    ["DO $$ BEGIN EXECUTE 'DELETE FROM orders'; END $$", 'write'],
    ['DO $$ BEGIN PERFORM purge(1); END $$', 'write'],
    ['DO $$ DECLARE n int := purge(1); BEGIN NULL; END $$', 'write'],
    ["SELECT query_to_xml('DELETE FROM orders', true, false, '')", 'write'],
    ['EXPLAIN SELECT looks_stable()', 'write'],
    ['SELECT add_tax(3)', 'read'],
    ["SELECT similarity('a', 'b')", 'read'],
    ["EXPLAIN SELECT nextval('s')", 'read'],
    ['DO $$ BEGIN PERFORM add_tax(1); END $$', 'read'],
    ["SELECT nextval('s')", 'write'],
    ['SELECT pg_advisory_lock(1)', 'session'],
    ["SELECT pg_read_file('x')", 'admin'],
    ["SELECT dblink('x', 'y')", 'admin'],
    ['SELECT native()', 'unknown'],
    ["SELECT dynamic('SELECT 1')", 'unknown'],
    ['SELECT brand_new()', 'unknown'],
    ['SELECT no_such_function()', 'unknown'],
    ["SELECT query_to_xml('SELECT ' || '1', true, false, '')", 'unknown'],
    ["DO $$ BEGIN EXECUTE 'DROP ' || 'TABLE x'; END $$", 'unknown'],
    ['DO LANGUAGE plperl $$ 1 $$', 'unknown'],
  ])('%s is %s', (sql, effect) => {
    expect(strictest(facts(sql))).toBe(effect);
  });

  it('resolve names in their bodies by their own search_path', () => {
    expect(effects('SELECT elsewhere()')).toEqual(['read SELECT app.users < public.elsewhere']);
  });

  it('called by a view or a CHECK resolve names by the path of the session, not by that of the definition', () => {
    expect(effects('SELECT n FROM cleaning')).toContain('write DELETE public.orders < public.looks_unbound');
    expect(effects('SELECT 5::sly')).toContain('write DELETE public.orders < public.sly_check');
    const elsewhere = session({ searchPath: ['pg_catalog', 'app'] });
    expect(effects('SELECT n FROM public.cleaning', elsewhere)).toContain(
      'unknown DELETE ?.orders < public.looks_unbound',
    );
  });

  it('are listed with their schema', () => {
    expect(only('SELECT upper(name), add_tax(1) FROM users').functions).toEqual([
      'pg_catalog.upper',
      'public.add_tax',
    ]);
  });

  it('of the user keep a statement from being explained before approval', () => {
    expect(only('DELETE FROM orders WHERE id = 1').explainable).toBe(true);
    expect(only('DELETE FROM orders WHERE id = add_tax(1)').explainable).toBe(false);
    expect(only('DELETE FROM orders WHERE 1 === 2').explainable).toBe(false);
    expect(only('SELECT 5::sly').explainable).toBe(false);
    expect(only('DROP TABLE orders').explainable).toBe(false);
  });
});

it('keeps facts of bodies apart by search_path although it remembers them', () => {
  const sql = 'SELECT contact(1)';
  expect(effects(sql)).toEqual(['read SELECT public.users < public.contact']);
  const other = session({ searchPath: ['pg_catalog', 'app', 'public'] });
  expect(effects(sql, other)).toEqual(['read SELECT app.users < public.contact']);
  expect(analyze(sql, shop, session())).toEqual(analyze(sql, shop, session()));
});

describe('a text that overflows the stack', () => {
  const bombs = [
    `SELECT 1${'+1'.repeat(12_000)}`,
    `SELECT ${'(SELECT '.repeat(3_000)}1${')'.repeat(3_000)}`,
    `SELECT ${'NOT '.repeat(20_000)}true`,
    `SELECT ${'CASE WHEN true THEN '.repeat(4_000)}1${' END'.repeat(4_000)}`,
  ];

  it('is unknown, however often, and harms no statement after it', async () => {
    for (let round = 0; round < 12; round++) {
      for (const bomb of bombs) {
        expect(strictest(facts(bomb))).toBe('unknown');
        await loadParser();
        expect(effects('SELECT * FROM orders')).toEqual(['read SELECT public.orders']);
      }
    }
  });
});
