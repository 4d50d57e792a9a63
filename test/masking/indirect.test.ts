import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadParser } from '../../src/sql/analyze.ts';
import { errorOf, loginOf, WireClient } from '../servers/wire-client.ts';
import { CORPUS_POLICY, MaskingBench } from './bench.ts';
import { SECRETS } from './cases.ts';
import { bytesOf, converse, type Mode } from './conversation.ts';
import { disguises } from './random-queries.ts';

const POLICY = `${CORPUS_POLICY}  - {name: people, columns: ["public.people*.email"], strategy: redact}
`;

/** Ways by which a value gets from a masked column into a place that no statement names with it. */
const SCHEMA = `
CREATE FUNCTION defaulted(a text DEFAULT user_contact(1)) RETURNS text LANGUAGE sql STABLE AS 'SELECT $1';
CREATE FUNCTION says() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  DECLARE v text; BEGIN SELECT email INTO v FROM users WHERE id = 1; RAISE NOTICE 'x %', v; RETURN NEW; END $$;
CREATE TABLE told (id int);
CREATE TRIGGER t BEFORE INSERT ON told FOR EACH ROW EXECUTE FUNCTION says();
CREATE FUNCTION says_computed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  DECLARE v text; BEGIN EXECUTE 'SELECT email FROM users WHERE id = ' || 1 INTO v; RAISE EXCEPTION 'x %', v; END $$;
CREATE TABLE failing (id int);
CREATE TRIGGER t BEFORE INSERT ON failing FOR EACH ROW EXECUTE FUNCTION says_computed();
CREATE FUNCTION fills() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  BEGIN SELECT email INTO NEW.t FROM users WHERE id = 1; RETURN NEW; END $$;
CREATE TABLE filled (id int, t text, u text);
CREATE TRIGGER t BEFORE INSERT ON filled FOR EACH ROW EXECUTE FUNCTION fills();
CREATE FUNCTION assigns() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  DECLARE v text; BEGIN v := user_contact(1); NEW.t := v; RETURN NEW; END $$;
CREATE TABLE assigned (id int, t text, u text);
CREATE TRIGGER t BEFORE INSERT ON assigned FOR EACH ROW EXECUTE FUNCTION assigns();
CREATE FUNCTION checks(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$
  DECLARE v text; BEGIN SELECT email INTO v FROM users WHERE id = 1; RAISE NOTICE 'x %', v; RETURN true; END $$;
CREATE TABLE checked (id int CHECK (checks(id)));
CREATE TABLE by_default (id int, t text DEFAULT user_contact(1), u text DEFAULT 'open');
CREATE FUNCTION stamps() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN NEW.u := 'stamped'; RETURN NEW; END $$;
CREATE TABLE stamped (id int UNIQUE, u text);
CREATE TRIGGER t BEFORE INSERT ON stamped FOR EACH ROW EXECUTE FUNCTION stamps();
CREATE FUNCTION copies() RETURNS trigger LANGUAGE plpgsql AS $$
  DECLARE v text; BEGIN NEW.a := lower(NEW.email); SELECT NEW.email INTO NEW.b; v := NEW.email; NEW.c := 'x' || v;
  NEW.stamp := 'now'; NEW.slug := lower(NEW.name); IF NEW.name <> NEW.slug THEN NEW.n := 1; END IF; RETURN NEW; END $$;
CREATE TABLE people (id int, name text, email text, a text, b text, c text, stamp text, slug text, n int);
CREATE TRIGGER t BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION copies();
CREATE FUNCTION whole_row() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN NEW := jsonb_populate_record(NEW, jsonb_build_object('t', NEW.email)); RETURN NEW; END $$;
CREATE TABLE people_whole (id int, email text, t text);
CREATE TRIGGER t BEFORE INSERT ON people_whole FOR EACH ROW EXECUTE FUNCTION whole_row();
CREATE FUNCTION returned_row() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN RETURN jsonb_populate_record(NEW, jsonb_build_object('t', NEW.email)); END $$;
CREATE TABLE people_returned (id int, email text, t text);
CREATE TRIGGER t BEFORE INSERT ON people_returned FOR EACH ROW EXECUTE FUNCTION returned_row();
CREATE TABLE letters (user_id int, address text, sent text);
CREATE FUNCTION write_letter(who int) RETURNS void LANGUAGE sql AS
  'INSERT INTO letters SELECT id, email, ''no'' FROM users WHERE id = who';
CREATE FUNCTION orders_letter() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN PERFORM write_letter(NEW.user_id); RETURN NEW; END $$;
CREATE TABLE wishes (user_id int);
CREATE TRIGGER t AFTER INSERT ON wishes FOR EACH ROW EXECUTE FUNCTION orders_letter();
CREATE TABLE changed_names (id int, was text, mail text);
CREATE FUNCTION note_changes() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN INSERT INTO changed_names SELECT id, name, email FROM before_it; RETURN NULL; END $$;
CREATE TRIGGER zz AFTER UPDATE ON users REFERENCING OLD TABLE AS before_it FOR EACH STATEMENT EXECUTE FUNCTION note_changes();
INSERT INTO people(id, name, email) SELECT id, name, email FROM users;
INSERT INTO people_whole(id, email) SELECT id, email FROM users;
INSERT INTO people_returned(id, email) SELECT id, email FROM users;
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '@PORT@', dbname 'corpus');
CREATE USER MAPPING FOR PUBLIC SERVER loop OPTIONS (user 'postgres', password '@PASSWORD@', password_required 'false');
CREATE FOREIGN TABLE far_users (id int, name text, email text, secret text OPTIONS (column_name 'ssn'))
  SERVER loop OPTIONS (schema_name 'public', table_name 'users');
CREATE FOREIGN TABLE far_view (id int, contact text) SERVER loop OPTIONS (schema_name 'public', table_name 'users_v');
GRANT ALL ON ALL TABLES IN SCHEMA public TO hc_app`;

const HIDDEN = [...new Set(SECRETS.flatMap(disguises))].map((text) => Buffer.from(text));
const MODES: readonly Mode[] = [
  { protocol: 'simple', format: 'text', tls: false },
  { protocol: 'extended', format: 'binary', tls: false },
];

/** None of these may show a secret; `;;` parts messages. */
const SHOWING = [
  'SELECT email FROM (SELECT (get_users()).*) s',
  'SELECT lower(email) FROM (SELECT (get_users()).*) s',
  'SELECT c FROM (SELECT (get_users()).*) s(a, b, c)',
  'WITH w(a, b, c) AS (SELECT (get_users()).*) SELECT upper(c) FROM w',
  'SELECT email FROM (SELECT (array_agg(u))[1] AS z FROM users u) q, LATERAL (SELECT (z).*) y',
  'SELECT y.c FROM (SELECT (array_agg(u))[1] AS z FROM users u) q, LATERAL (SELECT (z).*) y(a, b, c)',
  'INSERT INTO scratch(t) SELECT c FROM (SELECT (get_users()).*) q(a, b, c);;SELECT * FROM scratch',
  'BEGIN;;DECLARE k CURSOR FOR SELECT c FROM (SELECT (get_users()).*) s(a, b, c);;FETCH ALL FROM k',
  'COPY (SELECT c FROM (SELECT (get_users()).*) s(a, b, c)) TO STDOUT',
  'SELECT defaulted()',
  'SELECT upper(defaulted())',
  'INSERT INTO told VALUES (1)',
  'INSERT INTO failing VALUES (1)',
  "INSERT INTO filled VALUES (1, '') RETURNING t;;SELECT t FROM filled;;SELECT filled FROM filled",
  "INSERT INTO assigned VALUES (1, '') RETURNING t;;SELECT upper(t) FROM assigned",
  'INSERT INTO checked VALUES (1)',
  'INSERT INTO by_default VALUES (1) RETURNING t;;SELECT t FROM by_default;;COPY by_default TO STDOUT',
  'SELECT * FROM far_users',
  'SELECT secret FROM far_users',
  'SELECT upper(email) FROM far_users',
  'SELECT far_users FROM far_users',
  'SELECT contact FROM far_view',
  'COPY (SELECT * FROM far_users) TO STDOUT',
  'SELECT a FROM people;;SELECT b FROM people;;SELECT c FROM people;;SELECT people FROM people',
  'SELECT t FROM people_whole;;SELECT t FROM people_returned',
  'INSERT INTO wishes VALUES (1);;SELECT address FROM letters;;COPY letters TO STDOUT',
  'UPDATE users SET tier = tier;;SELECT mail FROM changed_names;;SELECT * FROM changed_names',
];

/** Both are refused, or answered alike. */
const ASKING = [
  [
    "SELECT name FROM far_users WHERE email LIKE 'zq.alice%'",
    "SELECT name FROM far_users WHERE email LIKE 'zq.xlice%'",
  ],
  [
    "CREATE TEMP TABLE g (g text REFERENCES users(email));;INSERT INTO g VALUES ('zq.alice.k7@corp-example.test')",
    "CREATE TEMP TABLE g (g text REFERENCES users(email));;INSERT INTO g VALUES ('zq.xlice.k7@corp-example.test')",
  ],
  [
    "CREATE TABLE g1 (g text, FOREIGN KEY (g) REFERENCES users(email));;INSERT INTO g1 VALUES ('zq.alice.k7@corp-example.test')",
    "CREATE TABLE g2 (g text, FOREIGN KEY (g) REFERENCES users(email));;INSERT INTO g2 VALUES ('zq.xlice.k7@corp-example.test')",
  ],
] as const;

const REFUSED = [
  'SELECT email, count(*) FROM users GROUP BY ROLLUP (1)',
  'SELECT email, tier, count(*) FROM users GROUP BY GROUPING SETS ((1, 2), ())',
  'ALTER TABLE scratch ADD FOREIGN KEY (t) REFERENCES users(email)',
];

const UNTOUCHED = [
  'SELECT name FROM far_users ORDER BY id',
  "INSERT INTO filled VALUES (1, '', 'open') RETURNING u",
  'INSERT INTO by_default VALUES (1) RETURNING u',
  "INSERT INTO stamped VALUES (7, '') RETURNING u",
  'SELECT id, name, stamp, slug, n FROM people ORDER BY id',
  'SELECT user_id, sent FROM letters',
  'SELECT id, was FROM changed_names',
  'SELECT name, count(*) FROM users GROUP BY ROLLUP (1) ORDER BY 1',
  'SELECT name FROM (SELECT (u).name FROM users u ORDER BY id) s',
];

describe('values that went another way', () => {
  let bench: MaskingBench;
  let through: string;
  let direct: string;

  beforeAll(async () => {
    await loadParser();
    bench = await MaskingBench.start('debian', POLICY);
    const sql = SCHEMA.replace('@PORT@', String(bench.server.port)).replace(
      '@PASSWORD@',
      bench.server.password,
    );
    await bench.server.query(sql, 'corpus');
    ({ through, direct } = await bench.open('hc_app'));
  }, 60_000);
  afterAll(() => bench?.stop());

  const ask = async (text: string, mode: Mode, url = through) => {
    const client = await WireClient.login(loginOf(url));
    try {
      return await converse(client, text.split(';;'), [], mode);
    } finally {
      client.destroy();
    }
  };

  it.each(SHOWING)('stay hidden: %s', async (text) => {
    for (const mode of MODES) {
      const bytes = bytesOf(await ask(text, mode));
      expect(HIDDEN.filter((secret) => bytes.includes(secret)).map(String)).toEqual([]);
    }
  });

  it.each(ASKING)('are not told by %s', async (right, wrong) => {
    const [one, other] = [await ask(right, MODES[0]!), await ask(wrong, MODES[0]!)];
    expect(one.refused && other.refused ? 'refused' : bytesOf(one)).toEqual(
      one.refused && other.refused ? 'refused' : bytesOf(other),
    );
  });

  it.each(REFUSED)('are not counted by %s', async (text) => {
    expect((await ask(text, MODES[0]!)).refused).toBe(true);
  });

  it.each(UNTOUCHED)('leave the rest as it is: %s', async (text) => {
    const straight = await ask(`BEGIN;;${text};;ROLLBACK`, MODES[0]!, direct);
    expect(bytesOf(await ask(`BEGIN;;${text};;ROLLBACK`, MODES[0]!)).equals(bytesOf(straight))).toBe(true);
  });

  it('leave the errors of tables apart from them readable', async () => {
    const { messages } = await ask(
      "INSERT INTO stamped VALUES (1, '');;INSERT INTO stamped VALUES (1, '')",
      MODES[0]!,
    );
    const error = errorOf(messages.find(({ type }) => type === 'E'));
    expect(error).toMatchObject({ sqlstate: '23505', detail: 'Key (id)=(1) already exists.' });
  });
});
