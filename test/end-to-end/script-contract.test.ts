import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectClient, SHOP_POLICY, TARGET_PASSWORD } from '../servers/governed-shop.ts';
import { Hoopctl, PASSPHRASE } from '../servers/hoopctl.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';

/** What users' pipelines rely on, line by line and in the order of a pipeline. */
let server: TestPostgres;
let hoopctl: Hoopctl;
let devin: string;
let session: string;

beforeAll(async () => {
  server = await startPostgres();
  await server.createRole('app', TARGET_PASSWORD);
  await server.query(
    "CREATE TABLE customers AS SELECT 1 AS id, 'free' AS plan; GRANT ALL ON customers TO app",
  );
  hoopctl = Hoopctl.fresh();
});
afterAll(async () => {
  await hoopctl?.close();
  await server?.stop();
});

const lines = (text: string) => text.trimEnd().split('\n');

describe('the contract for scripts', () => {
  test('init --no-input --approver-passphrase-stdin makes the identity owner', async () => {
    const flags = ['--no-input', '--approver-passphrase-stdin'];
    const made = await hoopctl.run(['init', ...flags], { stdin: `${PASSPHRASE}\n` });
    expect(made).toMatchObject({ code: 0 });
    expect(statSync(hoopctl.home).mode & 0o777).toBe(0o700);
    expect(existsSync(join(hoopctl.home, 'owner.token'))).toBe(true);
    expect(await hoopctl.json(['whoami'])).toMatchObject({ schemaVersion: 1, identity: { name: 'owner' } });
    const again = await hoopctl.run(['init', ...flags], { stdin: `${PASSPHRASE}\n` });
    expect(again.code).toBe(9);
  });

  test('connection add NAME --url URL --password-stdin --no-input', async () => {
    const url = `postgres://app@127.0.0.1:${server.port}/postgres`;
    const added = await hoopctl.run(
      ['connection', 'add', 'prod-db', '--url', url, '--password-stdin', '--no-input'],
      { stdin: `${TARGET_PASSWORD}\n` },
    );
    expect(added).toMatchObject({ code: 0 });
    const { connections } = await hoopctl.json<{ connections: object[] }>(['connection', 'list']);
    expect(connections).toMatchObject([{ name: 'prod-db' }]);
  });

  test('identity create NAME --role R --group G prints the token as the last line of stdout', async () => {
    const create = (name: string, role: string, group: string) =>
      hoopctl.run(['identity', 'create', name, '--role', role, '--group', group]);
    const made = await create('devin', 'requester', 'agents');
    expect(made.code).toBe(0);
    devin = lines(made.stdout).at(-1) ?? '';
    expect(devin).toMatch(/^\S{20,}$/);
    expect(await hoopctl.json(['whoami'], { token: devin })).toMatchObject({
      identity: { name: 'devin', roles: ['requester'], groups: ['agents'] },
    });
    const ana = await create('ana', 'approver', 'dba');
    expect(ana.code).toBe(0);
  });

  test('policy apply FILE --yes', async () => {
    const file = join(hoopctl.home, '..', 'policy.yaml');
    writeFileSync(file, SHOP_POLICY.replace('dba: [ana, ben]', 'dba: [ana, owner]'));
    expect(await hoopctl.run(['policy', 'apply', file, '--yes'])).toMatchObject({ code: 0 });
  });

  test('proxy NAME --json prints one line with url as soon as it serves, and stays', async () => {
    const proxy = await hoopctl.proxy('prod-db', { token: devin });
    const { user, password, host, port, database } = proxy;
    expect(new URL(proxy.url)).toMatchObject({
      username: user,
      password,
      hostname: host,
      port: String(port),
      pathname: `/${database}`,
    });
    let more = '';
    proxy.child.stdout?.on('data', (text) => {
      more += text;
    });

    const first = await connectClient(proxy.url);
    expect((await first.client.query('SELECT plan FROM customers')).rows).toEqual([{ plan: 'free' }]);
    const second = await connectClient(proxy.url);
    await second.client.end();

    const update = first.client.query("UPDATE customers SET plan = 'pro' WHERE id = 1");
    const id = await first.nextApproval();
    const listed = await hoopctl.json<{ schemaVersion: number; approvals: object[] }>(['approvals']);
    expect(listed).toMatchObject({
      schemaVersion: 1,
      approvals: [
        {
          id,
          connection: 'prod-db',
          requester: 'devin',
          statement: "UPDATE customers SET plan = 'pro' WHERE id = 1",
        },
      ],
    });
    const approved = await hoopctl.run(['approve', id, '--yes', '--passphrase-stdin'], {
      stdin: `${PASSPHRASE}\n`,
    });
    expect(approved).toMatchObject({ code: 0 });
    expect((await update).rowCount).toBe(1);

    const removal = first.client.query('DELETE FROM customers');
    removal.catch(() => {});
    const denial = await hoopctl.run(
      ['deny', await first.nextApproval(), '--reason', 'not on a Friday', '--passphrase-stdin'],
      { stdin: `${PASSPHRASE}\n` },
    );
    expect(denial).toMatchObject({ code: 0 });
    await expect(removal).rejects.toMatchObject({ code: '42501', detail: 'not on a Friday' });
    expect(await server.query('SELECT plan FROM customers')).toEqual([{ plan: 'pro' }]);

    await first.client.end();
    expect(proxy.child.exitCode).toBeNull();
    expect(more).toBe('');
    expect(await proxy.stop()).toBe(130);
  });

  test('session list --json', async () => {
    const listed = await hoopctl.json<{ sessions: { id: string; startedAt: string }[] }>(['session', 'list']);
    expect(listed).toMatchObject({
      schemaVersion: 1,
      sessions: [
        { connection: 'prod-db', identity: 'devin', statements: 0 },
        { connection: 'prod-db', identity: 'devin', approved: 1, denied: 1 },
      ],
    });
    session = listed.sessions[1]?.id ?? '';
    expect(listed.sessions[1]?.startedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test('replay ID --no-wait', async () => {
    const replay = await hoopctl.run(['replay', session, '--no-wait']);
    expect(replay.code).toBe(0);
    for (const part of ['SELECT plan FROM customers', 'UPDATE 1', 'not on a Friday']) {
      expect(replay.stdout).toContain(part);
    }
  });

  test('audit verify exits 0 only when all is well, connection remove NAME --yes', async () => {
    expect(await hoopctl.run(['connection', 'remove', 'prod-db', '--yes'])).toMatchObject({ code: 0 });
    expect(await hoopctl.json(['connection', 'list'])).toMatchObject({ connections: [] });
    expect(await hoopctl.run(['audit', 'verify'])).toMatchObject({ code: 0 });
  });

  test('all act as HOOPCTL_TOKEN when it is set, as the stored owner otherwise', async () => {
    const refused = await Promise.all([
      hoopctl.run(['identity', 'create', 'more', '--role', 'owner'], { token: devin }),
      hoopctl.run(['connection', 'add', 'x', '--url', 'postgres://a@127.0.0.1/b', '--no-input'], {
        token: devin,
      }),
      hoopctl.run(['policy', 'apply', join(hoopctl.home, '..', 'policy.yaml'), '--yes'], { token: devin }),
      hoopctl.run(['audit', 'verify'], { token: devin }),
    ]);
    expect(refused.map(({ code }) => code)).toEqual([5, 5, 5, 5]);
    const owned = await hoopctl.json<{ sessions: object[] }>(['session', 'list']);
    expect(owned.sessions).toHaveLength(2);
  });
});
