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
