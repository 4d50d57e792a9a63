import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestGateway } from '../servers/gateway.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';

describe.each(['debian', 'embedded'] as const)('PostgreSQL from %s', (version) => {
  let server: TestPostgres;
  let gateway: TestGateway;
  let client: pg.Client;

  beforeAll(async () => {
    server = await startPostgres({ version });
    await server.createRole('app', 'secret');
    await server.query('CREATE DATABASE shop');
    await server.query(
      `CREATE TABLE big (id int PRIMARY KEY, name text);
       CREATE TABLE small (id int PRIMARY KEY, name text);
       INSERT INTO big SELECT g, 'n' FROM generate_series(1, 5000) g;
       INSERT INTO small VALUES (1, 'a');
       ANALYZE;
       CREATE FUNCTION recount() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SEL' || 'ECT 1'; RETURN 1; END $$;
       CREATE FUNCTION wipe() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DEL' || 'ETE FROM small'; RETURN 1; END $$;
       ALTER TABLE big OWNER TO app; ALTER TABLE small OWNER TO app; GRANT CREATE ON SCHEMA public TO app`,
      'shop',
    );
  });
  afterAll(() => server?.stop());
  afterEach(async () => {
    await client?.end().catch(() => {});
    await gateway?.stop();
  });

  async function open(more: string): Promise<pg.Client> {
    const policy = `version: 1
rules:
  - {name: all, effects: [read, write, ddl, session], decision: allow}
${more}`;
    gateway = await TestGateway.start(server.url('app', 'secret', 'shop'), { policy });
    client = new pg.Client({ connectionString: gateway.url() });
    client.on('error', () => {});
    await client.connect();
    return client;
  }
  const refused = (text: string, values?: unknown[]) =>
    expect(client.query(text, values)).rejects.toThrow(/blocked by rule "no"/);

  it('DDL without CONCURRENTLY is refused on a large table alone', async () => {
    await open('  - {name: no, when: [ddl-without-concurrently], table_rows_above: 1000, decision: block}');
    await refused('CREATE INDEX big_name ON big (name)');
    await client.query('CREATE INDEX small_name ON small (name)');
    await client.query('CREATE INDEX CONCURRENTLY big_name ON big (name)');
    await refused('DROP INDEX big_name');
    await client.query('DROP INDEX CONCURRENTLY big_name');
  });

  it('a statement that waits for locks needs a lock_timeout, which the session keeps', async () => {
    await open('  - {name: no, when: [lock-without-timeout], decision: block}');
    await refused('ALTER TABLE small ADD COLUMN x int');
    await client.query("SET lock_timeout = '1s'");
    await client.query('ALTER TABLE small ADD COLUMN x int');
    await client.query('RESET lock_timeout');
    await refused('ALTER TABLE small DROP COLUMN x');
    await client.query('BEGIN');
    await client.query("SET LOCAL lock_timeout = '1s'");
    await client.query('ALTER TABLE small DROP COLUMN x');
    await client.query('COMMIT');
    await refused('LOCK TABLE small');
  });

  it('a text beyond a size is refused', async () => {
    await open('  - {name: no, statement_bytes_above: 100B, decision: block}');
    await refused(`SELECT '${'x'.repeat(100)}'`);
    await client.query("SELECT 'x'");
  });

  it('a statement that the planner expects to touch many rows is refused, prepared or not', async () => {
    await open('  - {name: no, effects: [read, write], estimated_rows_above: 1000, decision: block}');
    await refused('SELECT * FROM big');
    await refused('UPDATE big SET name = name');
    await refused('DELETE FROM big WHERE id > $1', [0]);
    await refused('SELECT 1; SELECT * FROM big');
    expect((await client.query('SELECT * FROM big WHERE id = $1', [7])).rows).toEqual([{ id: 7, name: 'n' }]);
    await client.query('UPDATE big SET name = name WHERE id = 1');
    await client.query('SELECT * FROM small');
  });

  it('a function does what an owner says, and nobody knows it otherwise', async () => {
    await open('');
    await expect(client.query('SELECT recount()')).rejects.toThrow(/EXECUTE|computed|blocked/);
    gateway.applyPolicy(`version: 1
rules:
  - {name: all, effects: [read, session], decision: allow}
  - {name: no, effects: [write], decision: block}
functions:
  - {name: public.recount, effect: read}
  - {name: "public.*", effect: write}
  - {name: pg_catalog.pg_sleep, effect: write}
`);
    expect((await client.query('SELECT recount() AS n')).rows).toEqual([{ n: 1 }]);
    await refused('SELECT wipe()');
    await refused('SELECT pg_sleep(0)');
    expect(await server.query('SELECT count(*)::int AS n FROM small', 'shop')).toEqual([{ n: 1 }]);
  });
});
