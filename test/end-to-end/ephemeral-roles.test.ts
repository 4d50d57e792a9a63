import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type GovernedShop, openShop, SHOP_POLICY } from '../servers/governed-shop.ts';

let shop: GovernedShop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop?.stop());

const roles = async () =>
  (await shop.server.query("SELECT rolname FROM pg_roles WHERE rolname ~ '^hoopctl_'")).map(
    (row) => row.rolname,
  );

it('a daemon that was killed leaves no role behind once the next one runs', async () => {
  await shop.server.query(
    'ALTER ROLE app CREATEROLE; GRANT SELECT ON customers TO app WITH GRANT OPTION',
    'shop',
  );
  await shop.hoopctl.applyPolicy(`${SHOP_POLICY}guards:
  - name: own-role
    role: {valid_for: 1h, grants: [{privileges: [select], tables: [public.customers]}]}
`);
  const { url } = await shop.hoopctl.proxy('prod-db', { token: shop.devin });
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  const ended = new Promise<void>((resolve) => client.on('end', () => resolve()));
  await client.connect();
  const [{ session_user: role }] = (await client.query('SELECT session_user')).rows;
  expect(await roles()).toEqual([role]);
  process.kill((await shop.hoopctl.daemonPid()) ?? 0, 'SIGKILL');
  expect(await roles()).toEqual([role]);
  await ended;
  await shop.hoopctl.ok(['daemon', 'start']);
  await expect.poll(roles, { timeout: 10_000 }).toEqual([]);
});

it('a daemon that is killed between CREATE ROLE and its grants leaves nothing to sweep', async () => {
  const other = new pg.Client({
    connectionString: shop.server.url('postgres', shop.server.password, 'shop'),
  });
  await other.connect();
  // A GRANT waits for one that is not committed: the role is made by then, and cannot be seen yet.
  await other.query('BEGIN; GRANT SELECT ON customers TO app');
  const { url } = await shop.hoopctl.proxy('prod-db', { token: shop.devin });
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  const refused = expect(client.connect()).rejects.toThrow();
  const waiting = async () =>
    (
      await shop.server.query(
        "SELECT 1 FROM pg_stat_activity WHERE query ~ '^GRANT' AND wait_event_type = 'Lock'",
      )
    ).length;
  await expect.poll(waiting, { timeout: 20_000 }).toBe(1);
  process.kill((await shop.hoopctl.daemonPid()) ?? 0, 'SIGKILL');
  await refused;
  await other.query('ROLLBACK');
  await other.end();
  await expect.poll(waiting).toBe(0);
  expect(await roles()).toEqual([]);
  await shop.hoopctl.ok(['daemon', 'start']);
  expect(await roles()).toEqual([]);
});
