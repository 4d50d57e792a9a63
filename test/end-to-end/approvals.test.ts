import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type ConnectedClient,
  connectClient,
  type GovernedShop,
  openShop,
} from '../servers/governed-shop.ts';
import { PASSPHRASE, type Proxy as ServedProxy } from '../servers/hoopctl.ts';

const POLICY = `version: 1
groups:
  dba: [ana, ben]
rules:
  - name: agents-read
    who: [group:agents]
    effects: [read, session]
    decision: allow
  - name: writes-need-approval
    who: [group:agents]
    effects: [write]
    tables: ["public.customers", "public.fires", "public.ruled", "public.filling", "public.moved", "public.chosen", "public.under", "public.over"]
    decision: approve
    approvers: [group:dba]
  - name: hurried
    who: [group:agents]
    effects: [write]
    tables: ["public.hurried"]
    decision: approve
    approvers: [group:dba]
    expires: 1s
`;
const UPDATE = "UPDATE customers SET plan = 'pro' WHERE id = 1";

let shop: GovernedShop;
let proxy: ServedProxy;
beforeAll(async () => {
  shop = await openShop();
  await shop.server.query('CREATE TABLE hurried (id int); GRANT ALL ON hurried TO app', 'shop');
  await shop.hoopctl.applyPolicy(POLICY);
  proxy = await shop.hoopctl.proxy('prod-db', { token: shop.devin });
});
afterAll(() => shop?.stop());

const open: ConnectedClient[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ client }) => client.end()));
});
beforeEach(() => shop.server.query("UPDATE customers SET plan = 'free' WHERE id = 1", 'shop'));

async function connected(url = proxy.url): Promise<ConnectedClient> {
  const opened = await connectClient(url);
  open.push(opened);
  return opened;
}

/** A write that waits: its id, and how it ended for the client. */
async function held(requester: ConnectedClient, statement = UPDATE) {
  const outcome = requester.client.query(statement).then(
    ({ rowCount }) => ({ rowCount }),
    (error: { code?: string; message: string; detail?: string }) => error,
  );
  const unasked = outcome.then((ended) => {
    throw new Error(`nobody was asked: ${'message' in ended ? ended.message : 'it ran'}`);
  });
  return { id: await Promise.race([requester.nextApproval(), unasked]), outcome };
}

interface Listed {
  readonly id: string;
  readonly status: string;
  readonly endReason: string | null;
}
async function statusOf(id: string): Promise<Listed | undefined> {
  const { approvals } = await shop.hoopctl.json<{ approvals: Listed[] }>(['approvals', '--all']);
  return approvals.find((one) => one.id === id);
}

describe('a statement that waits is not executed', () => {
  test('when nobody decides in time', async () => {
    const requester = await connected();
    const { id, outcome } = await held(requester, 'INSERT INTO hurried VALUES (1)');
    expect(await outcome).toMatchObject({ code: '42501', message: expect.stringContaining('expired') });
    expect(await shop.server.query('SELECT * FROM hurried', 'shop')).toEqual([]);
    const late = await shop.hoopctl.approve(id, { token: shop.ana });
    expect(late).toMatchObject({ code: 9, stderr: expect.stringContaining('expired') });
    expect((await requester.client.query('SELECT 1 AS alive')).rows).toEqual([{ alive: 1 }]);
  });

  test('when its client disconnects', async () => {
    const requester = await connected();
    const { id } = await held(requester);
    const { stream } = (requester.client as unknown as { connection: { stream: { destroy(): void } } })
      .connection;
    stream.destroy();
    await expect.poll(() => statusOf(id)).toMatchObject({ status: 'withdrawn' });
    expect((await shop.hoopctl.approve(id, { token: shop.ana })).code).toBe(9);
    expect(await shop.plan()).toBe('free');
  });

  test('when its requester is revoked, and the session ends', async () => {
    const token = await shop.hoopctl.createIdentity('temporary', 'requester', 'agents');
    const own = await shop.hoopctl.proxy('prod-db', { token });
    const requester = await connectClient(own.url);
    const { id, outcome } = await held(requester);
    await shop.hoopctl.ok(['identity', 'revoke', 'temporary', '--yes']);
    expect(await outcome).toMatchObject({ code: '57P01' });
    await requester.ended;
    expect((await shop.hoopctl.approve(id, { token: shop.ana })).code).toBe(9);
    expect(await shop.plan()).toBe('free');
    expect((await shop.hoopctl.run(['proxy', 'prod-db', '--json'], { token })).code).toBe(4);
  });

  test('when an approver denies it, and the reason is shown inert', async () => {
    const requester = await connected();
    const { id, outcome } = await held(requester);
    const denied = await shop.hoopctl.deny(id, 'no\u001b[2J <b>way</b>', { token: shop.ana });
    expect(denied).toMatchObject({ code: 0 });
    expect(await outcome).toMatchObject({ code: '42501', message: expect.stringContaining('denied by ana') });
    expect(await shop.plan()).toBe('free');
    const replay = await shop.hoopctl.ok(['approvals', '--all']);
    expect(replay.stdout).not.toContain('\u001b');
  });

  test('when the policy takes the approver’s right meanwhile', async () => {
    const requester = await connected();
    const { id, outcome } = await held(requester);
    await shop.hoopctl.applyPolicy(POLICY.replace('dba: [ana, ben]', 'dba: [ben]'));
    const refused = await shop.hoopctl.approve(id, { token: shop.ana });
    expect([5, 9]).toContain(refused.code);
    expect(await outcome).toMatchObject({ message: expect.stringContaining('policy changed') });
    expect(await shop.plan()).toBe('free');
    await shop.hoopctl.applyPolicy(POLICY);
  });
});

describe('an approved statement does not run when, while it waited, somebody else changed', () => {
  const deed = (name: string, body: string) =>
    `CREATE OR REPLACE FUNCTION ${name}() RETURNS void LANGUAGE plpgsql AS $$ BEGIN ${body}; END $$`;
  const fired = (body: string) =>
    `CREATE OR REPLACE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body}; RETURN NEW; END $$`;
  const ALL = "UPDATE customers SET plan = 'pro' WHERE id > 0";
  const FREE = "UPDATE customers SET plan = 'free'";

  test.each([
    ['what a function does', deed('deed', UPDATE), 'SELECT deed()', deed('deed', 'DELETE FROM customers')],
    ['which rows a function does it to', deed('deed', UPDATE), 'SELECT deed()', deed('deed', ALL)],
    [
      'a function that its function calls',
      `${deed('inner_deed', UPDATE)}; ${deed('deed', 'PERFORM inner_deed()')}`,
      'SELECT deed()',
      deed('inner_deed', ALL),
    ],
    [
      'the view it writes through',
      `CREATE OR REPLACE VIEW chosen AS SELECT * FROM customers WHERE id = 1; GRANT ALL ON chosen TO app`,
      "UPDATE chosen SET plan = 'pro'",
      'CREATE OR REPLACE VIEW chosen AS SELECT * FROM customers WHERE id > 0',
    ],
    [
      'a view under the view it writes through',
      `CREATE OR REPLACE VIEW under AS SELECT * FROM customers WHERE id = 1; GRANT ALL ON under TO app;
       CREATE OR REPLACE VIEW over AS SELECT * FROM under; GRANT ALL ON over TO app`,
      "UPDATE over SET plan = 'pro'",
      'CREATE OR REPLACE VIEW under AS SELECT * FROM customers WHERE id > 0',
    ],
    [
      'the function of a trigger that it fires',
      `CREATE TABLE fires (id int); GRANT ALL ON fires TO app; ${fired('NULL')};
       CREATE TRIGGER fired BEFORE INSERT ON fires FOR EACH ROW EXECUTE FUNCTION fired()`,
      `${UPDATE} AND NOT EXISTS (SELECT 1 FROM fires); INSERT INTO fires VALUES (1)`,
      fired("UPDATE customers SET plan = 'pro'"),
    ],
    [
      'the function of an operator',
      `CREATE OR REPLACE FUNCTION is_meant(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT $1 = $2';
       CREATE OPERATOR === (FUNCTION = is_meant, LEFTARG = int, RIGHTARG = int)`,
      "UPDATE customers SET plan = 'pro' WHERE id === 1",
      `CREATE OR REPLACE FUNCTION is_meant(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT true'`,
    ],
    [
      'a rule of the table',
      'CREATE TABLE ruled (id int); GRANT ALL ON ruled TO app',
      'INSERT INTO ruled VALUES (1)',
      "CREATE RULE more AS ON INSERT TO ruled DO ALSO UPDATE customers SET plan = 'pro'",
    ],
    [
      'the default of a column',
      `CREATE TABLE filling (id int, n int DEFAULT 1); GRANT ALL ON filling TO app;
       CREATE OR REPLACE FUNCTION fill() RETURNS int LANGUAGE plpgsql AS $$ BEGIN UPDATE customers SET plan = 'pro'; RETURN 1; END $$`,
      'INSERT INTO filling (id) VALUES (1)',
      'ALTER TABLE filling ALTER n SET DEFAULT fill()',
    ],
    [
      'the table that the name stands for',
      'CREATE TABLE IF NOT EXISTS moved (id int, plan text); GRANT ALL ON moved TO app',
      "UPDATE moved SET plan = 'pro'",
      'ALTER TABLE moved RENAME TO gone; CREATE TABLE moved (id bigint, plan text); GRANT ALL ON moved TO app',
    ],
  ])('%s', async (_, before, statement, after) => {
    await shop.server.query(before, 'shop');
    await shop.server.query(FREE, 'shop');
    const requester = await connected();
    const { id, outcome } = await held(requester, statement);
    await shop.server.query(after, 'shop');
    expect((await shop.hoopctl.approve(id, { token: shop.ana })).code).toBe(0);
    // Whether it is found out before the approval is spent, or by the last look behind that.
    expect(await outcome).toMatchObject({
      message: expect.stringMatching(/may no longer run|changed since approval was asked/),
    });
    expect(await shop.server.query("SELECT id FROM customers WHERE plan <> 'free'", 'shop')).toEqual([]);
    expect(await shop.server.query('SELECT count(*)::int AS n FROM customers', 'shop')).toEqual([{ n: 2 }]);
  });

  test('not when it was something else: another table, its statistics', async () => {
    const requester = await connected();
    const { id, outcome } = await held(requester);
    await shop.server.query('CREATE TABLE unrelated (id int); ANALYZE customers', 'shop');
    expect((await shop.hoopctl.approve(id, { token: shop.ana })).code).toBe(0);
    expect(await outcome).toMatchObject({ rowCount: 1 });
  });
});

describe('who decides', () => {
  test('one of two who race; the other is told', async () => {
    const requester = await connected();
    const { id, outcome } = await held(requester);
    const [approved, denied] = await Promise.all([
      shop.hoopctl.approve(id, { token: shop.ana }),
      shop.hoopctl.deny(id, 'no', { token: shop.ben }),
    ]);
    expect([approved.code, denied.code].sort()).toEqual([0, 9]);
    const lost = approved.code === 0 ? denied : approved;
    expect(lost.stderr).toMatch(/already (used|approved|denied)|is (used|denied) already/);
    const ran = approved.code === 0;
    expect(await outcome).toMatchObject(ran ? { rowCount: 1 } : { code: '42501' });
    expect(await shop.plan()).toBe(ran ? 'pro' : 'free');
  });

  test('never the requester, whatever its roles, nor another identity of its name', async () => {
    const eve = ['identity', 'create', 'eve', '--role', 'requester,approver', '--groups', 'agents,dba'];
    const token = (await shop.hoopctl.ok(eve)).stdout.trim().split('\n').at(-1) ?? '';
    const own = await shop.hoopctl.proxy('prod-db', { token });
    const requester = await connected(own.url);
    const { id, outcome } = await held(requester);
    const itself = await shop.hoopctl.approve(id, { token });
    expect(itself).toMatchObject({ code: 5, stderr: expect.stringContaining('your own') });
    expect((await shop.hoopctl.run(eve)).code).toBe(9);
    expect(await shop.plan()).toBe('free');
    expect((await shop.hoopctl.approve(id, { token: shop.ana })).code).toBe(0);
    expect(await outcome).toMatchObject({ rowCount: 1 });
    await shop.hoopctl.ok(['identity', 'revoke', 'eve', '--yes']);
  });

  test('two different people where the rule wants two', async () => {
    await shop.hoopctl.applyPolicy(POLICY.replaceAll('[group:dba]', '[group:dba]\n    approvals: 2'));
    const requester = await connected();
    const { id, outcome } = await held(requester);
    const first = await shop.hoopctl.approve(id, { token: shop.ana });
    expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining('1 of 2') });
    const again = await shop.hoopctl.approve(id, { token: shop.ana });
    expect(again).toMatchObject({ code: 5, stderr: expect.stringContaining('another person') });
    expect(await shop.plan()).toBe('free');
    expect((await shop.hoopctl.approve(id, { token: shop.ben })).code).toBe(0);
    expect(await outcome).toMatchObject({ rowCount: 1 });
    await shop.hoopctl.applyPolicy(POLICY);
  });

  test('nobody without the role, without the group, or with a revoked token', async () => {
    const cid = await shop.hoopctl.createIdentity('cid', 'approver');
    const dan = await shop.hoopctl.createIdentity('dan', 'approver', 'dba');
    await shop.hoopctl.ok(['identity', 'revoke', 'dan', '--yes']);
    const requester = await connected();
    const { id } = await held(requester);
    const codes = await Promise.all(
      [shop.devin, cid, dan].map(async (token) => (await shop.hoopctl.approve(id, { token })).code),
    );
    expect(codes[0]).toBe(5);
    expect([5, 9]).toContain(codes[1]);
    expect(codes[2]).toBe(4);
    expect(await shop.plan()).toBe('free');
  });

  test('about an exact id alone', async () => {
    const requester = await connected();
    const { id } = await held(requester);
    for (const wrong of [id.slice(0, -1), id.toUpperCase(), `${id}x`, id.slice(3), 'ap-', '%']) {
      const refused = await shop.hoopctl.approve(wrong, { token: shop.ana });
      expect([wrong, refused.code]).toEqual([wrong, 9]);
    }
    expect(await shop.pending()).toEqual([id]);
    expect((await shop.hoopctl.deny(id, ' ', { token: shop.ana })).code).toBe(2);
    expect(await shop.plan()).toBe('free');
  });
});

/** The statement out of its frame, its wrapped pieces joined. */
const unframed = (card: string) => card.replace(/^.*?│ /gm, '').replaceAll('\n', '');

describe('the card', () => {
  test('shows escapes, bidirectional and invisible characters for what they are', async () => {
    const requester = await connected();
    const hostile = `${UPDATE} /* \u001b[2J\u001b[1;1H\r \u202e evil \u200b \u2066 */`;
    const { id } = await held(requester, hostile);
    const shown = await shop.hoopctl.deny(id, 'no', { token: shop.ana });
    expect(shown.code).toBe(0);
    for (const visible of ['\\x1b[2J', '\\r', '\\u{202E}', '\\u{200B}', '\\u{2066}']) {
      expect(shown.stderr).toContain(visible);
    }
    expect(shown.stderr).not.toMatch(/[\x1b\r\u200b\u202e\u2066]/);
    expect(shown.stderr).toContain('not printable, shown escaped');
  });

  test('shows a statement of 100 KB whole', async () => {
    const requester = await connected();
    const ids = Array.from({ length: 14_000 }, (_, i) => 1_000_000 + i);
    const long = `UPDATE customers SET plan = 'x' WHERE id IN (${ids.join(',')}) OR id = 1`;
    expect(long.length).toBeGreaterThan(100_000);
    const { id } = await held(requester, long);
    const shown = await shop.hoopctl.deny(id, 'too long', { token: shop.ana });
    expect(shown.code).toBe(0);
    expect(unframed(shown.stderr)).toContain(long);
    expect(shown.stderr).toContain(`${long.length} characters`);
  });

  test('shows the values of a prepared statement and each statement of a text', async () => {
    const requester = await connected();
    const prepared = requester.client.query('UPDATE customers SET plan = $1 WHERE id = $2', ['pro', 1]);
    const first = await shop.hoopctl.approve(await requester.nextApproval(), { token: shop.ana });
    expect(first.stderr).toContain("$1 = 'pro'");
    expect((await prepared).rowCount).toBe(1);
    const { id } = await held(requester, `${UPDATE}; DELETE FROM customers WHERE id = 2`);
    const two = await shop.hoopctl.deny(id, 'no', { token: shop.ana });
    expect(unframed(two.stderr)).toContain('; DELETE FROM customers WHERE id = 2');
    expect(two.stderr).toMatch(/write: public\.customers/);
    expect(await shop.server.query('SELECT count(*)::int AS n FROM customers', 'shop')).toEqual([{ n: 2 }]);
  });
});

describe('an approval is for this statement, here, once', () => {
  test('the same text again, or from another session, asks anew', async () => {
    const [one, other] = await Promise.all([connected(), connected()]);
    const first = await held(one);
    const beside = await held(other);
    await shop.hoopctl.approve(first.id, { token: shop.ana });
    expect(await first.outcome).toMatchObject({ rowCount: 1 });
    await shop.server.query("UPDATE customers SET plan = 'free' WHERE id = 1", 'shop');
    const again = await held(one);
    expect(new Set([first.id, beside.id, again.id]).size).toBe(3);
    expect((await shop.hoopctl.approve(first.id, { token: shop.ben })).code).toBe(9);
    expect(await shop.pending()).toEqual([beside.id, again.id]);
    expect(await shop.plan()).toBe('free');
  });

  test('whichever comes first of a yes and a cancel, what ran is what was said', async () => {
    const requester = await connected();
    const { connectionParameters, processID, secretKey } = requester.client as unknown as {
      connectionParameters: { host: string; port: number };
      processID: number;
      secretKey: number;
    };
    const { id, outcome } = await held(requester);
    const cancel = Buffer.alloc(16);
    for (const [i, word] of [16, 80_877_102, processID, secretKey].entries())
      cancel.writeInt32BE(word, 4 * i);
    const approving = shop.hoopctl.approve(id, { token: shop.ana });
    // CancelRequest (PostgreSQL docs 54.7).
    connect(connectionParameters.port, connectionParameters.host).end(cancel);
    const [{ code }, ended] = await Promise.all([approving, outcome]);
    const ran = 'rowCount' in ended;
    expect([code, await shop.plan(), (await statusOf(id))?.status]).toEqual(
      ran ? [0, 'pro', 'used'] : [9, 'free', 'withdrawn'],
    );
  });

  test('a reason is bounded and asked for', async () => {
    const { id } = await held(await connected());
    for (const reason of ['x'.repeat(5000), ' \n ']) {
      expect((await shop.hoopctl.deny(id, reason, { token: shop.ana })).code).toBe(2);
    }
    expect(await shop.pending()).toEqual([id]);
  });
});

test('a request like those before it, but for one byte, says so wherever it is shown', async () => {
  const requester = await connected();
  const first = await held(requester);
  await shop.hoopctl.approve(first.id, { token: shop.ana });
  await first.outcome;
  const { id } = await held(requester, UPDATE.replace('id = 1', 'id > 1'));
  const { approval } = await shop.hoopctl.json<{ approval: unknown }>(['approvals', id]);
  expect(approval).toMatchObject({
    precedent: { nearest: { by: 'ana', differences: [{ part: 'statement', was: '=', is: '>', length: 1 }] } },
  });
  const shown = await shop.hoopctl.deny(id, 'not that', { token: shop.ana });
  expect(shown.stderr).toMatch(/before +differs from ap-\w+, approved .* by ana, in 1 place:/);
  expect(shown.stderr).toMatch(/│ - .*WHERE id = 1\n.*\^\n.*│ \+ .*WHERE id > 1\n/);
  const same = await held(requester);
  const again = await shop.hoopctl.deny(same.id, 'enough', { token: shop.ana });
  expect(again.stderr).toMatch(/before +the same as ap-\w+, approved/);
});

describe('what nobody could decide', () => {
  test('is an error at policy check', async () => {
    const file = join(shop.hoopctl.home, '..', 'nobody.yaml');
    writeFileSync(file, POLICY.replace('dba: [ana, ben]', 'dba: []'));
    const checked = await shop.hoopctl.run(['policy', 'check', file]);
    expect(checked.code).toBe(2);
    expect(checked.stdout).toMatch(/nobody\.yaml:\d+:\d+: error:/);
    expect((await shop.hoopctl.run(['policy', 'apply', file, '--yes'])).code).toBe(2);
  });

  test('is not asked: the client is refused at once when the last approver went', async () => {
    const gone = POLICY.replace('dba: [ana, ben]', 'dba: [zoe]');
    await shop.hoopctl.createIdentity('zoe', 'approver');
    await shop.hoopctl.applyPolicy(gone);
    await shop.hoopctl.ok(['identity', 'revoke', 'zoe', '--yes']);
    const requester = await connected();
    await expect(requester.client.query(UPDATE)).rejects.toMatchObject({
      code: '42501',
      message: expect.stringContaining('nobody could give'),
    });
    await shop.hoopctl.applyPolicy(POLICY);
  });
});

test('a flood of requests is limited: the twenty-first is refused, and none ran', async () => {
  const requesters = await Promise.all(Array.from({ length: 21 }, () => connected()));
  const outcomes = requesters.map(({ client }) =>
    client.query(UPDATE).then(
      () => 'ran',
      (error: Error) => error.message,
    ),
  );
  expect(await Promise.race(outcomes)).toMatch(/20 requests of yours wait already/);
  expect(await shop.pending()).toHaveLength(20);
  await shop.hoopctl.run(['identity', 'revoke', 'devin', '--yes']);
  expect(await Promise.all(outcomes)).not.toContain('ran');
  expect(await shop.plan()).toBe('free');
});

// The last one: it locks approving for a minute.
test('five wrong passphrases in a row lock approving, the right one included', async () => {
  const token = await shop.hoopctl.createIdentity('fay', 'requester', 'agents');
  const requester = await connected((await shop.hoopctl.proxy('prod-db', { token })).url);
  const { id } = await held(requester);
  for (let attempt = 1; attempt <= 5; attempt++) {
    const wrong = await shop.hoopctl.approve(id, { token: shop.ana, stdin: `guess ${attempt}\n` });
    expect(wrong).toMatchObject({ code: 5, stderr: expect.stringContaining('passphrase is wrong') });
  }
  const locked = await shop.hoopctl.approve(id, { token: shop.ben, stdin: `${PASSPHRASE}\n` });
  expect(locked).toMatchObject({ code: 5, stderr: expect.stringContaining('locked') });
  expect(await shop.plan()).toBe('free');
});
