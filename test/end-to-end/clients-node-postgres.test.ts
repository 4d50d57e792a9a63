import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientPaths, startClientPaths } from '../servers/client-paths.ts';

let paths: ClientPaths;
beforeAll(async () => {
  paths = await startClientPaths();
});
afterAll(() => paths?.stop());

async function connected<T>(
  url: string,
  use: (client: pg.Client) => Promise<T>,
  config: object = {},
): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'node', ...config });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** Both must give the same; what it is, for further expectations. */
async function alike<T>(use: (client: pg.Client) => Promise<T>): Promise<T> {
  const direct = await connected(paths.direct, use);
  expect(await connected(paths.open.url(), use)).toEqual(direct);
  return direct;
}

/** A result; of a column's table only whether there is one, since each connection makes tables of its own. */
const shape = ({ rows, rowCount, command, fields }: pg.QueryResult) => ({
  rows,
  rowCount,
  command,
  fields: fields.map((field) => ({ ...field, tableID: field.tableID > 0 })),
});

/** Everything an error says, but where in the gateway or client it was made. */
const said = (error: unknown) => {
  const { stack: _, ...fields } = { ...(error as pg.DatabaseError), message: (error as Error).message };
  return fields;
};

const VALUES: readonly [string, unknown][] = [
  ['int4', 42],
  ['int8', '9223372036854775807'],
  ['float8', Number.NaN],
  ['numeric', '-12345678901234567890.000001'],
  ['text', 'quoted \' " \\ ☃'],
  ['bool', true],
  ['bytea', Buffer.from([0, 1, 254, 255, 10])],
  ['json', { a: [1, 'zwei', null] }],
  ['jsonb', JSON.stringify({ nested: { deep: [true, 1e10] } })],
  ['timestamptz', new Date(Date.UTC(2026, 10, 21, 8, 30, 15, 123))],
  ['date', '2026-02-28'],
  ['interval', '1 year 2 mons 3 days 04:05:06.789'],
  ['uuid', '5f0c6b3e-2f0d-4c1a-9a53-0d6f2a1c7b10'],
  ['inet', '192.0.2.0/24'],
  ['int4[]', [1, 2, 3]],
  ['text[]', ['a', 'b,c', '"d"', null]],
  ['point', '(1,2)'],
  ['int4range', '[1,10)'],
  ['shop.status', 'paid'],
  ['shop.email', 'a@example.test'],
  ['shop.address', '("A Street",Town)'],
  ['xml', '<a>1</a>'],
  ['bit(4)', '1010'],
];

describe('node-postgres', () => {
  it('sends and gets values of many types, text and binary, and NULLs', async () => {
    await alike(async (client) => {
      const results = [];
      for (const [type, value] of VALUES) {
        for (const binary of [false, true]) {
          const query = {
            text: `SELECT $1::${type} AS given, NULL::${type} AS none`,
            values: [value],
            binary,
          };
          results.push(shape(await client.query(query)));
        }
      }
      return results;
    });
  });

  it('runs prepared statements again and again, also after the table changed', async () => {
    const names = await alike(async (client) => {
      const query = { name: 'by-id', text: 'SELECT id, name FROM shop.customers WHERE id = $1' };
      const names = [];
      for (let id = 1; id <= 20; id++)
        names.push((await client.query({ ...query, values: [id] })).rows[0]?.name);
      await client.query('CREATE TEMP TABLE changing (a int); INSERT INTO changing VALUES (1)');
      const all = { name: 'all', text: 'SELECT * FROM changing' };
      const results = [shape(await client.query(all))];
      await client.query('ALTER TABLE changing ADD b text');
      const refused = await client.query(all).catch(said);
      return { names, results, refused };
    });
    expect(names.names.at(-1)).toBe('Name 20');
    expect(names.refused).toMatchObject({ code: '0A000' });
  });

  it('gets every field of every error and goes on', async () => {
    const errors = await alike(async (client) => {
      const errors = [];
      for (const text of [
        'SELECT 1 FROM nowhere',
        'SELEC 1',
        "INSERT INTO shop.customers (name, mail) VALUES ('x', 'n1@example.test')",
        'UPDATE shop.customers SET balance = -5000 WHERE id = 3',
        "SELECT 'nobody'::shop.email",
        'UPDATE shop.customers SET name = NULL WHERE id = 3',
        "DO $$ BEGIN RAISE EXCEPTION 'own' USING ERRCODE = 'XY123', DETAIL = 'd', HINT = 'h', TABLE = 't', COLUMN = 'c'; END $$",
        'SELECT 1 / 0',
      ]) {
        errors.push(await client.query(text).then(() => 'no error', said));
        errors.push(await client.query({ text, values: [] }).then(() => 'no error', said));
      }
      errors.push(await client.query('SELECT $1::int', ['not a number']).then(() => 'no error', said));
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      return errors;
    });
    expect(errors).not.toContain('no error');
  });

  it('keeps transactions, savepoints and SQL cursors', async () => {
    await alike(async (client) => {
      const results = [];
      for (const text of [
        'BEGIN ISOLATION LEVEL SERIALIZABLE',
        'CREATE TEMP TABLE kept (a int) ON COMMIT DROP',
        'INSERT INTO kept SELECT generate_series(1, 10) RETURNING a',
        'SAVEPOINT s',
        'SELECT broken',
        'SELECT 1',
        'ROLLBACK TO SAVEPOINT s',
        'DECLARE c SCROLL CURSOR FOR SELECT a FROM kept ORDER BY a',
        'FETCH 3 FROM c',
        'FETCH BACKWARD 1 FROM c',
        'FETCH ALL FROM c',
        'CLOSE c',
        'COMMIT',
        'SELECT * FROM kept',
      ]) {
        results.push(await client.query(text).then(shape, said));
      }
      return results;
    });
  });

  it('reads a portal in steps by row limits', async () => {
    const rows = await alike(
      (client) =>
        new Promise<unknown[]>((resolve, reject) => {
          const query = new pg.Query({
            text: 'SELECT generate_series(1, 25) AS n',
            rows: 7,
          } as pg.QueryConfig);
          const rows: unknown[] = [];
          query.on('row', (row) => rows.push(row));
          query.on('end', () => resolve(rows));
          query.on('error', reject);
          client.query(query);
        }),
    );
    expect(rows).toHaveLength(25);
  });

  it('shows notices with all their fields', async () => {
    const notices = await alike(async (client) => {
      const notices: unknown[] = [];
      client.on('notice', (notice) => notices.push({ ...notice, message: notice.message }));
      await client.query("DO $$ BEGIN RAISE NOTICE 'one' USING HINT = 'h'; RAISE WARNING 'two'; END $$");
      return notices;
    });
    expect(notices).toHaveLength(2);
  });

  it('carries LISTEN and NOTIFY between two clients, also to one that is idle', async () => {
    await connected(paths.open.url(), async (listener) => {
      const heard = Promise.withResolvers<pg.Notification>();
      listener.on('notification', heard.resolve);
      await listener.query('LISTEN "some channel"');
      await connected(paths.open.url(), async (other) => {
        await other.query("SELECT pg_notify('some channel', $1)", ['across']);
        expect(await heard.promise).toMatchObject({ channel: 'some channel', payload: 'across' });
      });
      await listener.query('UNLISTEN *');
    });
  });

  it('answers a thousand pipelined queries in order, refused and failing ones in their places', async () => {
    await connected(
      paths.agent.url(),
      async (client) => {
        const asked = Array.from({ length: 1000 }, (_, n) => {
          if (n % 100 === 98) return client.query('DELETE FROM shop.orders').catch(said);
          if (n % 100 === 99) return client.query('SELECT 1 / $1::int', [0]).catch(said);
          return client.query('SELECT $1::int AS n', [n]).then(({ rows }) => rows[0].n);
        });
        const expected = (n: number) =>
          n % 100 === 98
            ? expect.objectContaining({ code: '42501' })
            : n % 100 === 99
              ? expect.objectContaining({ code: '22012' })
              : n;
        expect(await Promise.all(asked)).toEqual(Array.from({ length: 1000 }, (_, n) => expected(n)));
      },
      { pipeline: true },
    );
  });

  it('cancels what runs', async () => {
    await connected(paths.open.url(), async (client) => {
      const sleeping = client.query('SELECT pg_sleep(60)').then(() => undefined, said);
      await expect
        .poll(() => paths.server.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))
        .toHaveLength(1);
      const canceller = new pg.Client({ connectionString: paths.open.url() });
      type Cancellable = { cancel(client: pg.Client, query: unknown): void; activeQuery?: unknown };
      const active = client as unknown as { activeQuery?: unknown; _activeQuery?: unknown };
      (canceller as unknown as Cancellable).cancel(client, active._activeQuery ?? active.activeQuery);
      expect(await sleeping).toMatchObject({ code: '57014' });
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    });
  });

  it('gets several results of one text, empty texts and results without columns', async () => {
    await alike(async (client) => {
      const many = (await client.query(
        'SELECT 1 AS a; CREATE TEMP TABLE t (x int); INSERT INTO t VALUES (1), (2); SELECT * FROM t; ; UPDATE t SET x = 3',
      )) as unknown as pg.QueryResult[];
      return [
        many.map(shape),
        shape(await client.query('')),
        shape(await client.query('SELECT FROM t')),
        shape(await client.query({ text: 'SELECT a.*, b.* FROM t a, t b', rowMode: 'array' })),
      ];
    });
  });

  it('works from a pool, more clients than connections', async () => {
    const pool = new pg.Pool({ connectionString: paths.open.url(), max: 5 });
    try {
      const counts = await Promise.all(
        Array.from({ length: 60 }, (_, n) =>
          pool.query('SELECT $1::int + count(*)::int AS n FROM shop.customers', [n]),
        ),
      );
      expect(counts.map(({ rows }) => rows[0].n)).toEqual(Array.from({ length: 60 }, (_, n) => n + 50));
    } finally {
      await pool.end();
    }
  });

  it('masks for an agent in text and binary, whatever way it asks, and types stay parseable', async () => {
    await connected(paths.agent.url(), async (client) => {
      const text =
        'SELECT id, name, ssn, card_number AS c, balance, tags, profile, made FROM shop.customers WHERE id <= $1 ORDER BY id';
      const direct = await connected(paths.direct, (plain) => plain.query(text, [5]));
      const { rows } = await client.query(text, [5]);
      expect(rows).toEqual(
        direct.rows.map((row) => ({ ...row, ssn: expect.any(String), c: expect.any(String) })),
      );
      for (const query of [
        { text, values: [5] },
        { text, values: [5], binary: true },
        { name: 'p', text, values: [5] },
      ]) {
        for (let i = 0; i < 2; i++) {
          expect(JSON.stringify((await client.query(query)).rows)).not.toMatch(/4242424242424242|912-11-/);
        }
      }
      await expect(client.query("UPDATE shop.customers SET name = 'x'")).rejects.toMatchObject({
        code: '42501',
      });
      expect((await client.query('SELECT count(*)::int AS n FROM shop.customers')).rows).toEqual([{ n: 50 }]);
    });
  });
});
