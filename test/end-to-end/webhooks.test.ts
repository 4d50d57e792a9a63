import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectClient, type GovernedShop, openShop } from '../servers/governed-shop.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../servers/webhook-receiver.ts';

let shop: GovernedShop;
let receiver: WebhookReceiver;
beforeAll(async () => {
  [shop, receiver] = await Promise.all([openShop(), startWebhookReceiver()]);
});
afterAll(async () => {
  await shop?.stop();
  await receiver?.close();
});

test('a webhook is told of a request and of its end, signed, and can decide nothing', async () => {
  const added = await shop.hoopctl.run(['webhook', 'add', 'chat', '--url-stdin'], { stdin: receiver.url });
  expect(added.code).toBe(0);
  const key = added.stdout.trim();
  const listed = await shop.hoopctl.run(['webhook', 'list']);
  expect(listed.stdout).toContain('127.0.0.1');
  expect(listed.stdout).not.toContain('a-secret-path');
  expect((await shop.hoopctl.run(['webhook', 'test', 'chat'])).code).toBe(0);
  expect((await receiver.next()).headers['hoopctl-event']).toBe('webhook.test');

  const { url } = await shop.hoopctl.proxy('prod-db', { token: shop.devin });
  const requester = await connectClient(url);
  const update = requester.client.query("UPDATE customers SET plan = 'pro' WHERE id = 1");
  const outcome = update.catch((error: { code?: string }) => error);
  const id = await requester.nextApproval();
  const { headers, body } = await receiver.next();
  expect(JSON.parse(body)).toMatchObject({
    event: 'approval.pending',
    approval: { id, requester: 'devin', statement: "UPDATE customers SET plan = 'pro' WHERE id = 1" },
  });
  const seconds = /^t=(\d+),/.exec(String(headers['hoopctl-signature']))?.[1];
  const mac = createHmac('sha256', key).update(`${seconds}.${body}`).digest('hex');
  expect(headers['hoopctl-signature']).toBe(`t=${seconds},v1=${mac}`);
  expect(await shop.pending()).toEqual([id]);

  await shop.hoopctl.deny(id, 'not today', { token: shop.ana });
  expect(await outcome).toMatchObject({ code: '42501' });
  expect(JSON.parse((await receiver.next()).body)).toMatchObject({
    event: 'approval.denied',
    approval: { id, by: 'ana', reason: 'not today' },
  });
  await requester.client.end();
});

test('what was on its way when the daemon was killed is sent by the next one', async () => {
  receiver.status = undefined;
  const { url } = await shop.hoopctl.proxy('prod-db', { token: shop.devin });
  const requester = await connectClient(url);
  requester.client.query("UPDATE customers SET plan = 'pro' WHERE id = 2").catch(() => {});
  const id = await requester.nextApproval();
  expect(JSON.parse((await receiver.next()).body)).toMatchObject({ approval: { id } });
  process.kill((await shop.hoopctl.daemonPid()) ?? 0, 'SIGKILL');
  await requester.ended;
  receiver.status = 200;
  await shop.hoopctl.ok(['daemon', 'start']);
  expect(JSON.parse((await receiver.next()).body)).toMatchObject({
    event: 'approval.pending',
    approval: { id },
  });
});

test('only an owner adds one, no URL stands in argv, and plain http goes nowhere else', async () => {
  const add = ['webhook', 'add', 'other', '--url-stdin'];
  expect((await shop.hoopctl.run(add, { stdin: receiver.url, token: shop.ana })).code).toBe(5);
  const plain = await shop.hoopctl.run(add, { stdin: 'http://hooks.example.test/x' });
  expect(plain).toMatchObject({ code: 2, stderr: expect.stringContaining('https') });
  expect((await shop.hoopctl.run(['webhook', 'add', 'other'])).code).toBe(2);
  expect((await shop.hoopctl.run(['webhook', 'remove', 'chat', '--yes'])).code).toBe(0);
  expect((await shop.hoopctl.run(['webhook', 'test', 'chat'])).code).toBe(9);
});
