import { z } from 'zod';
import { Internal } from '../base/errors.ts';
import type { Closing } from './closing.ts';
import { GovernedClient, inTime } from './governed-client.ts';
import type { Actors } from './office.ts';
import type { Shop } from './shop.ts';
import type { Stage } from './stage.ts';

export const CONNECTION = 'prod-db';
const READ = 'select id, name, email, card_number, ssn from customers where id < 4';
const SECRETS = 'select id, plan, api_key from customers where id = 1';
const WRITE = "update customers set plan = 'pro' where id = 1";
const DROP = 'drop table customers';
const AFTERWARDS = 'select count(*) as customers from customers';

const approvalsSchema = z.object({ approvals: z.array(z.object({ id: z.string(), statement: z.string() })) });

/** What the agent lives through: a masked read, a write that waits for a person, a refusal that costs it nothing. */
export async function governedSession(
  scene: Actors & {
    readonly stage: Stage;
    readonly shop: Shop;
    readonly passphrase: string;
    readonly closing: Closing;
  },
): Promise<void> {
  const { stage, devin, shop } = scene;
  stage.begin('The agent reads: what the policy masks never reaches it');
  const proxy = await stage.proxy(devin, CONNECTION);
  scene.closing.add(() => proxy.close());
  const client = await GovernedClient.connect(proxy, stage);
  await maskedRead(client, shop);

  stage.begin('The agent writes: the statement waits for a yes');
  await approvedWrite(client, scene);

  stage.begin('The agent drops a table: refused, and the session lives on');
  await blockedDrop(client, shop);
  await client.close();
  await proxy.close();
}

async function maskedRead(client: GovernedClient, shop: Shop): Promise<void> {
  const seen = await client.query(READ);
  const stored = await shop.direct.query({ text: READ, rowMode: 'array' });
  assert(seen.rows.length === 3, 'three rows come back');
  for (const [index, [id, name, ...secrets]] of stored.rows.entries()) {
    const [seenId, seenName, ...masked] = seen.rows[index] ?? [];
    assert(seenId === id && seenName === name, 'columns without a mask come as they are');
    assert(masked.length === 3 && masked.every((value, i) => value !== secrets[i]), 'masked columns do not');
    assert(String(masked[1]).endsWith(String(secrets[1]).slice(-4)), 'a card keeps its last four digits');
  }
  const [row] = (await client.query(SECRETS)).rows;
  const [real] = (await shop.direct.query({ text: SECRETS, rowMode: 'array' })).rows;
  assert(row?.[2] !== real?.[2], 'the detector finds an API key in a column that no mask names');
}

async function approvedWrite(
  client: GovernedClient,
  scene: Actors & { readonly stage: Stage; readonly shop: Shop; readonly passphrase: string },
): Promise<void> {
  const { stage, shop, ana, passphrase } = scene;
  const asked = client.notice(/\bap-[0-9a-z]+\b/);
  const running = client.begin(WRITE);
  const [id] = await Promise.race([
    asked,
    running.then(() => unexpected('the write ran without an approval')),
  ]);
  assert((await planOfFirst(shop)) !== 'pro', 'nothing has run while the statement waits');

  const listed = await stage.run(ana, ['approvals', '--json']);
  const { approvals } = approvalsSchema.parse(JSON.parse(listed.stdout));
  assert(
    approvals.some((approval) => approval.id === id && approval.statement.startsWith(WRITE)),
    'ana sees it',
  );
  await stage.command(ana, ['approve', id, '--yes', '--passphrase-stdin'], { stdin: `${passphrase}\n` });

  const result = await inTime('the row count', running);
  stage.print(`${result.command} ${result.rowCount}`);
  assert(result.rowCount === 1, 'one row was updated');
  assert((await planOfFirst(shop)) === 'pro', 'the approved statement ran');
}

async function blockedDrop(client: GovernedClient, shop: Shop): Promise<void> {
  const refusal = await client.refused(DROP);
  assert(refusal.sqlState === '42501', 'the refusal is SQLSTATE 42501');
  const seen = await client.query(AFTERWARDS);
  assert(
    Number(seen.rows[0]?.[0]) === shop.counts.customers,
    'the same session goes on and all rows are there',
  );
}

async function planOfFirst(shop: Shop): Promise<string> {
  const { rows } = await shop.direct.query<{ plan: string }>('select plan from customers where id = 1');
  return rows[0]?.plan ?? '';
}

function assert(holds: boolean, what: string): void {
  if (!holds) unexpected(`expected that ${what}`);
}

function unexpected(what: string): never {
  throw new Internal('demo_failed', what);
}
