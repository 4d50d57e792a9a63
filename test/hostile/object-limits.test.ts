import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadParser } from '../../src/sql/analyze.ts';
import { TestGateway } from '../servers/gateway.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';

/** Everything but what would change (or with `read` show) one relation. */
const keeping = (name: string, effects = 'write, ddl, admin') => `version: 1
default: allow
rules:
  - {name: keep, effects: [${effects}], tables: ["public.${name}"], decision: block}
`;

const SCHEMA = `
  CREATE TABLE users (id int PRIMARY KEY, team int, name text);
  CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE ON UPDATE CASCADE);
  CREATE TABLE lines (order_id int REFERENCES orders ON DELETE SET NULL);
  CREATE INDEX orders_user ON orders (user_id);
  CREATE VIEW user_names AS SELECT name FROM users;
  CREATE MATERIALIZED VIEW stored AS SELECT * FROM users;
  CREATE TABLE events (id int, kind text) PARTITION BY RANGE (id);
  CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (1) TO (10);
  CREATE TABLE parent (a int, b int);
  CREATE TABLE heir () INHERITS (parent);
  CREATE SEQUENCE tickets;
  CREATE TYPE mood AS ENUM ('ok');
  CREATE TABLE moody (m mood);
  CREATE FUNCTION five() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 5';
  CREATE FUNCTION act() RETURNS int LANGUAGE sql AS 'DELETE FROM lines; SELECT 5';
  CREATE TABLE defaults (a int DEFAULT five());
  CREATE DOMAIN number AS int;
`;

/** Relation, statement that reaches it under another's name. */
const REACHED = [
  ['orders', 'TRUNCATE users CASCADE'],
  ['lines', 'TRUNCATE users CASCADE'],
  ['orders', 'DELETE FROM users WHERE id = 1'],
  ['lines', 'DELETE FROM users WHERE id = 1'],
  ['orders', 'UPDATE users SET id = 7 WHERE id = 1'],
  ['orders', 'MERGE INTO users u USING lines l ON u.id = l.order_id WHEN MATCHED THEN DELETE'],
  ['orders', 'DROP TABLE users CASCADE'],
  ['user_names', 'DROP TABLE users CASCADE'],
  ['events_1', 'DROP TABLE events'],
  ['events_1', 'ALTER TABLE events DROP COLUMN kind'],
  ['heir', 'ALTER TABLE parent ADD COLUMN c int'],
  ['heir', 'ALTER TABLE parent RENAME COLUMN a TO z'],
  ['heir', 'DROP TABLE parent CASCADE'],
  ['orders', 'DROP INDEX orders_user'],
  ['orders', 'ALTER INDEX orders_user RENAME TO x'],
  ['orders', 'ALTER TABLE orders_user RENAME TO x'],
  ['orders', 'REINDEX INDEX orders_user'],
  ['tickets', "SELECT nextval('tickets')"],
  ['tickets', `SELECT setval('"public"."tickets"'::regclass, 9)`],
  ['lines', 'CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (act()) TO (99)'],
] as const;

/** What may be a part of any table: rules about any relation hold. */
const UNFOLLOWED = [
  ['moody', 'DROP TYPE mood CASCADE'],
  ['defaults', 'DROP FUNCTION five() CASCADE'],
  ['lines', 'ALTER DOMAIN number ADD CHECK (act() > VALUE)'],
] as const;

const SHOWN = [
  ['users', 'SELECT * FROM stored'],
  ['users', 'UPDATE users SET team = team RETURNING name'],
  ['users', 'DELETE FROM users RETURNING name'],
  ['users', 'INSERT INTO users VALUES (1) ON CONFLICT (id) DO UPDATE SET team = 1 RETURNING name'],
] as const;

/** What does not touch the relation, and must run. */
const APART = [
  ['orders', "UPDATE users SET name = 'x' WHERE id = 1"],
  ['orders', 'DELETE FROM lines'],
  ['orders', 'DROP TABLE moody'],
  ['users', 'DROP INDEX orders_user'],
  ['parent', 'ALTER TABLE heir ADD COLUMN own int'],
  ['heir', 'ALTER TABLE ONLY parent SET (fillfactor = 70)'],
  ['users', "SELECT nextval('tickets')"],
] as const;

describe('a rule about one relation', () => {
  let server: TestPostgres;
  let gateway: TestGateway;
  let client: pg.Client;

  beforeAll(async () => {
    await loadParser();
    server = await startPostgres({ version: 'debian' });
    await server.createRole('app', 'app', 'SUPERUSER');
    await server.query(SCHEMA);
    gateway = await TestGateway.start(server.url('app', 'app'), { policy: keeping('x') });
    client = new pg.Client(gateway.url());
    await client.connect();
  }, 60_000);
  afterAll(async () => {
    await client?.end();
    await gateway?.stop();
    await server?.stop();
  });

  const tried = async (sql: string) => {
    await client.query('BEGIN');
    try {
      await client.query(sql);
      return 'ran';
    } catch (error) {
      return (error as { code: string }).code;
    } finally {
      await client.query('ROLLBACK');
    }
  };

  it.each(REACHED)('about %s holds for %s', async (name, sql) => {
    gateway.applyPolicy(keeping(name));
    expect(await tried(sql)).toBe('42501');
    gateway.applyPolicy(keeping('nothing'));
    expect(await tried(sql)).not.toBe('42501');
  });

  it.each(UNFOLLOWED)('about %s holds for %s, which names no table', async (name, sql) => {
    gateway.applyPolicy(keeping(name));
    expect(await tried(sql)).toBe('42501');
  });

  it.each(SHOWN)('that may not be read, %s, holds for %s', async (name, sql) => {
    gateway.applyPolicy(keeping(name, 'read'));
    expect(await tried(sql)).toBe('42501');
  });

  it.each(APART)('about %s lets %s run', async (name, sql) => {
    gateway.applyPolicy(keeping(name));
    expect(await tried(sql)).toBe('ran');
  });
});
