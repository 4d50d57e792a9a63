import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectClient, type GovernedShop, openShop } from '../servers/governed-shop.ts';
import type { RunOptions } from '../servers/hoopctl.ts';

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
    effects: [write, ddl]
    decision: approve
    approvers: [group:dba]
  - name: upkeep
    who: [group:agents]
    effects: [admin]
    decision: approve
    approvers: [group:dba]
  - name: no-drop
    commands: [DROP]
    decision: block
    message: ask for a window
`;
const UPDATE = "UPDATE customers SET plan = 'pro' WHERE id = 1";

let shop: GovernedShop;
beforeAll(async () => {
  shop = await openShop();
  await shop.hoopctl.applyPolicy(POLICY);
  await shop.server.query('ALTER TABLE customers OWNER TO app', 'shop');
});
afterAll(() => shop?.stop());
beforeEach(() => shop.server.query("UPDATE customers SET plan = 'free' WHERE id = 1", 'shop'));

const request = (args: readonly string[], options: RunOptions = {}) =>
  shop.hoopctl.run(['request', 'prod-db', '--reason', 'because', ...args], { token: shop.devin, ...options });
const run = (id: string, args: readonly string[] = [], options: RunOptions = {}) =>
  shop.hoopctl.run(['run', id, ...args], { token: shop.devin, ...options });

/** Asks, and answers the id at once. */
async function asked(text = UPDATE, args: readonly string[] = []): Promise<string> {
  const made = await request(['-c', text, '--no-wait', ...args]);
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ap-\w{5}\n$/) });
  return made.stdout.trim();
}
async function approved(text = UPDATE): Promise<string> {
  const id = await asked(text);
  expect(await shop.hoopctl.approve(id, { token: shop.ana })).toMatchObject({ code: 0 });
  return id;
}
interface Shown {
  readonly status: string;
  readonly endReason: string | null;
  readonly comments: readonly { by: string; text: string }[];
}
const shown = async (id: string) =>
  (await shop.hoopctl.json<{ approval: Shown }>(['approvals', id])).approval;

describe('a request ahead of any session', () => {
  test('waits, is approved on its exact text, and runs once', async () => {
    const file = join(shop.hoopctl.home, '..', 'migration.sql');
    const script = `-- plan\n${UPDATE};\nSELECT plan FROM customers WHERE id = 1;\n`;
    writeFileSync(file, script);
    let told = '';
    let deciding: Promise<{ stderr: string }> | undefined;
    const made = await request(['-f', file], {
      onOutput: (stream, text) => {
        if (stream === 'stderr') told += text;
        const id = /"approval":"(ap-\w+)"/.exec(told)?.[1];
        if (id !== undefined) deciding ??= shop.hoopctl.approve(id, { token: shop.ana });
      },
    });
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ap-\w{5}\n$/) });
    const card = (await deciding)?.stderr ?? '';
    expect(card).toContain('requested ahead');
    expect(card).toContain('│ -- plan');
    expect(card).toContain(`│ ${UPDATE};`);
    expect(card).toContain('because (as the requester says)');
    expect(await shop.plan()).toBe('free');

    const id = made.stdout.trim();
    const ran = await run(id);
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/^UPDATE 1\n plan\s*\n-+\n pro/) });
    expect(await shop.plan()).toBe('pro');
    const again = await run(id);
    expect(again).toMatchObject({ code: 9, stdout: '', stderr: expect.stringContaining('good for once') });
    expect(again.stderr).toMatch(/run in session s-\w+/);
  });
});

describe('what is not asked', () => {
  test('is refused at once where the policy blocks it, with the rule; and asked of nobody', async () => {
    const blocked = await request(['-c', 'DROP TABLE customers', '--no-wait']);
    expect(blocked).toMatchObject({ code: 6, stdout: '', stderr: expect.stringContaining('no-drop') });
    expect(blocked.stderr).toContain('ask for a window');
    expect(await shop.pending()).toEqual([]);
  });

  test('needs no request where the policy allows it', async () => {
    const allowed = await request(['-c', 'SELECT 1', '--json']);
    expect(allowed.code).toBe(0);
    expect(JSON.parse(allowed.stdout)).toMatchObject({
      decision: 'allow',
      rule: 'agents-read',
      approval: null,
    });
  });

  test.each([
    [['-c', UPDATE], { reason: false }, 'missing_flag'],
    [['-c', 'SELECT * FROM nowhere'], {}, 'bad_statement'],
    [['-c', 'UPDAT customers'], {}, 'bad_statement'],
    [['-c', ' \n'], {}, 'no_statement'],
    [['-c', UPDATE, '-c', UPDATE], {}, 'several_texts'],
  ])('is not taken: %j', async (args, { reason = true }: { reason?: boolean }, code) => {
    const flags = reason ? ['--reason', 'because'] : [];
    const made = await shop.hoopctl.run(['request', 'prod-db', ...flags, ...args, '--no-wait', '--json'], {
      token: shop.devin,
    });
    expect(made.code).toBe(2);
    expect(JSON.parse(made.stderr)).toMatchObject({ error: { code } });
  });

  test('is a text whose rows come from elsewhere', async () => {
    const copy = await request(['-c', 'COPY customers FROM STDIN', '--no-wait']);
    expect(copy).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('would not be part of what is approved'),
    });
  });
});

describe('what was requested does not run', () => {
  test('while it waits, after a denial, or once it was withdrawn', async () => {
    const id = await asked();
    expect(await run(id)).toMatchObject({ code: 8, stderr: expect.stringContaining('still waits') });
    await shop.hoopctl.deny(id, 'not today', { token: shop.ana });
    expect(await run(id)).toMatchObject({ code: 7, stderr: expect.stringContaining('not today') });
    const other = await asked();
    expect(await shop.hoopctl.run(['withdraw', other], { token: shop.ben })).toMatchObject({ code: 5 });
    expect(await shop.hoopctl.run(['withdraw', other], { token: shop.devin })).toMatchObject({ code: 0 });
    expect((await shop.hoopctl.approve(other, { token: shop.ana })).code).toBe(9);
    expect(await run(other)).toMatchObject({ code: 8, stderr: expect.stringContaining('withdrawn') });
    expect(await shop.plan()).toBe('free');
  });

  test('for anybody but its requester, nor by its requester as somebody of the same name', async () => {
    const id = await approved();
    const eve = await shop.hoopctl.createIdentity('eve', 'requester', 'agents');
    expect((await run(id, [], { token: eve })).code).toBe(9);
    expect((await run(id, [], { token: shop.ana })).code).toBe(5);
    const evesId = (
      await shop.hoopctl.run(['request', 'prod-db', '-c', UPDATE, '--reason', 'r', '--no-wait'], {
        token: eve,
      })
    ).stdout.trim();
    await shop.hoopctl.approve(evesId, { token: shop.ana });
    await shop.hoopctl.ok(['identity', 'revoke', 'eve', '--yes']);
    expect(await shown(evesId)).toMatchObject({
      status: 'withdrawn',
      endReason: 'the identity eve was revoked',
    });
    const again = await shop.hoopctl.createIdentity('eve', 'requester', 'agents');
    expect((await run(evesId, [], { token: again })).code).toBe(9);
    expect(await shop.plan()).toBe('free');
    expect((await run(id)).code).toBe(0);
  });

  test('when two run it at the same time: one of them does', async () => {
    await shop.server.query('CREATE TABLE counted (n int); GRANT ALL ON counted TO app', 'shop');
    const id = await approved('INSERT INTO counted VALUES (1)');
    const runs = await Promise.all([run(id), run(id), run(id)]);
    expect(runs.filter(({ code }) => code === 0)).toHaveLength(1);
    expect(await shop.server.query('SELECT count(*)::int AS n FROM counted', 'shop')).toEqual([{ n: 1 }]);
  });

  test('when the policy blocks it by now; and asks for nobody new when that is taken back', async () => {
    const id = await approved();
    await shop.hoopctl.applyPolicy(POLICY.replace('[DROP]', '[DROP, UPDATE]'));
    expect(await run(id)).toMatchObject({ code: 6, stderr: expect.stringContaining('no-drop') });
    expect(await shop.plan()).toBe('free');
    await shop.hoopctl.applyPolicy(POLICY);
    expect(await run(id)).toMatchObject({ code: 0 });
    expect(await shop.plan()).toBe('pro');
  });

  test('when the policy wants others to approve by now, or one who did was revoked', async () => {
    const id = await approved();
    await shop.hoopctl.applyPolicy(POLICY.replace('dba: [ana, ben]', 'dba: [ben]'));
    const refused = await run(id);
    expect(refused).toMatchObject({
      code: 8,
      stderr: expect.stringContaining('asks 1 of its approvers now, and 0'),
    });
    await shop.hoopctl.applyPolicy(POLICY);
    const zoe = await shop.hoopctl.createIdentity('zoe', 'approver');
    await shop.hoopctl.applyPolicy(POLICY.replace('[ana, ben]', '[ana, ben, zoe]'));
    const other = await asked();
    await shop.hoopctl.approve(other, { token: zoe });
    await shop.hoopctl.ok(['identity', 'revoke', 'zoe', '--yes']);
    expect(await run(other)).toMatchObject({
      code: 8,
      stderr: expect.stringContaining('zoe, who approved it, was revoked'),
    });
    await shop.hoopctl.applyPolicy(POLICY);
    expect(await shop.plan()).toBe('free');
  });

  test('when a function, view or trigger it rests on was changed: a new approval is needed', async () => {
    const body = (text: string) =>
      `CREATE OR REPLACE FUNCTION deed() RETURNS void LANGUAGE plpgsql AS $$ BEGIN ${text}; END $$`;
    await shop.server.query(body(UPDATE), 'shop');
    const id = await approved('SELECT deed()');
    await shop.server.query(body(UPDATE.replace('WHERE id = 1', 'WHERE id > 0')), 'shop');
    expect(await run(id)).toMatchObject({
      code: 8,
      stderr: expect.stringContaining('what it means changed'),
    });
    expect(await shown(id)).toMatchObject({ status: 'withdrawn' });
    await shop.server.query(body('DELETE FROM customers'), 'shop');
    const wider = await approved();
    await shop.server.query(
      `CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
       CREATE TRIGGER audit BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION audit()`,
      'shop',
    );
    expect((await run(wider)).code).toBe(8);
    await shop.server.query('DROP TRIGGER audit ON customers', 'shop');
    expect(await shop.plan()).toBe('free');
  });

  test('when its connection leads elsewhere, or is another of the same name', async () => {
    const { hoopctl, server, url } = shop;
    await hoopctl.addConnection('moved', url, 'a-password-of-the-target-77');
    const ask = async () => {
      const made = await hoopctl.run(['request', 'moved', '-c', UPDATE, '--reason', 'r', '--no-wait'], {
        token: shop.devin,
      });
      const id = made.stdout.trim();
      await hoopctl.approve(id, { token: shop.ana });
      return id;
    };
    const id = await ask();
    await server.query('CREATE DATABASE elsewhere');
    await hoopctl.ok(['connection', 'edit', 'moved', '--url', url.replace(/shop$/, 'elsewhere')]);
    expect(await run(id)).toMatchObject({ code: 8, stderr: expect.stringContaining('edited') });
    await hoopctl.ok(['connection', 'edit', 'moved', '--url', url]);
    const other = await ask();
    await hoopctl.ok(['connection', 'remove', 'moved', '--yes']);
    await hoopctl.addConnection('moved', url, 'a-password-of-the-target-77');
    expect((await run(other)).code).toBe(8);
    expect(await shop.plan()).toBe('free');
  });
});

describe('an approval is good for once', () => {
  const counted = async () => (await shop.server.query('SELECT count(*)::int AS n FROM once', 'shop'))[0]?.n;
  beforeAll(() =>
    shop.server.query(
      'CREATE TABLE once (n int); CREATE TABLE swept (n int); GRANT ALL ON once TO app; ALTER TABLE swept OWNER TO app',
      'shop',
    ),
  );

  test('though the daemon is killed in the middle of its run; what waited in a session has expired', async () => {
    const requester = await connectClient((await shop.hoopctl.proxy('prod-db', { token: shop.devin })).url);
    const update = requester.client.query(UPDATE).catch((error: Error) => error);
    const waiting = await requester.nextApproval();
    const ahead = await asked();
    // VACUUM keeps it from being one transaction, so that what ran before the end stays.
    const id = await approved('INSERT INTO once VALUES (1);\nVACUUM swept;\nSELECT pg_sleep(60)');
    const running = run(id);
    const asleep = "SELECT 1 FROM pg_stat_activity WHERE usename = 'app' AND query LIKE '%pg_sleep(60)%'";
    await expect.poll(() => shop.server.query(asleep), { timeout: 20_000 }).toHaveLength(1);
    process.kill((await shop.hoopctl.daemonPid()) ?? 0, 'SIGKILL');
    expect((await running).code).not.toBe(0);
    expect(await update).toBeInstanceOf(Error);

    await shop.hoopctl.ok(['daemon', 'start']);
    expect(await run(id)).toMatchObject({
      code: 9,
      stdout: '',
      stderr: expect.stringContaining('good for once'),
    });
    expect(await counted()).toBe(1);
    const late = await shop.hoopctl.approve(waiting, { token: shop.ana });
    expect(late).toMatchObject({ code: 9, stderr: expect.stringContaining('the daemon restarted') });
    expect(await shop.plan()).toBe('free');
    // Nobody held that one: it waits on.
    expect(await shown(ahead)).toMatchObject({ status: 'pending' });
    expect((await shop.hoopctl.run(['withdraw', ahead], { token: shop.devin })).code).toBe(0);
    expect((await shop.hoopctl.run(['audit', 'verify'])).code).toBe(0);
  });

  test('though the store is put back from a backup that was made before: the audit log knows better', async () => {
    const { hoopctl } = shop;
    const backup = join(hoopctl.home, '..', 'backup');
    const used = await approved('INSERT INTO once VALUES (2)');
    const denied = await asked();
    await hoopctl.ok(['daemon', 'stop']);
    mkdirSync(backup);
    const files = readdirSync(hoopctl.home).filter((name) => name.startsWith('state.db'));
    for (const name of files) copyFileSync(join(hoopctl.home, name), join(backup, name));
    expect(await run(used)).toMatchObject({ code: 0 });
    await hoopctl.deny(denied, 'no', { token: shop.ana });
    await hoopctl.ok(['daemon', 'stop']);
    for (const name of readdirSync(hoopctl.home).filter((name) => name.startsWith('state.db'))) {
      rmSync(join(hoopctl.home, name));
    }
    for (const name of files) copyFileSync(join(backup, name), join(hoopctl.home, name));
    expect(await run(used)).toMatchObject({ code: 9, stdout: '' });
    expect((await hoopctl.approve(denied, { token: shop.ben })).code).toBe(9);
    expect((await run(denied)).code).toBe(7);
    expect(await counted()).toBe(2);
  });
});
