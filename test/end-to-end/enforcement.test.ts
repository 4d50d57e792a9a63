import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectClient, type GovernedShop, openShop } from '../servers/governed-shop.ts';

const policy = (more: string) => `version: 1
groups:
  agents: [devin]
rules:
  - {name: read, effects: [read, session], decision: allow}
${more}`;

let shop: GovernedShop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop?.stop());

async function open() {
  const { url } = await shop.hoopctl.proxy('prod-db', { token: shop.devin });
  return connectClient(url);
}

it('an approver reads on the card what a rehearsal has shown', async () => {
  await shop.hoopctl.applyPolicy(
    policy('  - {name: write, effects: [write], decision: approve, rehearse: true}\n'),
  );
  const { client, nextApproval } = await open();
  const answer = client.query("UPDATE customers SET plan = 'gold' WHERE id = 1");
  const id = await nextApproval();
  const card = await shop.hoopctl.approve(id, { token: shop.ana });
  expect(`${card.stdout}${card.stderr}`).toMatch(/rehearsed: public\.customers: 1 updated/);
  expect(`${card.stdout}${card.stderr}`).toMatch(/after: id=1 .*plan=gold/);
  expect((await answer).rowCount).toBe(1);
  expect(await shop.plan()).toBe('gold');
  await client.end();
});

it('a COMMIT waits with the counts of its writes, and what it did is on the record', async () => {
  await shop.hoopctl.applyPolicy(
    policy('  - {name: write, effects: [write], decision: approve, at: commit}\n'),
  );
  const { client, nextApproval } = await open();
  await client.query('BEGIN');
  await client.query("UPDATE customers SET plan = 'basic'");
  const commit = client.query('COMMIT');
  const id = await nextApproval();
  expect(await shop.plan()).toBe('gold');
  const card = await shop.hoopctl.approve(id, { token: shop.ana });
  expect(`${card.stdout}${card.stderr}`).toMatch(/UPDATE public\.customers · 2 rows/);
  await commit;
  expect(await shop.plan()).toBe('basic');
  await client.end();
});

it('a limit asks an approver, who lets it begin anew, and refuses one session too many', async () => {
  await shop.hoopctl.applyPolicy(
    policy(`limits:
  - {name: asked, statements: 2, decision: approve}
  - {name: alone, sessions: 1, decision: block}
`),
  );
  const { client, nextApproval } = await open();
  await client.query('SELECT 1');
  await client.query('SELECT 2');
  const third = client.query('SELECT 3 AS n');
  await shop.hoopctl.approve(await nextApproval(), { token: shop.ana });
  expect((await third).rows).toEqual([{ n: 3 }]);
  await client.query('SELECT 4');
  await expect(open()).rejects.toThrow(/limit "alone"/);
  await client.end();
});
