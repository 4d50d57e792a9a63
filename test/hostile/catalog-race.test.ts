import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadParser } from '../../src/sql/analyze.ts';
import { TestGateway } from '../servers/gateway.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';

const SECRET = 'ana@secret.test';
const POLICY = `version: 1
rules:
  - {name: reads, effects: [read, session], decision: allow}
  - {name: own-schema, effects: [ddl], tables: ["scratch.*"], decision: allow}
masks:
  - {name: mails, columns: [public.customers.email], strategy: redact}
`;
const HARMLESS = 'CREATE OR REPLACE VIEW scratch.v AS SELECT name AS x FROM customers';
const SHOWING = 'CREATE OR REPLACE VIEW scratch.v AS SELECT email AS x FROM customers';

describe('a view that another session redefines between judging and running', () => {
  let server: TestPostgres;
  let gateway: TestGateway;
  let reader: pg.Client;
  let owner: pg.Client;

  const connect = async () => {
    const client = new pg.Client(gateway.url());
    await client.connect();
    return client;
  };
  /** Resolves once some session of the server waits for a lock or sleeps. */
  const waits = async (event: 'Lock' | 'PgSleep') => {
    for (;;) {
      const [row] = await server.query(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE '${event}' IN (wait_event_type, wait_event) AND usename = 'app'`,
      );
      if (Number(row?.n) > 0) return;
    }
  };
  const shown = (sql: string) =>
    reader.query(sql).then(
      (result) => JSON.stringify([result].flat().map((one) => one.rows)),
      (error: Error) => error.message,
    );

  beforeAll(async () => {
    await loadParser();
    server = await startPostgres({ version: 'debian' });
    await server.createRole('app', 'app');
    await server.query(`
      CREATE TABLE customers (id int, email text, name text);
      INSERT INTO customers VALUES (1, '${SECRET}', 'Ana');
      GRANT ALL ON customers TO app;
      CREATE SCHEMA scratch AUTHORIZATION app`);
    gateway = await TestGateway.start(server.url('app', 'app'), { policy: POLICY });
    [reader, owner] = [await connect(), await connect()];
  }, 60_000);
  afterAll(async () => {
    await reader?.end();
    await owner?.end();
    await gateway?.stop();
    await server?.stop();
  });
  beforeEach(async () => {
    await owner.query(HARMLESS);
    expect(await shown('SELECT * FROM scratch.v')).toContain('Ana');
  });

  it.each([
    'SELECT * FROM scratch.v',
    'SELECT upper(x) AS y FROM scratch.v',
    'COPY (SELECT x FROM scratch.v) TO STDOUT',
  ])('shows no masked value to %s, which waited for its lock', async (sql) => {
    await owner.query('BEGIN');
    await owner.query(SHOWING);
    const answer = shown(sql);
    await waits('Lock');
    await owner.query('COMMIT');
    expect((await answer).toLowerCase()).not.toContain(SECRET);
    expect((await shown('SELECT x FROM scratch.v')).toLowerCase()).not.toContain(SECRET);
  });

  it('shows none to an extended query that waited for its lock', async () => {
    await owner.query('BEGIN');
    await owner.query(SHOWING);
    const answer = reader
      .query({ text: 'SELECT x FROM scratch.v WHERE $1 = 1', values: [1] })
      .then((result) => JSON.stringify(result.rows), String);
    await waits('Lock');
    await owner.query('COMMIT');
    expect(await answer).not.toContain(SECRET);
  });

  it('shows none while the message that changed it is still being answered', async () => {
    const changing = owner.query(`BEGIN; ${SHOWING}; COMMIT; SELECT pg_sleep(0.5)`);
    await waits('PgSleep');
    expect(await shown('SELECT x FROM scratch.v')).not.toContain(SECRET);
    await changing;
  });

  it('lets what is not touched by the change go on', async () => {
    await owner.query('BEGIN');
    await owner.query('CREATE TABLE scratch.other (id int)');
    expect(await shown('SELECT name FROM customers')).toContain('Ana');
    await owner.query('COMMIT');
    await owner.query('DROP TABLE scratch.other');
    expect(await shown('SELECT name FROM customers')).toContain('Ana');
  });

  it('loses its transaction, and goes on, where a cancel hits what the gateway asks for itself', async () => {
    const holder = new pg.Client(server.url());
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE scratch.v IN ACCESS EXCLUSIVE MODE');
    await owner.query('BEGIN');
    await owner.query('CREATE TABLE scratch.other (id int)');
    const answer = owner.query('SELECT 1').then(String, ({ code }) => code);
    await waits('Lock');
    await server.query(
      `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'app' AND wait_event_type = 'Lock'`,
    );
    expect(await answer).toBe('25P02');
    await holder.end();
    await owner.query('ROLLBACK');
    expect((await owner.query('SELECT name FROM customers')).rows).toEqual([{ name: 'Ana' }]);
  });
});
