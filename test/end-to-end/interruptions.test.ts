import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type ConnectedClient,
  connectClient,
  type GovernedShop,
  openShop,
  SHOP_POLICY,
  TARGET_PASSWORD,
} from '../servers/governed-shop.ts';
import { Hoopctl } from '../servers/hoopctl.ts';
import { psql } from '../servers/psql.ts';

let shop: GovernedShop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop?.stop());
beforeEach(() => shop.server.query("UPDATE customers SET plan = 'free' WHERE id = 1", 'shop'));

const run = (...args: string[]) => shop.hoopctl.run(args);

interface Session {
  readonly id: string;
  readonly status: string;
  readonly endReason: string | null;
}
const sessions = async () => (await shop.hoopctl.json<{ sessions: Session[] }>(['session', 'list'])).sessions;

describe('a session is cut at once', () => {
  const open: ConnectedClient[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map(({ client }) => client.end().catch(() => {})));
  });

  async function session(token: string, connection = 'prod-db'): Promise<ConnectedClient> {
    const { url } = await shop.hoopctl.proxy(connection, { token });
    const opened = await connectClient(url);
    open.push(opened);
    await opened.client.query('SELECT 1');
    return opened;
  }

  test('when its identity expires, in the middle of a statement, and the token ends with 4', async () => {
    const made = ['identity', 'create', 'brief', '--role', 'requester', '--group', 'agents', '--ttl', '3s'];
    const token = (await shop.hoopctl.ok(made)).stdout.trim().split('\n').at(-1) ?? '';
    const { client, ended } = await session(token);
    const sleeping = client.query('SELECT pg_sleep(20)');
    const began = performance.now();
    await expect(sleeping).rejects.toMatchObject({ code: '57P01' });
    await ended;
    expect(performance.now() - began).toBeLessThan(6000);
    expect(await shop.hoopctl.run(['whoami'], { token })).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('expired'),
    });
    await expect
      .poll(() =>
        shop.server.query("SELECT 1 FROM pg_stat_activity WHERE usename = 'app' AND state = 'active'"),
      )
      .toEqual([]);
  });

  test('when it is killed, and the list says by whom', async () => {
    const { ended } = await session(shop.devin);
    const [live] = (await sessions()).filter(({ status }) => status === 'open');
    expect(await run('session', 'kill', live?.id ?? '', '--yes')).toMatchObject({ code: 0 });
    expect(await ended).toMatchObject({ code: '57P01' });
    await expect
      .poll(async () => (await sessions()).find(({ id }) => id === live?.id))
      .toMatchObject({ status: 'closed', endReason: expect.stringContaining('owner') });
    expect(await run('session', 'kill', live?.id ?? '', '--yes')).toMatchObject({ code: 9 });
    expect((await run('session', 'kill', 's-nosuchone', '--yes')).code).toBe(9);
  });

  test('when its connection is edited or removed', async () => {
    const url = shop.url;
    await shop.hoopctl.addConnection('other-db', url, TARGET_PASSWORD);
    const edited = await session(shop.devin, 'other-db');
    await shop.hoopctl.ok(['connection', 'edit', 'other-db', '--url', `${url}?application_name=edited`]);
    expect(await edited.ended).toMatchObject({ code: '57P01' });
    const removed = await session(shop.devin, 'other-db');
    await shop.hoopctl.ok(['connection', 'remove', 'other-db', '--yes']);
    expect(await removed.ended).toMatchObject({ code: '57P01' });
    expect((await shop.hoopctl.run(['proxy', 'other-db'], { token: shop.devin })).code).toBe(9);
  });

  test('when the process that holds its endpoint is killed, and what waits is withdrawn', async () => {
    const proxy = await shop.hoopctl.proxy('prod-db', { token: shop.devin });
    const requester = await connectClient(proxy.url);
    const update = requester.client.query("UPDATE customers SET plan = 'pro' WHERE id = 1");
    update.catch(() => {});
    const id = await requester.nextApproval();
    proxy.child.kill('SIGKILL');
    await expect(update).rejects.toThrow('endpoint was closed');
    await requester.ended;
    expect((await shop.hoopctl.approve(id, { token: shop.ana })).code).toBe(9);
    expect(await shop.plan()).toBe('free');
    await expect(connectClient(proxy.url)).rejects.toThrow('ECONNREFUSED');
  });

  test('not when the policy changes: it takes the new one at its next statement', async () => {
    const { client } = await session(shop.devin);
    const sleeping = client.query('SELECT pg_sleep(1), 1 AS done');
    await shop.hoopctl.applyPolicy(SHOP_POLICY.replace('effects: [read, session]', 'effects: [session]'));
    expect((await sleeping).rows).toHaveLength(1);
    await expect(client.query('SELECT plan FROM customers')).rejects.toMatchObject({ code: '42501' });
    await shop.hoopctl.applyPolicy(SHOP_POLICY);
    expect((await client.query('SELECT plan FROM customers')).rows).toHaveLength(2);
  });
});

describe('a daemon that is killed in mid-statement', () => {
  test('leaves a recording with every row that the client saw, and nothing open', async () => {
    const { url } = await shop.hoopctl.proxy('prod-db', { token: shop.devin });
    let pid = await shop.hoopctl.daemonPid();
    let shown = '';
    // Rows come in pieces while the statement runs; the kill falls between two.
    const slow =
      "SELECT 'row-' || g AS seen, repeat('x', 2000) AS filler, pg_sleep(0.002) FROM generate_series(1, 5000) g";
    const dying = psql(url, ['-c', 'DROP TABLE customers', '-c', `COPY (${slow}) TO STDOUT`], {
      onOutput: (stream, text) => {
        if (stream === 'stdout') shown += text;
        if (shown.length > 100_000 && pid !== undefined) {
          process.kill(pid, 'SIGKILL');
          pid = undefined;
        }
      },
    });
    const { code, stdout } = await dying;
    expect(code).not.toBe(0);
    const rows = stdout.match(/^row-\d+/gm) ?? [];
    expect(rows.length).toBeGreaterThan(20);

    await shop.hoopctl.ok(['daemon', 'start']);
    const [last] = await sessions();
    expect(last).toMatchObject({ status: 'interrupted', statements: 2, blocked: 1 });
    const replay = await shop.hoopctl.ok(['replay', last?.id ?? '', '--no-wait']);
    const replayed = replay.stdout.match(/row-\d+/g) ?? [];
    expect(replayed.slice(0, rows.length)).toEqual([...rows]);
    expect(await run('audit', 'verify')).toMatchObject({ code: 0 });
  });
});

describe('SIGTERM', () => {
  test('tells psql 57P01, flushes its recording, and exits within 10 s', async () => {
    const { url } = await shop.hoopctl.proxy('prod-db', { token: shop.devin });
    const pid = await shop.hoopctl.daemonPid();
    const sleeping = psql(
      url,
      ['-v', 'VERBOSITY=verbose', '-c', "SELECT 'shown' AS first", '-c', 'SELECT pg_sleep(30)'],
      {
        onOutput: (_, text) => {
          if (text.includes('shown') && pid !== undefined) process.kill(pid, 'SIGTERM');
        },
      },
    );
    const began = performance.now();
    expect(await sleeping).toMatchObject({ stderr: expect.stringContaining('57P01') });
    await expect.poll(() => shop.hoopctl.daemonPid(), { timeout: 10_000 }).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(10_000);
    await shop.hoopctl.ok(['daemon', 'start']);
    const [last] = await sessions();
    expect(last).toMatchObject({ status: 'closed' });
    expect((await shop.hoopctl.ok(['replay', last?.id ?? '', '--no-wait'])).stdout).toContain('shown');
    expect(await run('audit', 'verify')).toMatchObject({ code: 0 });
  });
});

test('a target that stalls is given up at its connect_timeout, and the client is told', async () => {
  const url = `${shop.url}?connect_timeout=2`;
  await shop.hoopctl.addConnection('frozen', url, TARGET_PASSWORD);
  const proxy = await shop.hoopctl.proxy('frozen', { token: shop.devin });
  const began = performance.now();
  process.kill(shop.server.pid, 'SIGSTOP');
  try {
    await expect(connectClient(proxy.url)).rejects.toMatchObject({ code: '08006' });
  } finally {
    process.kill(shop.server.pid, 'SIGCONT');
  }
  expect(performance.now() - began).toBeLessThan(6000);
  const { client } = await connectClient(proxy.url);
  await client.end();
});

describe('a database of a newer version', () => {
  test('is not opened, is told so, and stays as it is', async () => {
    const newer = await Hoopctl.initialised();
    await newer.ok(['daemon', 'stop']);
    const file = join(newer.home, 'state.db');
    const database = new DatabaseSync(file);
    database.exec('PRAGMA user_version = 9999; PRAGMA wal_checkpoint(TRUNCATE)');
    database.close();
    const before = readFileSync(file);
    const started = await newer.run(['daemon', 'start']);
    expect(started.code).not.toBe(0);
    expect(started.stderr).toMatch(/newer/);
    expect(readFileSync(file).equals(before)).toBe(true);
    const json = await newer.run(['session', 'list', '--json']);
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'daemon_start_failed' } });
    await newer.close();
  });
});

describe('a machine', () => {
  test('without psql is told the package, and of proxy', async () => {
    const { code, stderr } = await shop.hoopctl.run(['connect', 'prod-db'], {
      token: shop.devin,
      env: { PATH: '/nonexistent' },
    });
    expect(code).toBe(9);
    expect(stderr).toContain('postgresql-client');
    expect(stderr).toContain('hoopctl proxy prod-db');
  });

  test('whose state directory others can enter starts no daemon, and is told the command that mends it', async () => {
    const other = Hoopctl.fresh();
    mkdirSync(other.home, { recursive: true });
    chmodSync(other.home, 0o755);
    const refused = await other.run(['init', '--no-input', '--approver-passphrase-stdin'], {
      stdin: 'long enough for it\n',
    });
    expect(refused.code).toBe(5);
    expect(refused.stderr).toContain(`chmod 700 ${other.home}`);
    const doctor = await other.run(['doctor', '--json']);
    expect(doctor.code).toBe(1);
    expect(JSON.parse(doctor.stdout).findings).toContainEqual(
      expect.objectContaining({ level: 'problem', fix: `chmod 700 ${other.home}` }),
    );
    await other.close();
  });

  test('is told by doctor what is weak, with a fix for each', async () => {
    const { code, stdout } = await run('doctor', '--json');
    const { findings } = JSON.parse(stdout) as {
      findings: { level: string; topic: string; fix: string | null }[];
    };
    expect(code).toBe(findings.some(({ level }) => level === 'problem') ? 1 : 0);
    for (const { level, topic, fix } of findings) {
      if (level === 'warning' || level === 'problem') expect([topic, typeof fix]).toEqual([topic, 'string']);
    }
    expect(stdout).toMatch(/same (OS )?user|own user/i);
    expect(findings.map(({ topic }) => topic)).toEqual(
      expect.arrayContaining(['node', 'psql', 'state directory']),
    );
  });

  test('without an identity is told to init, and no daemon starts', async () => {
    const other = Hoopctl.fresh();
    const refused = await other.run(['connection', 'list']);
    expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining('hoopctl init') });
    expect((await other.run(['daemon', 'status'])).code).toBe(3);
    await other.close();
  });
});
