import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientPaths, startClientPaths } from '../servers/client-paths.ts';
import { psql, run } from '../servers/psql.ts';

let paths: ClientPaths;
beforeAll(async () => {
  paths = await startClientPaths({ version: 'embedded' });
});
afterAll(() => paths?.stop());

async function connected<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

describe('PostgreSQL 18 behind the gateway', () => {
  it('shows psql what it shows it directly', async () => {
    // Of an older psql those that know the newer catalogs.
    const script =
      '\\d shop.orders\n\\dt+ shop.*\n\\df shop.*\n\\dn+\n\\dp shop.*\n\\l\nSELECT * FROM shop.orders ORDER BY id;\nTABLE nowhere;\n';
    const seen = async (url: string) => {
      const { code, stdout, stderr } = await psql(url, [], { stdin: script });
      return { code, stdout, stderr };
    };
    const direct = await seen(paths.direct);
    expect(direct.stdout).toContain('Partition key');
    expect(await seen(paths.open.url())).toEqual(direct);
    expect((await seen(paths.agent.url())).stdout).toBe(direct.stdout);
  });

  it('runs a Python program alike', async () => {
    const file = fileURLToPath(new URL('clients/with_psycopg2.py', import.meta.url));
    const program = async (url: string) => {
      const { stdout, stderr } = await run('/usr/bin/python3', [file, url]);
      expect(stderr).toBe('');
      return JSON.parse(stdout);
    };
    const direct = await program(paths.direct);
    expect(await program(paths.open.url())).toEqual(direct);
  });

  it('understands what is new in it, and masks it', async () => {
    await paths.server.query(
      'CREATE TABLE shop.newer (id int PRIMARY KEY, ssn text, twice int GENERATED ALWAYS AS (id * 2) VIRTUAL, tag text); ' +
        "INSERT INTO shop.newer (id, ssn) VALUES (1, '912-11-9999')",
      'shop',
    );
    const returning =
      "UPDATE shop.newer SET tag = 'x' WHERE id = 1 RETURNING old.tag AS before, new.tag AS after, id";
    const direct = await connected(paths.direct, (client) => client.query(returning));
    await paths.server.query('UPDATE shop.newer SET tag = NULL', 'shop');
    const through = await connected(paths.open.url(), (client) => client.query(returning));
    expect(through.rows).toEqual(direct.rows);
    await connected(paths.agent.url(), async (client) => {
      const { rows } = await client.query(
        'SELECT id, ssn, twice, uuidv7() IS NOT NULL AS made FROM shop.newer',
      );
      expect(rows).toEqual([{ id: 1, ssn: '[masked]', twice: 2, made: true }]);
    });
    const { stdout, stderr } = await psql(paths.agent.url(), ['-c', '\\copy shop.newer TO STDOUT']);
    expect(stderr).toBe('');
    expect(stdout).toBe('1\t[masked]\tx\n');
  });

  it('takes its large objects through the calls of libpq', async () => {
    const file = `${paths.server.dataDir}/../large`;
    const { stderr, code } = await psql(paths.agent.url(), ['-c', `\\lo_export 4711 '${file}'`]);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(readFileSync(file)).toHaveLength(12_000);
  });
});
