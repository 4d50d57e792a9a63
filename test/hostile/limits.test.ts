import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  bindMessage,
  executeMessage,
  parseMessage,
  queryMessage,
  SYNC,
} from '../../src/protocols/postgres/codec/frontend-builders.ts';
import { TestGateway } from '../servers/gateway.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { errorsOf, loginOf, WireClient } from '../servers/wire-client.ts';

const ALL = '  - {name: all, effects: [read, write, ddl, admin, session], decision: allow}';

const policy = (limit: string) => `version: 1
rules:
${ALL}
limits:
  - {name: budget, ${limit}}
`;

let server: TestPostgres;
let gateway: TestGateway;
const clients: pg.Client[] = [];

beforeAll(async () => {
  server = await startPostgres();
  await server.createRole('app', 'secret');
  await server.query('CREATE DATABASE shop');
  await server.query(
    `CREATE TABLE items (id int PRIMARY KEY, name text);
     INSERT INTO items SELECT g, repeat('x', 50) FROM generate_series(1, 1000) g;
     CREATE FUNCTION write_all(v text) RETURNS void LANGUAGE sql AS $$ UPDATE items SET name = v $$;
     GRANT ALL ON items TO app`,
    'shop',
  );
});
afterAll(() => server?.stop());
afterEach(async () => {
  for (const client of clients.splice(0)) await client.end().catch(() => {});
  await gateway?.stop();
});

async function open(limit: string): Promise<pg.Client> {
  gateway = await TestGateway.start(server.url('app', 'secret', 'shop'), { policy: policy(limit) });
  return connect();
}

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: gateway.url() });
  client.on('error', () => {});
  await client.connect();
  clients.push(client);
  return client;
}

const shownRows = () => gateway.shown().toString('latin1').split('xxxxxxxxxx').length - 1;

describe('a limit of rows read', () => {
  it('stops a result in its middle: not one row more is shown, and the session lives on', async () => {
    const client = await open('rows_read: 10, decision: block');
    await expect(client.query('SELECT * FROM items')).rejects.toMatchObject({ code: '53400' });
    expect(shownRows()).toBe(10 * 5);
    await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: '42501' });
    await expect(client.query('ROLLBACK')).resolves.toBeDefined();
  });

  it('counts what the extended protocol and cursors fetch in pieces', async () => {
    const client = await open('rows_read: 10, decision: block');
    await client.query('BEGIN');
    await client.query('DECLARE c CURSOR FOR SELECT * FROM items');
    expect((await client.query('FETCH 6 FROM c')).rows).toHaveLength(6);
    await expect(client.query({ text: 'FETCH 6 FROM c', values: [] })).rejects.toMatchObject({
      code: '53400',
    });
    await expect(client.query('SELECT * FROM items WHERE id = $1', [1])).rejects.toMatchObject({
      code: '42501',
    });
  });

  it('counts the rows of COPY', async () => {
    const client = await open('rows_read: 10, decision: block');
    await expect(client.query('COPY items TO STDOUT')).rejects.toMatchObject({ code: '53400' });
    expect(shownRows()).toBe(10 * 5);
  });

  it('ends the session where it says cut', async () => {
    const client = await open('rows_read: 10, decision: cut');
    const ended = gateway.nextEnd();
    await expect(client.query('SELECT * FROM items')).rejects.toThrow(/limit "budget"/);
    await ended;
    expect(gateway.ended).toEqual(['limit "budget": more than 10 rows read']);
    expect(shownRows()).toBe(10 * 5);
  });

  it('waits in the middle of a result for an approver, and goes on with a new budget', async () => {
    const client = await open('rows_read: 400, decision: approve');
    const result = client.query('SELECT * FROM items');
    const first = await gateway.nextHold();
    expect(first.card.estimate).toBe('its result waits: more than 400 rows read');
    first.approve();
    (await gateway.nextHold()).approve();
    expect((await result).rows).toHaveLength(1000);
  });

  it('ends the result where the approver says no', async () => {
    const client = await open('rows_read: 10, decision: approve');
    const result = client.query('SELECT * FROM items');
    (await gateway.nextHold()).deny('too much');
    await expect(result).rejects.toThrow(/denied/);
    expect(shownRows()).toBe(10 * 5);
  });
});

it('a limit of bytes stops a result', async () => {
  const client = await open('bytes: 1000B, decision: block');
  await expect(client.query('SELECT * FROM items')).rejects.toMatchObject({ code: '53400' });
  expect(shownRows()).toBeLessThanOrEqual(16 * 5);
});

it('a limit of rows written stands before the COMMIT of what passed it', async () => {
  const client = await open('rows_written: 5, decision: block');
  await client.query('BEGIN');
  await client.query('UPDATE items SET name = upper(name) WHERE id <= 6');
  await expect(client.query('COMMIT')).rejects.toMatchObject({ code: '42501' });
  await client.query('ROLLBACK');
  expect(await server.query("SELECT count(*)::int AS n FROM items WHERE name ~ 'X'", 'shop')).toEqual([
    { n: 0 },
  ]);
});

describe('a limit of rows written, for what writes uncounted', () => {
  const uncounted = [
    "WITH w AS (UPDATE items SET name = 'u' RETURNING id) SELECT count(*) FROM w",
    "WITH w AS (DELETE FROM items RETURNING id) INSERT INTO items SELECT id, 'u' FROM w WHERE false",
    "EXPLAIN ANALYZE UPDATE items SET name = 'u'",
    'TRUNCATE items',
    "DO $$ BEGIN UPDATE items SET name = 'u'; END $$",
    "SELECT write_all('u')",
    "PREPARE p AS WITH w AS (UPDATE items SET name = 'u' RETURNING id) SELECT 1; EXECUTE p",
  ];

  it('refuses it where it blocks, and lets the same work through by statements that are counted', async () => {
    const client = await open('rows_written: 5, decision: block');
    for (const text of uncounted) {
      await expect(client.query(text), text).rejects.toMatchObject({
        detail: expect.stringMatching(/not told when it ends/),
      });
    }
    await client.query('UPDATE items SET name = name WHERE id = 1 RETURNING id');
    await client.query(
      'WITH w AS (SELECT 2 AS id) DELETE FROM items USING w WHERE items.id = w.id AND false',
    );
    await client.query('COPY (UPDATE items SET name = name WHERE id < 6 RETURNING id) TO STDOUT');
    await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: '42501' });
  });

  it('asks for it where it asks, each time anew', async () => {
    const client = await open('rows_written: 5, decision: approve');
    for (const text of [uncounted[0], uncounted[0]]) {
      const written = client.query(`BEGIN; ${text}; ROLLBACK`);
      (await gateway.nextHold()).deny('split it');
      await expect(written).rejects.toMatchObject({ detail: expect.stringMatching(/split it/) });
    }
    await client.query('SELECT 1');
  });

  it('does not take the first rows of a RETURNING for all that was written', async () => {
    await open('rows_written: 5, decision: block');
    const client = await WireClient.login(loginOf(gateway.url()));
    const update = [parseMessage('', 'UPDATE items SET name = name RETURNING id'), bindMessage({})];
    const part = await client.send(...update, executeMessage('', 1), SYNC).untilReady();
    expect(errorsOf(part)).toEqual(['0A000']);
    expect(errorsOf(await client.send(...update, executeMessage(''), SYNC).untilReady())).toEqual([]);
    const next = await client.send(queryMessage('SELECT 1')).untilReady();
    expect(errorsOf(next)).toEqual(['42501']);
    client.destroy();
  });
});

it('a limit of statements asks an approver for the next, who gives as many again', async () => {
  const client = await open('statements: 2, decision: approve');
  await client.query('SELECT 1');
  await client.query('SELECT 2');
  const third = client.query('SELECT 3 AS n');
  (await gateway.nextHold()).approve();
  expect((await third).rows).toEqual([{ n: 3 }]);
  await client.query('SELECT 4');
});

it('a limit of denied attempts ends a session that goes on trying', async () => {
  const client = await open('denied: 2, decision: cut');
  const ended = gateway.nextEnd();
  await expect(client.query('SELECT nonsense(')).rejects.toThrow();
  await expect(client.query('SELECT pg_nothing_of_this_name()')).rejects.toThrow();
  await client.query('SELECT 1').catch(() => {});
  await ended;
  expect(gateway.ended).toEqual(['limit "budget": more than 2 denied attempts']);
});

it('a limit of time ends an idle session', async () => {
  await open('duration: 1s, decision: cut');
  await gateway.nextEnd();
  expect(gateway.ended).toEqual(['limit "budget": longer than 1s']);
});

it('a limit of sessions blocks the statements of one too many', async () => {
  const first = await open('sessions: 1, decision: block');
  await first.query('SELECT 1');
  const second = await connect();
  await expect(second.query('SELECT 1')).rejects.toMatchObject({ code: '42501' });
  await second.end();
  await first.query('SELECT 1');
});
