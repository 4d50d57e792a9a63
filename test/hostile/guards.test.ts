import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestGateway } from '../servers/gateway.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { run } from '../servers/psql.ts';

/** A policy that allows what it cannot understand as well: what is left is what the server enforces. */
const policy = (guard: string) => `version: 1
rules:
  - {name: all, effects: [read, write, ddl, admin, session, unknown], decision: allow}
guards:
  - {name: g, ${guard}}
`;

describe.each(['debian', 'embedded'] as const)('PostgreSQL from %s', (version) => {
  let server: TestPostgres;
  let gateway: TestGateway;
  const clients: pg.Client[] = [];

  beforeAll(async () => {
    server = await startPostgres({ version });
    await server.createRole('app', 'secret', 'CREATEROLE');
    await server.query('CREATE DATABASE shop');
    await server.query(
      `CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a');
       CREATE TABLE hidden (v text); INSERT INTO hidden VALUES ('x');
       GRANT ALL ON items, hidden TO app WITH GRANT OPTION;
       GRANT CREATE ON SCHEMA public TO app WITH GRANT OPTION;
       CREATE ROLE agent_template; GRANT SELECT ON items TO agent_template;
       GRANT agent_template TO app WITH ADMIN OPTION;
       CREATE FUNCTION sneak() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'UPDATE items SET name = ''b'''; END $$`,
      'shop',
    );
  });
  afterAll(() => server?.stop());
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.end().catch(() => {});
    await gateway?.stop();
  });

  async function open(guard: string, parameters = ''): Promise<pg.Client> {
    gateway = await TestGateway.start(server.url('app', 'secret', 'shop'), { policy: policy(guard) });
    const client = new pg.Client({ connectionString: gateway.url(parameters) });
    client.on('error', () => {});
    await client.connect();
    clients.push(client);
    return client;
  }
  const roles = async () =>
    (await server.query("SELECT rolname FROM pg_roles WHERE rolname ~ '^hoopctl_'")).map(
      (row) => row.rolname,
    );

  it('a read-only session stays one, whatever the client says', async () => {
    const client = await open('read_only: true');
    expect((await client.query('SHOW default_transaction_read_only')).rows[0]).toMatchObject({
      default_transaction_read_only: 'on',
    });
    await expect(client.query('SELECT sneak()')).rejects.toMatchObject({ code: '25006' });
    for (const text of [
      'SET TRANSACTION READ WRITE',
      'BEGIN READ WRITE; DELETE FROM items; COMMIT',
      'START TRANSACTION READ WRITE',
      'SET transaction_read_only = off',
      'SET default_transaction_read_only = off; DELETE FROM items',
      'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE',
      "SELECT set_config('default_transaction_read_only', 'off', false)",
      "SELECT set_config('default_' || 'transaction_read_only', 'off', false)",
      "DO $$ BEGIN PERFORM set_config('transaction_read_only', 'off', false); END $$",
      "UPDATE pg_settings SET setting = 'off' WHERE name = 'default_transaction_read_only'",
    ]) {
      await expect(client.query(text), text).rejects.toThrow(/guard "g"|read-only/);
    }
    await client.query('RESET ALL');
    await client.query('DISCARD ALL');
    await expect(client.query('DELETE FROM items')).rejects.toMatchObject({ code: '25006' });
  });

  it('timeouts hold, can be made shorter, and are not made longer', async () => {
    const client = await open(
      'statement_timeout: 2s, lock_timeout: 1s',
      '?options=-c%20statement_timeout%3D0',
    );
    expect((await client.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '2s' }]);
    await client.query("SET statement_timeout = '100ms'");
    await expect(client.query('SELECT pg_sleep(5)')).rejects.toMatchObject({ code: '57014' });
    await client.query('RESET statement_timeout');
    for (const text of [
      'SET statement_timeout = 0; SELECT 1',
      "SET statement_timeout = '0x7fffffff'",
      'DO $$ BEGIN SET statement_timeout = 0; END $$; SET statement_timeout = 0',
    ]) {
      await expect(client.query(text), text).rejects.toThrow(/guard "g"/);
    }
    await expect(client.query("SELECT set_config('lock_timeout', '0', true)")).rejects.toThrow(/guard "g"/);
    expect((await client.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '2s' }]);
  });

  it('what tools set without meaning anything by it is answered, and the guard stays: SHOW and a notice say so', async () => {
    const client = await open(
      'read_only: true, statement_timeout: 2s, lock_timeout: 1s, idle_in_transaction_session_timeout: 5s',
    );
    const notices: (string | undefined)[] = [];
    client.on('notice', (notice) => notices.push(notice.message));
    for (const [text, setting, value] of [
      ['SET statement_timeout = 0', 'statement_timeout', '2s'],
      ["SET SESSION statement_timeout TO '1min'", 'statement_timeout', '2s'],
      ['SET lock_timeout = 0', 'lock_timeout', '1s'],
      ['set idle_in_transaction_session_timeout to 0', 'idle_in_transaction_session_timeout', '5s'],
      ['SET default_transaction_read_only = off', 'default_transaction_read_only', 'on'],
      ['SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE', 'default_transaction_read_only', 'on'],
    ] as const) {
      expect((await client.query(text)).command).toBe('SET');
      expect(notices.splice(0), text).toEqual([expect.stringMatching(/guard "g" holds: SET/)]);
      // By Parse, Bind and Execute as well.
      await client.query({ text, name: text.slice(0, 60) });
      await client.query({ text, name: text.slice(0, 60) });
      expect(notices.splice(0)).toHaveLength(2);
      expect(Object.values((await client.query(`SHOW ${setting}`)).rows[0])).toEqual([value]);
    }
    await client.query('BEGIN; SET LOCAL lock_timeout = 500');
    await client.query('SET LOCAL lock_timeout = 0');
    expect((await client.query('SHOW lock_timeout')).rows).toEqual([{ lock_timeout: '1s' }]);
    await client.query('COMMIT');
    await expect(client.query('DELETE FROM items')).rejects.toMatchObject({ code: '25006' });
    expect(gateway.notes).toContain('sent instead: SET statement_timeout = 2000');
  });

  it('a stricter wish of the startup packet stays', async () => {
    const client = await open('statement_timeout: 2s', '?options=-c%20statement_timeout%3D100');
    expect((await client.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '100ms' }]);
  });

  it('pg_dump and psql work under every guard of time', async () => {
    await open(
      'read_only: true, statement_timeout: 60s, lock_timeout: 5s, idle_in_transaction_session_timeout: 60s',
    );
    const dumped = await run('pg_dump', ['--dbname', gateway.url(), '--table=items']);
    expect(dumped).toMatchObject({ code: version === 'debian' ? 0 : expect.any(Number) });
    if (version === 'debian') expect(dumped.stdout).toContain('COPY public.items');
  });

  it.each([
    ['read_only: true', 'statement_timeout: 1h'],
    ['lock_timeout: 1s', 'lock_timeout: 5s'],
    ['role: {template: agent_template, valid_for: 1h}', 'read_only: true'],
  ])(
    'a guard that comes while a session runs (%s) ends it before its next statement',
    async (now, before) => {
      const client = await open(before);
      await client.query('SELECT 1');
      const ended = gateway.nextEnd();
      gateway.applyPolicy(policy(now));
      await expect(client.query('INSERT INTO items VALUES (99)')).rejects.toMatchObject({
        code: '57P01',
        message: expect.stringMatching(/guard "g" came or became stricter/),
      });
      await ended;
      expect(await server.query('SELECT 1 FROM items WHERE id = 99', 'shop')).toEqual([]);
    },
  );

  it('a portal that was bound before the guard came is not executed either', async () => {
    const client = await open('statement_timeout: 1h');
    await client.query({ name: 'p', text: 'SELECT 1' });
    gateway.applyPolicy(policy('statement_timeout: 1h, read_only: true'));
    await expect(client.query({ name: 'p', text: 'SELECT 1' })).rejects.toThrow(/guard "g"/);
  });

  it('a guard that is loosened while a session runs stays as the session began', async () => {
    const client = await open('statement_timeout: 2s');
    gateway.applyPolicy(policy('statement_timeout: 9s'));
    expect((await client.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '2s' }]);
  });

  it('a session runs as a role of its own that may do what is granted, and that is gone with it', async () => {
    const client = await open(
      'role: {template: agent_template, valid_for: 1h, grants: [{privileges: [insert], tables: [public.items]}]}',
    );
    const [row] = (await client.query('SELECT session_user, current_user')).rows;
    expect(row.session_user).toMatch(/^hoopctl_[0-9a-f]{8}_[0-9a-f]{16}$/);
    expect(row.current_user).toBe(row.session_user);
    expect((await client.query('SELECT * FROM items')).rows).toHaveLength(1);
    await client.query("INSERT INTO items VALUES (2, 'b')");
    await expect(client.query('SELECT * FROM hidden')).rejects.toMatchObject({ code: '42501' });
    await expect(client.query('SELECT sneak()')).rejects.toMatchObject({ code: '42501' });
    await expect(client.query('SET SESSION AUTHORIZATION app')).rejects.toMatchObject({ code: '42501' });
    await client.query('RESET ROLE');
    expect(await roles()).toEqual([row.session_user]);
    expect(
      await server.query(
        `SELECT rolvaliduntil > now() AS later FROM pg_roles WHERE rolname = '${row.session_user}'`,
      ),
    ).toEqual([{ later: true }]);
    const ended = gateway.nextEnd();
    await client.end();
    await ended;
    expect(await roles()).toEqual([]);
  });

  it('what the role made goes to the credential, and a killed session leaves no role', async () => {
    const client = await open(
      'role: {valid_for: 1h, grants: [{privileges: [create, usage], schemas: [public]}]}',
    );
    await client.query(`CREATE TABLE made_${version} (id int)`);
    const ended = gateway.nextEnd();
    gateway.cut('killed by an operator');
    await ended;
    expect(await roles()).toEqual([]);
    expect(
      await server.query(`SELECT tableowner FROM pg_tables WHERE tablename = 'made_${version}'`, 'shop'),
    ).toEqual([{ tableowner: 'app' }]);
  });

  it('a session ends when its role expires', async () => {
    await open('role: {template: agent_template, valid_for: 1s}');
    await gateway.nextEnd();
    expect(gateway.ended).toEqual(['the role of this session has expired']);
    expect(await roles()).toEqual([]);
  });

  it('roles that a crash left behind are swept, with the sessions that still run under them', async () => {
    const client = await open('role: {template: agent_template, valid_for: 1h}');
    const [row] = (await client.query('SELECT session_user AS name')).rows;
    const tag = row.name.slice(0, 'hoopctl_12345678'.length);
    const left = `${tag}_00000000000000aa`;
    const foreign = 'hoopctl_00000000_00000000000000bb';
    const expired = 'hoopctl_00000000_00000000000000cc';
    await server.query(`
      SET SESSION AUTHORIZATION app;
      CREATE ROLE ${left} LOGIN PASSWORD 'x'; CREATE ROLE ${foreign} LOGIN VALID UNTIL 'infinity';
      CREATE ROLE ${expired} LOGIN VALID UNTIL '2020-01-01'`);
    const stray = new pg.Client({ connectionString: server.url(left, 'x', 'shop') });
    const gone = new Promise<void>((resolve) => stray.on('end', () => resolve()));
    stray.on('error', () => {});
    await stray.connect();
    expect([...(await gateway.target.sweep!()).swept].sort()).toEqual([expired, left].sort());
    await gone;
    expect((await roles()).sort()).toEqual([foreign, row.name].sort());
    await server.query(`DROP ROLE ${foreign}`);
  });

  it('a role goes with what it made, gave away and set for what is still to come', async () => {
    const client = await open(
      'role: {template: agent_template, valid_for: 1h, grants: [{privileges: [create, usage], schemas: [public]}]}',
    );
    const [{ name }] = (await client.query('SELECT session_user AS name')).rows;
    await client.query(`CREATE TABLE kept_${version} (id int); CREATE SEQUENCE kept_seq_${version};
      CREATE TYPE kept_type_${version} AS ENUM ('a');
      CREATE FUNCTION kept_fn_${version}() RETURNS int LANGUAGE sql AS 'SELECT 1';
      GRANT SELECT ON kept_${version} TO PUBLIC;
      ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO app`);
    await client.query(
      'CREATE TEMP TABLE mine (id int); BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT 1; COMMIT',
    );
    const ended = gateway.nextEnd();
    await client.end();
    await ended;
    expect(gateway.notes).toEqual([]);
    expect(await roles()).not.toContain(name);
  });

  it('a role that cannot be dropped yet stays locked out, and hinders nobody', async () => {
    const client = await open(
      'role: {valid_for: 1h, grants: [{privileges: [create, usage], schemas: [public]}]}',
    );
    const [{ name }] = (await client.query('SELECT session_user AS name')).rows;
    await client.query(`CREATE TABLE held_${version} (id int)`);
    const other = new pg.Client({ connectionString: server.url('postgres', server.password, 'shop') });
    other.on('error', () => {});
    await other.connect();
    await other.query(`BEGIN; LOCK TABLE held_${version} IN ACCESS SHARE MODE`);
    const ended = gateway.nextEnd();
    await client.end();
    await ended;
    expect(gateway.notes).toEqual([expect.stringMatching(/could not be dropped: .*lock timeout/)]);
    const next = new pg.Client({ connectionString: gateway.url() });
    await next.connect();
    await next.end();
    expect(await server.query(`SELECT rolcanlogin FROM pg_roles WHERE rolname = '${name}'`)).toEqual([
      { rolcanlogin: false },
    ]);
    await other.query('ROLLBACK');
    await other.end();
    expect((await gateway.target.sweep!()).swept).toContain(name);
  });

  it('a session that cannot get its role does not begin', async () => {
    await server.query('ALTER ROLE app NOCREATEROLE');
    try {
      await expect(open('role: {template: agent_template, valid_for: 1h}')).rejects.toThrow(
        /role for this session/,
      );
    } finally {
      await server.query('ALTER ROLE app CREATEROLE');
    }
  });
});
