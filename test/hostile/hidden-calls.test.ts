import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bindMessage, executeMessage, SYNC } from '../../src/protocols/postgres/codec/frontend-builders.ts';
import { loadParser } from '../../src/sql/analyze.ts';
import { TestGateway } from '../servers/gateway.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { errorsOf, loginOf, rawMessage, WireClient } from '../servers/wire-client.ts';

const READING = `version: 1
rules:
  - {name: read, effects: [read, session], decision: allow}
`;

/** Code that writes, put where the server calls it without its name standing in the statement. */
const SCHEMA = `
  CREATE TABLE trail (n int);
  CREATE SEQUENCE seq;
  CREATE FUNCTION act() RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.trail VALUES (1); RETURN 1; END';
  CREATE FUNCTION act_int(int) RETURNS bool LANGUAGE plpgsql AS 'BEGIN PERFORM act(); RETURN true; END';
  CREATE DOMAIN acting AS int CHECK (act_int(VALUE));
  CREATE DOMAIN small AS int CHECK (VALUE < 100);
  CREATE TABLE with_domain (id int, c acting);
  CREATE TABLE plain (id int, c small);
  INSERT INTO plain VALUES (1, 1);
  CREATE FUNCTION takes(acting) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
  CREATE FUNCTION gives(int) RETURNS acting LANGUAGE plpgsql STABLE AS 'BEGIN RETURN $1; END';
  CREATE FUNCTION hands_out(a int, OUT b acting) LANGUAGE plpgsql STABLE AS 'BEGIN b := a; END';
  CREATE FUNCTION doubles(small) RETURNS small LANGUAGE sql IMMUTABLE AS 'SELECT $1';
  CREATE FUNCTION defaulted(a int DEFAULT act()) RETURNS int LANGUAGE sql AS 'SELECT $1';
  CREATE FUNCTION harmless(a int DEFAULT 1 + 1) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
  CREATE FUNCTION declares(int) RETURNS int LANGUAGE plpgsql STABLE AS
    'DECLARE v with_domain.c%TYPE; BEGIN v := $1; RETURN 1; END';
  CREATE FUNCTION assigns(int) RETURNS int LANGUAGE plpgsql STABLE AS
    'DECLARE v with_domain%ROWTYPE; BEGIN v.c := $1; RETURN 1; END';
  CREATE FUNCTION reads_row() RETURNS int LANGUAGE plpgsql STABLE AS
    'DECLARE v plain%ROWTYPE; BEGIN SELECT * INTO v FROM plain; RETURN v.c; END';
  CREATE TABLE guarded (id int);
  INSERT INTO guarded VALUES (1);
  ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
  CREATE POLICY p ON guarded USING (act_int(id));
  CREATE TABLE owned (id int, owner text);
  INSERT INTO owned VALUES (1, 'app');
  ALTER TABLE owned ENABLE ROW LEVEL SECURITY;
  CREATE POLICY p ON owned USING (owner = current_user);
  CREATE FUNCTION folded(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.act() + $1; END';
  CREATE FUNCTION held(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM public.act(); RETURN true; END';
  CREATE FUNCTION folded_pair(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT public.folded($1)';
  CREATE OPERATOR +* (LEFTARG = int, RIGHTARG = int, FUNCTION = folded_pair);
  CREATE TABLE indexed (id int);
  CREATE INDEX ON indexed ((id + folded(1)));
  CREATE TABLE indexed_by_operator (id int);
  CREATE INDEX ON indexed_by_operator ((id + (1 +* 2)));
  CREATE TABLE partly_indexed (id int);
  CREATE INDEX ON partly_indexed (id) WHERE folded(3) = 4;
  CREATE TABLE measured (id int, k int);
  CREATE STATISTICS measured_s ON (id + folded(7)), k FROM measured;
  CREATE TABLE checked (id int);
  CREATE TABLE checked_child (CHECK (held(1))) INHERITS (checked);
  CREATE TABLE parted (id int) PARTITION BY RANGE ((id + folded(0)));
  CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
  CREATE TABLE generated (id int, g int GENERATED ALWAYS AS (folded(id)) STORED);
  CREATE TABLE honest (id int);
  CREATE INDEX ON honest (harmless(id)) WHERE harmless(1) = 1;
  CREATE VIEW acting_view AS SELECT act() AS n;
  CREATE TYPE acting_range AS RANGE (SUBTYPE = acting);
  CREATE TYPE times AS RANGE (SUBTYPE = time);
  CREATE FUNCTION add_up(int, int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 + $2; END';
  CREATE AGGREGATE summed (int) (SFUNC = add_up, STYPE = int, INITCOND = '0');
  CREATE FUNCTION add_acting(int, int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN $1 + act(); END';
  CREATE AGGREGATE acted (int) (SFUNC = add_acting, STYPE = int, INITCOND = '0');
  CREATE FUNCTION opens() RETURNS refcursor LANGUAGE plpgsql AS
    'DECLARE c refcursor; BEGIN OPEN c FOR SELECT id FROM plain; RETURN c; END';
  CREATE FUNCTION opens_acting() RETURNS refcursor LANGUAGE plpgsql AS
    'DECLARE c CURSOR FOR SELECT act(); BEGIN OPEN c; RETURN c; END';
  CREATE SCHEMA own;
  CREATE TABLE own.ruled (id int);
  CREATE RULE r AS ON INSERT TO own.ruled DO ALSO SELECT act();
  CREATE VIEW own.over_ruled AS SELECT * FROM own.ruled;
  CREATE VIEW own.over_that AS SELECT * FROM own.over_ruled;
  CREATE TABLE own.checked_rows (id int CHECK (act_int(id)));
  CREATE VIEW own.over_checked AS SELECT * FROM own.checked_rows;
  CREATE DOMAIN numbered AS int DEFAULT act();
  CREATE TABLE own.numbers (id int, n numbered);
  CREATE TABLE own.left_out (id int PRIMARY KEY, c acting);
  CREATE TABLE own.routed (id int) PARTITION BY RANGE (id);
  CREATE TABLE own.routed_1 PARTITION OF own.routed (CHECK (act_int(id))) FOR VALUES FROM (0) TO (100);
  CREATE TABLE own.defaulted (id int, k int DEFAULT act());
  CREATE TABLE own.mine (id int);
  ALTER TABLE own.mine OWNER TO app;
  ALTER TABLE own.defaulted OWNER TO app;
  CREATE FUNCTION spelt() RETURNS text LANGUAGE plpgsql SET standard_conforming_strings = off AS
    $f$BEGIN RETURN '\\''||public.act()::text||'' --'
    ; END$f$;
  CREATE SCHEMA shadow;
  CREATE FUNCTION look() RETURNS int LANGUAGE sql AS 'SELECT 1';
  CREATE FUNCTION shadow.look() RETURNS int LANGUAGE sql AS 'SELECT public.act()';
  CREATE FUNCTION to_shadow() RETURNS int LANGUAGE plpgsql AS
    $f$BEGIN PERFORM set_config('search_path', 'shadow, public', false); RETURN 1; END$f$;
  CREATE FUNCTION to_shadow_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM to_shadow(); RETURN NEW; END';
  CREATE FUNCTION to_shadow_unread() RETURNS trigger LANGUAGE plpgsql AS
    $f$BEGIN EXECUTE 'SELECT ' || 'to_shadow()'; RETURN NEW; END$f$;
  CREATE TABLE own.by_default (id int, k int DEFAULT to_shadow());
  CREATE TABLE own.by_rule (id int);
  CREATE RULE r AS ON INSERT TO own.by_rule DO ALSO SELECT to_shadow();
  CREATE TABLE own.by_trigger (id int);
  CREATE TRIGGER t BEFORE INSERT ON own.by_trigger FOR EACH ROW EXECUTE FUNCTION to_shadow_row();
  CREATE TABLE own.by_unread (id int);
  CREATE TRIGGER t BEFORE INSERT ON own.by_unread FOR EACH ROW EXECUTE FUNCTION to_shadow_unread();
  CREATE TABLE own.by_policy (id int);
  INSERT INTO own.by_policy VALUES (1);
  ALTER TABLE own.by_policy ENABLE ROW LEVEL SECURITY;
  CREATE POLICY p ON own.by_policy USING (to_shadow() = id);
  CREATE VIEW own.settings AS SELECT * FROM pg_settings;
  CREATE SCHEMA closed;
  CREATE FUNCTION closed.look() RETURNS int LANGUAGE sql AS 'SELECT 1';
  ANALYZE;
  TRUNCATE trail;
  GRANT ALL ON ALL TABLES IN SCHEMA public, own TO app;
  GRANT ALL ON SCHEMA own TO app;
  GRANT USAGE ON SCHEMA shadow TO app;
  GRANT ALL ON SEQUENCE seq TO app;
`;

/** Who may do as it likes in a schema of its own may write nowhere else by way of it. */
const OWNING = `version: 1
rules:
  - {name: read, effects: [read, session], decision: allow}
  - {name: own, effects: [write, ddl], tables: ["own.*", "pg_temp.*"], decision: allow}
`;

const BEYOND = [
  'INSERT INTO own.over_ruled VALUES (1)',
  'INSERT INTO own.over_that VALUES (1)',
  'INSERT INTO own.over_checked VALUES (1)',
  'INSERT INTO own.numbers (id) VALUES (1)',
  'INSERT INTO own.left_out (id) VALUES (1)',
  'INSERT INTO own.routed VALUES (1)',
  // What a definition leaves for later is the definition's.
  ...[
    'CREATE TEMP TABLE t (a int DEFAULT act())',
    'CREATE TEMP TABLE t (a int, b int GENERATED ALWAYS AS (folded(1)) STORED)',
    'CREATE TEMP TABLE t (a numbered)',
    "CREATE TEMP TABLE t (a bigint DEFAULT nextval('seq') + setval('seq', 5))",
    `CREATE TEMP TABLE t (a xml DEFAULT query_to_xml('SELECT act()', true, true, ''))`,
    'CREATE TEMP TABLE t (LIKE own.defaulted INCLUDING ALL, b int)',
    'CREATE TEMP TABLE t (b int) INHERITS (own.defaulted)',
  ].map((definition) => `${definition}; INSERT INTO t SELECT FROM generate_series(1, 1)`),
  'ALTER TABLE own.mine ALTER id SET DEFAULT act(); INSERT INTO own.mine DEFAULT VALUES',
  'CREATE TEMP TABLE t (a int, b int CHECK (act_int(b))); INSERT INTO t (b) VALUES (1)',
  'ALTER TABLE own.mine ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON own.mine USING (act_int(id)); SELECT * FROM own.mine',
  "CREATE FUNCTION pg_temp.f(a int DEFAULT act()) RETURNS int LANGUAGE sql AS 'SELECT $1'; SELECT pg_temp.f()",
  "CREATE FUNCTION pg_temp.f(a acting) RETURNS int LANGUAGE sql AS 'SELECT 1'; SELECT pg_temp.f(1)",
  "CREATE FUNCTION pg_temp.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM act(); RETURN NEW; END'; CREATE TRIGGER t BEFORE INSERT ON own.mine FOR EACH ROW EXECUTE FUNCTION pg_temp.f(); INSERT INTO own.mine VALUES (1)",
  'CREATE TRIGGER t BEFORE INSERT ON own.mine FOR EACH ROW WHEN (act_int(NEW.id)) EXECUTE FUNCTION suppress_redundant_updates_trigger(); INSERT INTO own.mine VALUES (1)',
  'SELECT spelt()',
  // Up to PostgreSQL 17 a body in SQL is bound before any of it runs.
  "CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE sql AS 'CREATE TEMP TABLE trail (n int); INSERT INTO trail VALUES (1)'; SELECT pg_temp.f()",
  `SET LOCAL search_path = shadow, public; CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS
   'SET LOCAL search_path = public; SELECT look()'; SELECT pg_temp.f()`,
  // Which statements of a block run, and in which order, is not told.
  'DO $$ BEGIN IF false THEN CREATE TEMP TABLE trail (n int); END IF; INSERT INTO trail VALUES (1); END $$',
  `DO $$ BEGIN BEGIN CREATE TEMP TABLE trail (n int); RAISE EXCEPTION 'no';
   EXCEPTION WHEN OTHERS THEN INSERT INTO trail VALUES (1); END; END $$`,
  'DO $$ BEGIN FOR i IN 1..2 LOOP PERFORM look(); SET LOCAL search_path = shadow, public; END LOOP; END $$',
  `DO $$ BEGIN FOR i IN 1..2 LOOP PERFORM look();
   PERFORM set_config('search_path', concat('shadow', ', public'), true); END LOOP; END $$`,
  'DO $$ BEGIN SET LOCAL search_path = shadow, public; DECLARE n int := look(); BEGIN NULL; END; END $$',
  'SET LOCAL search_path = shadow, public; DO $$ BEGIN IF false THEN SET LOCAL search_path = public; END IF; PERFORM look(); END $$',
  `SET LOCAL search_path = shadow, public; DO $$ BEGIN BEGIN SET LOCAL search_path = public; RAISE EXCEPTION 'no';
   EXCEPTION WHEN OTHERS THEN PERFORM look(); END; END $$`,
];

/** Ways to another search path that no word of the statement shows. */
const LEADING_ASIDE = [
  'INSERT INTO own.by_default (id) VALUES (1)',
  'INSERT INTO own.by_rule VALUES (1)',
  'INSERT INTO own.by_trigger VALUES (1)',
  'INSERT INTO own.by_unread VALUES (1)',
  'SELECT * FROM own.by_policy',
  "UPDATE own.settings SET setting = 'shadow, public' WHERE name = 'search_path'",
];

const AT_HOME = [
  "CREATE TEMP TABLE t (id uuid DEFAULT gen_random_uuid(), at timestamptz DEFAULT now(), n serial, t text DEFAULT 'a' CHECK (length(t) < 5), h int DEFAULT harmless()); INSERT INTO t DEFAULT VALUES",
  'CREATE TEMP TABLE t (id int); ALTER TABLE t ALTER id SET DEFAULT 5; INSERT INTO t DEFAULT VALUES; SELECT * FROM t',
  'INSERT INTO own.mine VALUES (1)',
  'DO $$ BEGIN IF true THEN CREATE TEMP TABLE fresh (id int); END IF; INSERT INTO fresh VALUES (1); END $$',
  'DO $$ BEGIN SET LOCAL search_path = own, public; INSERT INTO mine VALUES (3); END $$',
  "DO $$ BEGIN FOR i IN 1..2 LOOP PERFORM set_config('app.n', i::text, true); INSERT INTO own.mine VALUES (i); END LOOP; END $$",
  'DO $$ BEGIN CREATE TEMP TABLE t (id int); EXCEPTION WHEN duplicate_table THEN NULL; END $$; INSERT INTO own.mine VALUES (2)',
];

/** Operators, casts and a btree class of types that any statement may use: in a database of their own. */
const SORTED = `
  CREATE TABLE trail (n int);
  CREATE TABLE plain (id int, c int);
  INSERT INTO plain VALUES (1, 1);
  CREATE FUNCTION act() RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO trail VALUES (1); RETURN 1; END';
  CREATE FUNCTION act_pair(int, text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN PERFORM act(); RETURN true; END';
  CREATE OPERATOR = (LEFTARG = int, RIGHTARG = text, FUNCTION = act_pair);
  CREATE FUNCTION from_money(money) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN act(); END';
  CREATE CAST (money AS int) WITH FUNCTION from_money(money);
  CREATE TYPE pt AS (x int);
  CREATE FUNCTION cmp(pt, pt) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN INSERT INTO trail VALUES (1); RETURN $1.x - $2.x; END';
  CREATE FUNCTION lt(pt, pt) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1.x < $2.x';
  CREATE FUNCTION eq(pt, pt) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1.x = $2.x';
  CREATE FUNCTION gt(pt, pt) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1.x > $2.x';
  CREATE OPERATOR <<<< (LEFTARG = pt, RIGHTARG = pt, FUNCTION = lt);
  CREATE OPERATOR ==== (LEFTARG = pt, RIGHTARG = pt, FUNCTION = eq);
  CREATE OPERATOR >>>> (LEFTARG = pt, RIGHTARG = pt, FUNCTION = gt);
  CREATE OPERATOR CLASS pt_ops DEFAULT FOR TYPE pt USING btree AS
    OPERATOR 1 <<<<, OPERATOR 3 ====, OPERATOR 5 >>>>, FUNCTION 1 cmp(pt, pt);
  CREATE TABLE pts (p pt);
  INSERT INTO pts VALUES (ROW(1)), (ROW(2)), (ROW(1));
  GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
`;

const HIDDEN = [
  "SELECT ('seq'::regclass).nextval",
  "SELECT t.nextval FROM unnest(ARRAY['seq'::regclass]) t",
  "SELECT (('seq'::regclass)).nextval FROM plain",
  'SELECT (1).acting',
  "SELECT ('SELECT to_tsvector(''a'')'::text).ts_stat",
  'SELECT takes(1)',
  'SELECT gives(1)',
  'SELECT * FROM gives(1)',
  'SELECT hands_out(1)',
  'SELECT defaulted()',
  'SELECT declares(1)',
  'SELECT assigns(1)',
  'DO $$ DECLARE v with_domain.c%TYPE := 3; BEGIN END $$',
  'DO $$ DECLARE v with_domain%ROWTYPE; BEGIN v.c := 3; END $$',
  `SELECT json_populate_record(d, '{"c": 5}') FROM with_domain d`,
  `SELECT jsonb_populate_recordset(d, '[{"c": 5}]') FROM (SELECT (NULL::with_domain).*) d(id, c)`,
  "SELECT pg_input_is_valid('1', 'acting')",
  "SELECT pg_input_is_valid('1', concat('act', 'ing'))",
  "SELECT * FROM pg_input_error_info('1', 'public.acting')",
  'PREPARE p(acting) AS SELECT $1; EXECUTE p(1)',
  'SELECT * FROM guarded',
  // Planning folds calls with constants, wherever a table's own expressions have them.
  'SELECT * FROM indexed',
  'EXPLAIN SELECT * FROM indexed',
  'SELECT * FROM indexed_by_operator',
  'SELECT * FROM partly_indexed',
  'SELECT * FROM measured',
  'SELECT * FROM checked WHERE id = 1',
  'SELECT * FROM parted WHERE id = 1',
  'EXPLAIN UPDATE parted SET id = 2',
  'WITH q AS (TABLE indexed) SELECT 1 FROM q',
  // Relations that a name in a value reads are read with all they run.
  "SELECT table_to_xml('acting_view', true, true, '')",
  "SELECT table_to_xml('guarded', true, true, '')",
  "SELECT schema_to_xml('public', true, true, '')",
  "SELECT database_to_xml(true, true, '')",
  "SELECT '[1,2)'::acting_range",
  'SELECT acting_range(1, 2)',
  'SELECT acted(id) FROM plain',
  'BEGIN; SELECT opens_acting(); FETCH ALL IN c',
  'ROLLBACK',
];

const ORDINARY = [
  'SELECT doubles(c) FROM plain',
  'SELECT harmless()',
  'SELECT reads_row()',
  "SELECT CASE 'a' WHEN 'b' THEN 1 ELSE 2 END",
  "SELECT '12'::text::numeric, 3::bigint, '5'::small",
  'SELECT p.id FROM plain p ORDER BY p.c',
  "PREPARE p(text, small) AS SELECT $1, $2; EXECUTE p('x', 1)",
  `SELECT json_populate_record(NULL::plain, '{"c": 5}')`,
  'SELECT * FROM owned',
  'SELECT * FROM honest',
  'SELECT * FROM generated',
  "SELECT table_to_xml('plain', true, true, '')",
  "SELECT '[8:00,9:00)'::times @> '8:30'::time, times('8:00', '9:00', '[]')",
  'SELECT summed(id) FROM plain',
];

/** A cast to json, of which to_json and its like make use without a word. */
const JSON_CAST = `
  CREATE TABLE trail (n int);
  CREATE TYPE mood AS ENUM ('ok');
  CREATE TABLE felt (m mood);
  INSERT INTO felt VALUES ('ok');
  CREATE FUNCTION as_json(mood) RETURNS json LANGUAGE plpgsql AS
    'BEGIN INSERT INTO trail VALUES (1); RETURN ''1''; END';
  CREATE CAST (mood AS json) WITH FUNCTION as_json(mood);
  GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
`;

describe.each(['debian', 'embedded'] as const)(
  'code that no word names, on PostgreSQL from %s',
  (version) => {
    let server: TestPostgres;
    let gateway: TestGateway;
    let client: pg.Client;

    beforeAll(async () => {
      await loadParser();
      server = await startPostgres({ version });
      await server.createRole('app', 'app');
      await server.query(SCHEMA);
      await server.query('CREATE DATABASE sorted');
      await server.query(SORTED, 'sorted');
      await server.query('CREATE DATABASE json_cast');
      await server.query(JSON_CAST, 'json_cast');
      gateway = await TestGateway.start(server.url('app', 'app'), { policy: READING });
      client = new pg.Client(gateway.url());
      await client.connect();
    }, 60_000);
    afterAll(async () => {
      await client?.end();
      await gateway?.stop();
      await server?.stop();
    });

    const traces = async () => {
      const [row] = await server.query('SELECT count(*) + (SELECT is_called::int FROM seq) AS n FROM trail');
      return Number(row?.n);
    };

    it.each(HIDDEN)('%s leaves no trace', async (sql) => {
      const before = await traces();
      await client.query(sql).catch(() => {});
      expect(await traces()).toBe(before);
    });

    it.each(ORDINARY)('%s runs', async (sql) => {
      await client.query('DEALLOCATE ALL');
      await expect(client.query(sql)).resolves.toBeDefined();
    });

    describe('whose requester may write a schema of its own', () => {
      let owning: TestGateway;
      beforeAll(async () => {
        owning = await TestGateway.start(server.url('app', 'app'), { policy: OWNING });
      });
      afterAll(() => owning?.stop());

      const inSession = async (...texts: readonly string[]) => {
        const one = new pg.Client(owning.url());
        await one.connect();
        const failed: string[] = [];
        for (const text of texts)
          await one.query(text).catch((error: Error) => {
            failed.push(error.message);
          });
        await one.end();
        return failed;
      };

      it.each(BEYOND)('%s leaves no trace', async (sql) => {
        const before = await traces();
        await inSession(`BEGIN; ${sql}`, 'COMMIT');
        expect(await traces()).toBe(before);
      });

      it.each(LEADING_ASIDE)('%s is followed to where names lead then', async (sql) => {
        const before = await traces();
        expect(await inSession(sql, 'SELECT look()')).toHaveLength(1);
        expect(await traces()).toBe(before);
      });

      it('passes over schemas that the credential may not use only where the server does', async () => {
        const before = await traces();
        await inSession('SET search_path = closed, shadow; SELECT look()');
        expect(await traces()).toBe(before);
      });

      it.each(AT_HOME)('%s runs', async (sql) => {
        expect(await inSession(sql)).toEqual([]);
      });
    });

    it('lets a cursor be read that a function has opened, until its transaction ends', async () => {
      await client.query('BEGIN');
      const opened = await client.query('SELECT opens()');
      const fetch = `FETCH ALL IN "${opened.rows[0].opens}"`;
      expect((await client.query(fetch)).rows).toEqual([{ id: 1 }]);
      await client.query('COMMIT');
      await expect(client.query(fetch)).rejects.toThrow();
    });

    it('refuses a parameter of a type that Parse alone names', async () => {
      const [row] = await server.query("SELECT 'acting'::regtype::oid::int AS oid");
      const before = await traces();
      const oid = Buffer.alloc(6);
      oid.writeInt16BE(1);
      oid.writeUInt32BE(Number(row?.oid), 2);
      const wire = await WireClient.login(loginOf(gateway.url()));
      const parse = rawMessage('P', Buffer.concat([Buffer.from('\0SELECT $1\0'), oid]));
      wire.send(
        parse,
        bindMessage({ portal: '', statement: '', parameters: ['1'] }),
        executeMessage(''),
        SYNC,
      );
      expect(errorsOf(await wire.untilReady())).toEqual(['42501']);
      expect(await traces()).toBe(before);
      wire.destroy();
    });

    it.each([
      {
        database: 'sorted',
        what: 'comparisons, casts and sorting',
        statements: [
          "SELECT CASE 1 WHEN 'a'::text THEN 1 END",
          "SELECT CASE id WHEN 'a'::text THEN 1 END FROM plain",
          "SELECT '1'::money::int",
          "SELECT ROW('1'::money, 1)::plain",
          'SELECT DISTINCT p FROM pts',
          'SELECT p FROM pts ORDER BY p',
          'SELECT p FROM pts GROUP BY p',
          'SELECT greatest(p, p) FROM pts',
          'SELECT pts FROM pts ORDER BY pts',
        ],
      },
      {
        database: 'json_cast',
        what: 'a cast to json',
        statements: [
          'SELECT to_json(m) FROM felt',
          'SELECT row_to_json(f) FROM felt f',
          'SELECT jsonb_agg(m) FROM felt',
          "SELECT json_build_object('m', m) FROM felt",
          'SELECT array_to_json(ARRAY[m]) FROM felt',
        ],
      },
    ])('counts what $what of a database run', async ({ database, statements }) => {
      const other = await TestGateway.start(server.url('app', 'app', database), { policy: READING });
      const one = new pg.Client(other.url());
      await one.connect();
      for (const sql of statements) await expect(one.query(sql)).rejects.toThrow();
      expect(await server.query('SELECT count(*)::int AS n FROM trail', database)).toEqual([{ n: 0 }]);
      await one.end();
      await other.stop();
    });
  },
);
