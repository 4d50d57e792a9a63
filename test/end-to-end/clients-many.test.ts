import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALLOW_ALL } from '../servers/client-paths.ts';
import { Hoopctl, type Proxy as ServedProxy } from '../servers/hoopctl.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { descriptors, residentMiB } from '../servers/process-memory.ts';

/** `HOOPCTL_TEST_BULK=1` opens 500 sessions at once. */
const FULL = process.env.HOOPCTL_TEST_BULK !== undefined;
const SESSIONS = FULL ? 500 : 200;
const CONNECTS = FULL ? 500 : 250;

let server: TestPostgres;
let hoopctl: Hoopctl;
let proxy: ServedProxy;
let daemon: number;
beforeAll(async () => {
  server = await startPostgres({ settings: { max_connections: '600', fsync: 'off' } });
  await server.query('CREATE TABLE counted (session int, n int)');
  hoopctl = await Hoopctl.initialised();
  await hoopctl.addConnection('prod-db', server.url(), server.password);
  const token = await hoopctl.createIdentity('devin', 'requester', 'agents');
  await hoopctl.applyPolicy(ALLOW_ALL);
  proxy = await hoopctl.proxy('prod-db', { token });
  daemon = (await hoopctl.daemonPid()) ?? 0;
  await converse(await connected(), 0);
});
afterAll(async () => {
  await hoopctl?.close();
  await server?.stop();
});

async function connected(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: proxy.url, application_name: 'crowd' });
  await client.connect();
  return client;
}

async function converse(client: pg.Client, session: number): Promise<number> {
  await client.query('BEGIN');
  for (let n = 0; n < 3; n++) {
    await client.query({ name: 'count', text: 'INSERT INTO counted VALUES ($1, $2)', values: [session, n] });
  }
  await client.query('COMMIT');
  const { rows } = await client.query('SELECT sum(n)::int AS sum FROM counted WHERE session = $1', [session]);
  await client.end();
  return rows[0].sum;
}

/** Sessions of these clients that the server has. */
const left = async () =>
  (await server.query("SELECT 1 FROM pg_stat_activity WHERE application_name = 'crowd'")).length;

describe('many clients of one proxy', () => {
  it(`serves ${SESSIONS} sessions at once, each of them to its end`, { timeout: 120_000 }, async () => {
    const clients = await Promise.all(Array.from({ length: SESSIONS }, connected));
    expect(await left()).toBe(SESSIONS);
    const sums = await Promise.all(clients.map((client, n) => converse(client, n + 1)));
    expect(sums).toEqual(Array.from({ length: SESSIONS }, () => 3));
    await expect.poll(left).toBe(0);
    const { sessions } = await hoopctl.json<{ sessions: { status: string }[] }>([
      'session',
      'list',
      '--limit',
      '1000',
    ]);
    expect(sessions.length).toBeGreaterThan(SESSIONS);
  });

  it(`leaves nothing behind after ${CONNECTS} connects`, { timeout: 120_000 }, async () => {
    const churn = async (count: number) => {
      const worker = async () => {
        while (count-- > 0) await converse(await connected(), 1000);
      };
      await Promise.all(Array.from({ length: 8 }, worker));
      await expect.poll(left).toBe(0);
    };
    await churn(50);
    const before = { descriptors: descriptors(daemon), memory: residentMiB(daemon) };
    await churn(CONNECTS);
    await expect.poll(() => descriptors(daemon)).toBeLessThanOrEqual(before.descriptors + 2);
    // A connect leaves some 50 KiB of garbage, which V8 lets lie until it needs the room: on a busy machine, all of it.
    expect(residentMiB(daemon) - before.memory).toBeLessThan(96);
  });
});
