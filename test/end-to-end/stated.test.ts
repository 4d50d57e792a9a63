import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectClient, type GovernedShop, openShop } from '../servers/governed-shop.ts';

const POLICY = `version: 1
groups:
  dba: [ana, ben]
rules:
  - name: agents-read
    who: [group:agents]
    effects: [read, session]
    decision: allow
  - name: writes
    who: [group:agents]
    effects: [write]
    decision: approve
    approvers: [group:dba]
    require: {reason: true, ticket: "^[A-Z]+-[0-9]+$"}
`;
const UPDATE = "UPDATE customers SET plan = 'pro' WHERE id = 1";

let shop: GovernedShop;
beforeAll(async () => {
  shop = await openShop();
  await shop.hoopctl.applyPolicy(POLICY);
});
afterAll(() => shop?.stop());

test('exec without what a rule requires is refused, and told what to give; with it the card shows it', async () => {
  const exec = (...flags: string[]) =>
    shop.hoopctl.run(['exec', 'prod-db', '-c', UPDATE, '--wait', '60s', ...flags], { token: shop.devin });
  const bare = await exec();
  expect(bare).toMatchObject({
    code: 6,
    stderr: expect.stringContaining('requires a reason and a ticket number'),
  });
  expect(bare.stderr).toContain('--reason TEXT, --ticket NUMBER');
  expect(await exec('--reason', 'because', '--ticket', 'none')).toMatchObject({ code: 6 });

  const running = exec('--reason', 'a\u202egnp \u001b[2J plan', '--ticket', 'OPS-42');
  await expect.poll(() => shop.pending(), { timeout: 30_000 }).toHaveLength(1);
  const [id = ''] = await shop.pending();
  const decided = await shop.hoopctl.approve(id, { token: shop.ana });
  expect(decided.stderr).toContain('OPS-42 (as the requester says)');
  expect(decided.stderr).toContain('a\\u{202E}gnp \\x1b[2J plan (as the requester says)');
  expect(decided.stderr).not.toMatch(/[\u202e\u001b]/);
  expect(await running).toMatchObject({ code: 0, stdout: 'UPDATE 1\n' });
  const log = await shop.hoopctl.ok(['audit', 'tail', '--lines', '60', '--json']);
  const entries = log.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const facts = { reason: 'a\u202egnp \u001b[2J plan', ticket: 'OPS-42' };
  for (const kind of ['session.start', 'approval.requested']) {
    expect(entries).toContainEqual(expect.objectContaining({ kind, facts: expect.objectContaining(facts) }));
  }
});

test('a client says it inside its session, or in its connection string; comments of approvers reach it there', async () => {
  const proxy = await shop.hoopctl.proxy('prod-db', { token: shop.devin });
  const requester = await connectClient(proxy.url);
  const write = () => requester.client.query(UPDATE);
  await expect(write()).rejects.toMatchObject({
    code: '42501',
    message: expect.stringContaining('blocked by rule "writes"'),
    detail: expect.stringContaining('requires a reason and a ticket number'),
    hint: expect.stringContaining('SET hoopctl.reason'),
  });
  await requester.client.query("SET hoopctl.reason = 'mend the plan'; SET hoopctl.ticket = 'OPS-7'");
  const outcome = write();
  const id = await requester.nextApproval();
  expect((await shop.hoopctl.run(['comment', id, 'on my way'], { token: shop.devin })).code).toBe(5);
  expect(await shop.hoopctl.run(['comment', id, 'on my \u001b[1m way'], { token: shop.ben })).toMatchObject({
    code: 0,
  });
  await expect.poll(() => requester.notices).toContain(`hoopctl: ben says about ${id}: on my \\x1b[1m way`);
  const args = ['approve', id, '--yes', '--passphrase-stdin', '--comment', 'fine by me'];
  const decided = await shop.hoopctl.run(args, { token: shop.ana, stdin: 'correct horse battery staple\n' });
  expect(decided.stderr).toContain('OPS-7 (as the requester says)');
  expect(decided.stderr).toContain('ben: on my \\x1b[1m way');
  expect((await outcome).rowCount).toBe(1);
  await requester.client.query('RESET hoopctl.ticket');
  await expect(write()).rejects.toMatchObject({ code: '42501' });
  await requester.client.end();

  const url = `${proxy.url}&options=${encodeURIComponent('-c hoopctl.ticket=OPS-8 -c hoopctl.reason=by\\ string')}`;
  const other = await connectClient(url);
  const pending = other.client.query(UPDATE).catch((error: Error) => error.message);
  const next = await other.nextApproval();
  const { approval } = await shop.hoopctl.json<{ approval: object }>(['approvals', next]);
  expect(approval).toMatchObject({ reason: 'by string', ticket: 'OPS-8' });
  await shop.hoopctl.deny(next, 'no', { token: shop.ana });
  expect(await pending).toContain('denied by ana');
  await other.client.end();
});

test('policy explain and policy test take what a rule requires, as its requester would say it', async () => {
  const explain = async (...flags: string[]) => {
    const asked = ['policy', 'explain', '--connection', 'prod-db', '--as', 'devin', UPDATE, ...flags];
    return (await shop.hoopctl.json<{ explanation: { decision: string; message: string | null } }>(asked))
      .explanation;
  };
  expect(await explain()).toMatchObject({
    decision: 'block',
    message: expect.stringContaining('requires a reason and a ticket number'),
  });
  expect(await explain('--reason', 'because', '--ticket', 'none')).toMatchObject({ decision: 'block' });
  expect(await explain('--reason', 'because', '--ticket', 'OPS-42')).toMatchObject({ decision: 'approve' });
  const lines = ['policy', 'explain', '--jsonl', '--connection', 'prod-db', '--as', 'devin'];
  const many = await shop.hoopctl.ok([...lines, '--reason', 'because', '--ticket', 'OPS-42'], {
    stdin: `${JSON.stringify({ id: 1, statement: UPDATE })}\n`,
  });
  expect(JSON.parse(many.stdout)).toMatchObject({ id: 1, decision: 'approve' });

  const file = join(shop.hoopctl.home, '..', 'stated-tests.yaml');
  const row = `as: devin, connection: prod-db, statement: "${UPDATE}"`;
  writeFileSync(
    file,
    `- {${row}, expect: block by writes}\n- {${row}, reason: because, ticket: OPS-42, expect: approve by writes}\n`,
  );
  const tested = await shop.hoopctl.run(['policy', 'test', file]);
  expect(tested).toMatchObject({ code: 0, stdout: expect.stringContaining('2 passed, 0 failed') });
});
