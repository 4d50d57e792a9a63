import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestGateway } from '../servers/gateway.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';

const POLICY = `version: 1
rules:
  - {name: read, effects: [read, session], decision: allow}
  - {name: write, effects: [write, ddl], decision: approve, rehearse: true}
masks:
  - {name: mail, columns: ["public.people.email"], strategy: redact}
`;

describe.each(['debian', 'embedded'] as const)('a rehearsal on PostgreSQL from %s', (version) => {
  let server: TestPostgres;
  let gateway: TestGateway;
  let client: pg.Client;

  beforeAll(async () => {
    server = await startPostgres({ version });
    await server.createRole('app', 'secret');
    await server.query('CREATE DATABASE shop');
    await server.query(
      `CREATE TABLE people (id int PRIMARY KEY, name text, email text);
       INSERT INTO people SELECT g, 'name ' || g, 'secret' || g || '@x.test' FROM generate_series(1, 20) g;
       CREATE TABLE orders (id int PRIMARY KEY, person int REFERENCES people ON DELETE CASCADE);
       INSERT INTO orders SELECT g, g FROM generate_series(1, 20) g;
       CREATE TABLE audit (op text);
       CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.audit VALUES (TG_OP); RETURN NULL; END $$;
       CREATE TRIGGER t AFTER UPDATE OR DELETE ON people FOR EACH ROW EXECUTE FUNCTION note();
       CREATE TABLE numbered (id serial PRIMARY KEY, v text);
       CREATE TABLE loud (v text);
       CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('x', 'y'); RETURN NEW; END $$;
       CREATE TRIGGER t BEFORE INSERT ON loud FOR EACH ROW EXECUTE FUNCTION shout();
       GRANT ALL ON ALL TABLES IN SCHEMA public TO app; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app`,
      'shop',
    );
    gateway = await TestGateway.start(server.url('app', 'secret', 'shop'), { policy: POLICY });
    client = new pg.Client({ connectionString: gateway.url() });
    client.on('error', () => {});
    await client.connect();
  });
  afterAll(async () => {
    await client?.end().catch(() => {});
    await gateway?.stop();
    await server?.stop();
  });
  const card = async (text: string, values?: unknown[]) => {
    const answer = client.query(text, values).catch((error: Error) => error);
    const hold = await gateway.nextHold();
    hold.deny('only looking');
    await answer;
    return hold.card.rehearsal ?? [];
  };

  it('counts rows by table, cascades and triggers included, and shows five before and after, masked', async () => {
    const lines = await card("UPDATE people SET name = upper(name), email = 'new@x.test' WHERE id <= 7");
    expect(lines.slice(0, 2)).toEqual([
      'rehearsed: public.audit: 7 inserted',
      'rehearsed: public.people: 7 updated',
    ]);
    expect(lines.filter((line) => line.startsWith('before: '))).toHaveLength(5);
    expect(lines).toContain('before: id=1 name=name 1 email=[masked]');
    expect(lines).toContain('after: id=1 name=NAME 1 email=[masked]');
    expect(lines.join()).not.toMatch(/@x\.test/);
    expect(await card('DELETE FROM people WHERE id > $1', [18])).toEqual(
      expect.arrayContaining([
        'rehearsed: public.audit: 2 inserted',
        'rehearsed: public.orders: 2 deleted',
        'rehearsed: public.people: 2 deleted',
      ]),
    );
    expect(
      await server.query(
        'SELECT count(*)::int AS n, (SELECT count(*)::int FROM audit) AS a FROM people',
        'shop',
      ),
    ).toEqual([{ n: 20, a: 0 }]);
  });

  it('says that nothing would be touched, or that the statement fails', async () => {
    expect(await card('DELETE FROM people WHERE id = 0')).toEqual(['rehearsed: no row would be touched']);
    expect((await card('INSERT INTO people VALUES (1)'))[0]).toMatch(
      /^rehearsed and failed: .*(duplicate key|23505)/,
    );
  });

  it.each([
    ["INSERT INTO numbered (v) VALUES ('x')", /a new row takes a number of a sequence \(id\)/],
    ["INSERT INTO loud VALUES ('x')", /trigger function public.shout: pg_catalog.pg_notify is not undone/],
    ['DROP TABLE audit', /DROP TABLE takes strong locks/],
    ['TRUNCATE audit', /TRUNCATE takes strong locks/],
    ["SELECT nextval('numbered_id_seq')", /SELECT takes strong locks, or cannot be taken back/],
    ["UPDATE people SET id = nextval('numbered_id_seq') WHERE id = 1", /nextval is not undone/],
    ['UPDATE audit SET op = 1; DELETE FROM audit', /more than one statement/],
  ])('is not made of %s, and the card says why', async (text, why) => {
    expect((await card(text))[0]).toMatch(why);
    expect(await server.query('SELECT last_value::int AS n, is_called FROM numbered_id_seq', 'shop')).toEqual(
      [{ n: 1, is_called: false }],
    );
  });

  it('waits for nobody who holds a lock', async () => {
    const holder = new pg.Client({ connectionString: server.url('postgres', server.password, 'shop') });
    holder.on('error', () => {});
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE people');
    const began = performance.now();
    expect((await card('DELETE FROM people WHERE id = 1'))[0]).toMatch(
      /rehearsed and failed: .*(lock timeout|55P03)/,
    );
    expect(performance.now() - began).toBeLessThan(5000);
    await holder.end();
  });

  it('is not made inside an open transaction', async () => {
    await client.query('BEGIN');
    expect((await card('DELETE FROM people WHERE id = 1'))[0]).toMatch(/a transaction is open/);
    await client.query('ROLLBACK');
  });
});

const AT_COMMIT = `version: 1
rules:
  - {name: read, effects: [read, session], decision: allow}
  - {name: write, effects: [write], decision: approve, at: commit, expires: 2s}
`;

describe.each(['debian', 'embedded'] as const)('a hold of the commit on PostgreSQL from %s', (version) => {
  let server: TestPostgres;
  let gateway: TestGateway;
  let client: pg.Client;

  beforeAll(async () => {
    server = await startPostgres({ version });
    await server.createRole('app', 'secret');
    await server.query('CREATE DATABASE shop');
    await server.query('CREATE TABLE items (id int PRIMARY KEY, v text); GRANT ALL ON items TO app', 'shop');
  });
  afterAll(() => server?.stop());
  afterEach(async () => {
    await client?.end().catch(() => {});
    await gateway?.stop();
    await server.query('TRUNCATE items', 'shop');
  });

  async function open(): Promise<pg.Client> {
    gateway = await TestGateway.start(server.url('app', 'secret', 'shop'), { policy: AT_COMMIT });
    client = new pg.Client({ connectionString: gateway.url() });
    client.on('error', () => {});
    await client.connect();
    return client;
  }
  const rows = async () => (await server.query('SELECT count(*)::int AS n FROM items', 'shop'))[0]?.n;

  it('lets writes run, shows their counts at COMMIT, and commits after a yes', async () => {
    await open();
    await client.query('BEGIN');
    await client.query("INSERT INTO items SELECT g, 'x' FROM generate_series(1, 12) g");
    await client.query('UPDATE items SET v = $1 WHERE id <= $2', ['y', 3]);
    expect((await client.query('SELECT count(*)::int AS n FROM items')).rows).toEqual([{ n: 12 }]);
    const commit = client.query('COMMIT');
    const hold = await gateway.nextHold();
    expect(hold.card.effects).toEqual([
      'session: COMMIT',
      'INSERT public.items · 12 rows',
      'UPDATE public.items · 3 rows',
      "ran: INSERT INTO items SELECT g, 'x' FROM generate_series(1, 12) g",
      "ran: UPDATE items SET v = $1 WHERE id <= $2 ($1 = 'y', $2 = '3')",
    ]);
    expect(await rows()).toBe(0);
    hold.approve();
    expect((await commit).command).toBe('COMMIT');
    expect(await rows()).toBe(12);
    // The next transaction asks anew.
    await client.query('BEGIN; SELECT 1; COMMIT');
  });

  it('rolls back after a no, and the session is outside of any transaction', async () => {
    await open();
    await client.query('BEGIN');
    await client.query("INSERT INTO items VALUES (1, 'x')");
    const commit = client.query('COMMIT');
    (await gateway.nextHold()).deny('not today');
    await expect(commit).rejects.toThrow(/denied by ana/);
    expect(await rows()).toBe(0);
    await expect(client.query('SELECT 1')).resolves.toBeDefined();
    expect(
      await server.query(
        "SELECT count(*)::int AS n FROM pg_locks WHERE relation = 'items'::regclass",
        'shop',
      ),
    ).toEqual([{ n: 0 }]);
  });

  it('a rollback by the client needs nobody', async () => {
    await open();
    await client.query('BEGIN');
    await client.query("INSERT INTO items VALUES (1, 'x')");
    await client.query('ROLLBACK');
    await client.query('BEGIN');
    await client.query('COMMIT');
    expect(await rows()).toBe(0);
  });

  it('what a card could not show whole waits by itself', async () => {
    await open();
    await client.query('BEGIN');
    const long = `INSERT INTO items VALUES (1, '${'x'.repeat(60_000)}')`;
    await client.query(long);
    const second = client.query('INSERT INTO items VALUES (2, $1)', ['y'.repeat(10_000)]).catch(() => {});
    const own = await gateway.nextHold();
    expect(own.card.statement).toBe('INSERT INTO items VALUES (2, $1)');
    own.deny('no');
    await second;
    await client.query('ROLLBACK');
    await client.query('BEGIN');
    await client.query(long);
    const commit = client.query('COMMIT').catch(() => {});
    const hold = await gateway.nextHold();
    expect(hold.card.effects.at(-1)).toBe(`ran: ${long}`);
    hold.deny('no');
    await commit;
    expect(await rows()).toBe(0);
  });

  it('what runs by its name alone waits by itself', async () => {
    await open();
    const prepared = client.query("PREPARE p AS INSERT INTO items VALUES (1, 'x')");
    (await gateway.nextHold()).approve();
    await prepared;
    await client.query('BEGIN');
    const executed = client.query('EXECUTE p').catch(() => {});
    const hold = await gateway.nextHold();
    expect(hold.card).toMatchObject({ statement: 'EXECUTE p', named: [{ name: 'p' }] });
    hold.deny('no');
    await executed;
    expect(await rows()).toBe(0);
  });

  it('outside of a transaction the statement itself waits', async () => {
    await open();
    const insert = client.query("INSERT INTO items VALUES (1, 'x')");
    const hold = await gateway.nextHold();
    expect(hold.card.statement).toBe("INSERT INTO items VALUES (1, 'x')");
    hold.deny('no');
    await expect(insert).rejects.toThrow(/denied/);
  });

  it.each([
    "BEGIN; INSERT INTO items VALUES (1, 'x'); COMMIT",
    "INSERT INTO items VALUES (1, 'x'); COMMIT",
    "COMMIT; INSERT INTO items VALUES (1, 'x')",
  ])('a text that would settle itself waits whole: %s', async (text) => {
    await open();
    const answer = client.query(text).catch(() => {});
    (await gateway.nextHold()).deny('no');
    await answer;
    expect(await rows()).toBe(0);
  });

  it.each(['END', 'COMMIT AND CHAIN', 'SELECT 1; COMMIT', 'commit work'])(
    '%s waits like COMMIT',
    async (text) => {
      await open();
      await client.query('BEGIN');
      await client.query("INSERT INTO items VALUES (1, 'x')");
      const answer = client.query(text).catch(() => {});
      (await gateway.nextHold()).deny('no');
      await answer;
      expect(await rows()).toBe(0);
    },
  );

  it('a COMMIT that was bound before the write is not a way round', async () => {
    await open();
    await client.query('BEGIN');
    await client.query({ name: 'c', text: 'SELECT 1' });
    await client.query("INSERT INTO items VALUES (1, 'x')");
    const answer = client.query({ name: 'commit', text: 'COMMIT', values: [] }).catch(() => {});
    (await gateway.nextHold()).deny('no');
    await answer;
    expect(await rows()).toBe(0);
  });

  it('ends the session when writes wait too long for their COMMIT', async () => {
    await open();
    const ended = gateway.nextEnd();
    await client.query('BEGIN');
    await client.query("INSERT INTO items VALUES (1, 'x')");
    await ended;
    expect(gateway.ended).toEqual(['its writes have waited too long for their COMMIT']);
    expect(await rows()).toBe(0);
  });
});
