import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Internal } from '../../src/base/errors.ts';
import { TestGateway } from '../servers/gateway.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';

const POLICY = `
version: 1
default: block
rules:
  - name: reads
    effects: [read, session]
    decision: allow
  - name: writes-need-approval
    effects: [write]
    tables: ["public.*"]
    decision: approve
  - name: free-scratch
    effects: [ddl]
    tables: ["public.scratch*", "pg_temp.*"]
    decision: allow
  - name: no-destructive-ddl
    commands: [DROP, TRUNCATE]
    decision: block
    message: ask for a migration window
masks:
  - name: cards
    columns: ["public.customers.card_number", "public.customers.ssn"]
    strategy: redact
  - name: texts
    detect: [email]
    strategy: redact
`;
const SECRET = '4242424242424242';

let server: TestPostgres;
let gateway: TestGateway;

beforeAll(async () => {
  server = await startPostgres();
  await server.createRole('app', 'app-password');
  await server.query(`
    CREATE TABLE customers (id int PRIMARY KEY, name text, card_number text, ssn text, plan text DEFAULT 'free', note text);
    INSERT INTO customers VALUES (1, 'Ana', '${SECRET}', '912-11-2222', 'free', 'write to ana@example.test'),
                                 (2, 'Bob', '5555555555554444', '912-33-4444', 'pro', NULL);
    CREATE VIEW cards AS SELECT id, card_number AS pan FROM customers;
    GRANT ALL ON ALL TABLES IN SCHEMA public TO app; GRANT CREATE ON SCHEMA public TO app;`);
});
afterAll(() => server?.stop());

beforeEach(async () => {
  gateway = await TestGateway.start(server.url('app', 'app-password'), { policy: POLICY });
});
afterEach(() => gateway?.stop());

async function connected<T>(use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: gateway.url() });
  client.on('error', () => {});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

describe('a governed session', () => {
  it('answers reads like the server and masks the columns that policy names', async () => {
    const { rows } = await connected((client) =>
      client.query('SELECT id, name, card_number AS x FROM customers ORDER BY id'),
    );
    expect(rows.map((row) => [row.id, row.name])).toEqual([
      [1, 'Ana'],
      [2, 'Bob'],
    ]);
    expect(rows[0].x).not.toContain('4242');
    expect(gateway.shown().includes(SECRET)).toBe(false);
  });

  it('masks in the extended protocol, in binary, and when a prepared statement runs again', async () => {
    await connected(async (client) => {
      for (let i = 0; i < 3; i++) {
        const { rows } = await client.query({
          name: 'again',
          text: 'SELECT * FROM customers WHERE id = $1',
          values: [1],
        });
        expect(rows[0].name).toBe('Ana');
        expect(rows[0].card_number).not.toBe(SECRET);
      }
      const binary = {
        text: 'SELECT id, card_number, note FROM customers WHERE id = $1',
        values: [1],
        binary: true,
      };
      const { rows } = await client.query(binary);
      expect(JSON.stringify(rows)).not.toContain(SECRET);
      expect(JSON.stringify(rows)).not.toContain('ana@example.test');
    });
    expect(gateway.shown().includes(SECRET)).toBe(false);
    expect(gateway.shown().includes('ana@example.test')).toBe(false);
  });

  it('masks through a view, a subquery, a cursor and COPY', async () => {
    await connected(async (client) => {
      await client.query('SELECT pan FROM cards');
      await client
        .query(
          'SELECT q.p FROM (SELECT card_number AS p FROM customers) q UNION ALL SELECT name FROM customers',
        )
        .catch(() => {});
      await client.query('BEGIN');
      await client.query('DECLARE c CURSOR FOR SELECT * FROM customers');
      const { rows } = await client.query('FETCH ALL FROM c');
      expect(rows).toHaveLength(2);
      await client.query('COMMIT');
    });
    expect(gateway.shown().includes(SECRET)).toBe(false);
  });

  it('masks what is computed from a masked column, and refuses a question about it by name', async () => {
    await connected(async (client) => {
      const { rows } = await client.query('SELECT lower(card_number) AS card FROM customers LIMIT 1');
      expect(rows).toEqual([{ card: '[masked]' }]);
      await expect(
        client.query("SELECT id FROM customers WHERE card_number LIKE '4%'"),
      ).rejects.toMatchObject({
        code: '42501',
        message: expect.stringContaining('hoopctl'),
        detail: expect.stringContaining('public.customers.card_number'),
      });
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    });
  });

  it('blocks a DROP, with the rule and its message, and the session lives on', async () => {
    await connected(async (client) => {
      await expect(client.query('DROP TABLE customers')).rejects.toMatchObject({
        code: '42501',
        message: expect.stringContaining('no-destructive-ddl'),
        detail: expect.stringContaining('ask for a migration window'),
        routine: 'hoopctl_blocked',
      });
      expect((await client.query('SELECT count(*)::int AS n FROM customers')).rows).toEqual([{ n: 2 }]);
    });
    expect(gateway.decisions.map((one) => one.outcome)).toEqual(['block', 'allow']);
  });

  it('leaves an open transaction failed after a block, as PostgreSQL does after an error', async () => {
    await connected(async (client) => {
      await client.query('BEGIN');
      await expect(client.query('DROP TABLE customers')).rejects.toThrow('no-destructive-ddl');
      await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' });
      await client.query('ROLLBACK');
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    });
  });

  it('holds a write until it is approved and then runs exactly it', async () => {
    await connected(async (client) => {
      const notices: string[] = [];
      client.on('notice', (notice) => notices.push(notice.message ?? ''));
      const update = client.query("UPDATE customers SET plan = 'team' WHERE id = 1");
      const hold = await gateway.nextHold();
      expect(hold.card.statement).toBe("UPDATE customers SET plan = 'team' WHERE id = 1");
      expect(hold.card.effects.join()).toContain('write: public.customers(plan)');
      expect(hold.card.estimate).toMatch(/planner expects 1 row/);
      expect((await server.query('SELECT plan FROM customers WHERE id = 1'))[0]?.plan).toBe('free');
      hold.approve('ana@example.com');
      expect((await update).rowCount).toBe(1);
      expect(notices[0]).toContain(hold.id);
      expect(notices[1]).toContain('approved by ana@example.com');
    });
    expect((await server.query('SELECT plan FROM customers WHERE id = 1'))[0]?.plan).toBe('team');
    await server.query("UPDATE customers SET plan = 'free' WHERE id = 1");
  });

  it('holds an execution of a prepared statement with its values', async () => {
    await connected(async (client) => {
      const update = client.query('UPDATE customers SET plan = $1 WHERE id = $2', ['gold', 2]);
      const hold = await gateway.nextHold();
      expect(hold.card.parameters).toEqual(['gold', '2']);
      hold.deny('not today');
      await expect(update).rejects.toMatchObject({
        code: '42501',
        detail: 'not today',
        routine: 'hoopctl_denied',
      });
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    });
    expect((await server.query('SELECT plan FROM customers WHERE id = 2'))[0]?.plan).toBe('pro');
  });

  it('runs nothing when the client goes away while its statement waits', async () => {
    const client = new pg.Client({ connectionString: gateway.url() });
    client.on('error', () => {});
    await client.connect();
    client.query('DELETE FROM customers').catch(() => {});
    const hold = await gateway.nextHold();
    const ended = gateway.nextEnd();
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    await ended;
    hold.approve();
    expect((await server.query('SELECT count(*)::int AS n FROM customers'))[0]?.n).toBe(2);
  });

  it('judges all statements of one text before the first runs', async () => {
    await connected(async (client) => {
      await expect(client.query('CREATE TABLE scratch_1 (a int); DROP TABLE customers')).rejects.toThrow(
        'hoopctl',
      );
    });
    expect(await server.query("SELECT 1 FROM pg_class WHERE relname = 'scratch_1'")).toEqual([]);
  });

  it('follows search_path, temporary tables and tables made in the open transaction', async () => {
    await connected(async (client) => {
      await client.query('CREATE TEMP TABLE customers (card_number text)');
      await client.query('BEGIN');
      await client.query('CREATE TABLE scratch_2 (a int)');
      const { rows } = await client.query('SELECT * FROM scratch_2');
      expect(rows).toEqual([]);
      await client.query('ROLLBACK');
      const { rows: own } = await client.query('SELECT * FROM customers');
      expect(own).toEqual([]);
      const { rows: shop } = await client.query('SELECT card_number FROM public.customers');
      expect(JSON.stringify(shop)).not.toContain(SECRET);
    });
  });

  it('sees a table that somebody else has just made, and says 42P01 for one that nobody has', async () => {
    await connected(async (client) => {
      await client.query('SELECT 1');
      await server.query('CREATE TABLE newcomer AS SELECT 7 AS seven; GRANT SELECT ON newcomer TO app');
      expect((await client.query('SELECT seven FROM newcomer')).rows).toEqual([{ seven: 7 }]);
      await expect(client.query('SELECT * FROM nowhere')).rejects.toMatchObject({ code: '42P01' });
      await expect(client.query('SELECT * FROM nowhere WHERE a = $1', [1])).rejects.toMatchObject({
        code: '42P01',
      });
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    });
  });

  it('calls a function that somebody else has just made, and says 42883 for one that nobody has', async () => {
    await connected(async (client) => {
      await client.query('SELECT 1');
      await server.query(
        'CREATE FUNCTION newly(n int) RETURNS int IMMUTABLE LANGUAGE sql AS $$ SELECT n + 1 $$',
      );
      expect((await client.query('SELECT newly(6) AS seven')).rows).toEqual([{ seven: 7 }]);
      await expect(client.query('SELECT never(6)')).rejects.toMatchObject({ code: '42883' });
      await expect(client.query('SELECT shop.never($1::int)', [6])).rejects.toMatchObject({ code: '42883' });
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    });
  });

  it('says which column does not exist, also of a table with masked ones', async () => {
    await connected(async (client) => {
      for (const text of [
        'SELECT nmae FROM customers',
        'SELECT id FROM customers c WHERE c.nmae = 1',
        'SELECT id FROM customers WHERE nmae = $1',
        'SELECT id FROM customers ORDER BY nmae',
      ]) {
        const values = text.includes('$1') ? ['x'] : [];
        await expect(client.query(text, values), text).rejects.toMatchObject({
          code: '42703',
          message: expect.stringMatching(/column "?(c\.)?nmae"? does not exist/),
        });
      }
      await server.query('ALTER TABLE customers ADD COLUMN joined date');
      expect((await client.query('SELECT id FROM customers WHERE joined IS NULL ORDER BY id')).rows).toEqual([
        { id: 1 },
        { id: 2 },
      ]);
      await server.query('ALTER TABLE customers DROP COLUMN joined');
    });
  });

  it('says what is wrong with a text that does not parse, and where', async () => {
    await connected(async (client) => {
      const failure = { code: '42601', message: expect.stringContaining('syntax error at or near "nme"') };
      const text = "SELECT 'ü' nme nme FROM customers";
      const at = { ...failure, position: String(text.lastIndexOf('nme') + 1) };
      await expect(client.query(text)).rejects.toMatchObject(at);
      await expect(client.query({ text, values: [] })).rejects.toMatchObject(at);
      await client.query('BEGIN');
      await expect(client.query('SELEC 1')).rejects.toMatchObject({ code: '42601' });
      await expect(client.query('SELEC 1')).rejects.toMatchObject({ code: '42601' });
      await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' });
      await client.query('ROLLBACK');
    });
  });

  it('runs an EXECUTE under the meaning its names have now', async () => {
    await connected(async (client) => {
      await client.query('CREATE TEMP TABLE plans (plan text)');
      await client.query('PREPARE q AS SELECT name FROM customers');
      expect((await client.query('EXECUTE q')).rows).toHaveLength(2);
      await server.query(
        'CREATE OR REPLACE VIEW mirror AS SELECT id, card_number AS name FROM customers; GRANT SELECT ON mirror TO app',
      );
      await client.query('PREPARE v AS SELECT name FROM mirror');
      expect(JSON.stringify((await client.query('EXECUTE v')).rows)).not.toContain(SECRET);
    });
    expect(gateway.shown().includes(SECRET)).toBe(false);
  });

  it('takes a new policy at the next statement', async () => {
    await connected(async (client) => {
      await client.query('SELECT 1');
      gateway.applyPolicy('version: 1\nrules: [{name: no-riddles, effects: [unknown], decision: block}]\n');
      await expect(client.query('SELEC 1')).rejects.toMatchObject({ code: '42601' });
      gateway.applyPolicy('version: 1\ndefault: block\nrules: []\n');
      await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: '42501' });
    });
  });

  it('says 57P01 and ends when the session is cut', async () => {
    const client = new pg.Client({ connectionString: gateway.url() });
    const failed = new Promise<Error & { code?: string }>((resolve) => client.on('error', resolve));
    await client.connect();
    gateway.cut('the daemon stops');
    expect((await failed).code).toBe('57P01');
  });

  it('runs nothing that cannot be recorded, and says so', async () => {
    const client = new pg.Client({ connectionString: gateway.url() });
    client.on('error', () => {});
    await client.connect();
    gateway.recordingFails = new Internal('recording_failed', 'the recording cannot be written: disk full');
    await expect(client.query('SELECT 1')).rejects.toMatchObject({
      code: '58030',
      message: expect.stringContaining('recording'),
    });
    await client.end().catch(() => {});
  });
});
