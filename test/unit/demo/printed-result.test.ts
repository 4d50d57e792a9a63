import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { printedResult } from '../../../src/demo/printed-result.ts';
import { startPostgres, type TestPostgres } from '../../servers/postgres.ts';
import { psql } from '../../servers/psql.ts';

let server: TestPostgres;
let client: pg.Client;
beforeAll(async () => {
  server = await startPostgres();
  client = new pg.Client({ connectionString: server.url() });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await server.stop();
});

test.each([
  ["select 1 as id, 'jane' as name"],
  ["select 42 as a_long_number_name, null as nothing, 'x' as even_longer_column_name, 1.50 as price"],
  ['select generate_series(1, 12) as n'],
  ["select 'none' as empty where false"],
])('%s reads as psql prints it', async (sql) => {
  const printed = await psql(server.url(), ['-c', sql]);
  const result = await client.query({ text: sql, rowMode: 'array' });
  expect(`${printedResult(result)}\n\n`).toBe(printed.stdout);
});

test('a statement without rows reads as its tag', async () => {
  const result = await client.query({ text: 'create temp table t(a int)', rowMode: 'array' });
  expect(printedResult(result)).toBe('CREATE');
});
