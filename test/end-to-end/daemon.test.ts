import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Hoopctl, LAUNCHER, type Proxy as ServedProxy } from '../servers/hoopctl.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { run } from '../servers/psql.ts';

const POLICY = `version: 1
groups:
  agents: [devin]
  dba: [ana]
rules:
  - name: reads
    who: [group:agents]
    effects: [read, session]
    decision: allow
  - name: writes
    who: [group:agents]
    effects: [write]
    decision: approve
    approvers: [group:dba]
`;

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
  await server.query('create table public.customers (id int primary key, plan text)');
  await server.query("insert into public.customers values (1, 'free')");
});
afterAll(() => server.stop());

/** A connected client whose end, whatever its cause, is kept. */
async function connectTo({ url }: ServedProxy) {
  const client = new pg.Client({ connectionString: url });
  let failure: (Error & { code?: string }) | undefined;
  const ended = new Promise<(Error & { code?: string }) | undefined>((resolve) => {
    client.on('error', (error) => {
      failure ??= error;
    });
    client.on('end', () => resolve(failure));
  });
  await client.connect();
  return { client, ended };
}

async function governed(hoopctl: Hoopctl): Promise<{ devin: string; ana: string }> {
  await hoopctl.addConnection('prod-db', server.url(), server.password);
  const devin = await hoopctl.createIdentity('devin', 'requester', 'agents');
  const ana = await hoopctl.createIdentity('ana', 'approver', 'dba');
  await hoopctl.applyPolicy(POLICY);
  return { devin, ana };
}

/** Linux with autogroups, and CAP_SYS_NICE (capabilities(7): bit 23). */
function mayAskForShare(): boolean {
  if (!existsSync('/proc/self/autogroup')) return false;
  const held = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${held}`) & (1n << 23n)) !== 0n;
}

let hoopctl: Hoopctl;
beforeEach(async () => {
  hoopctl = await Hoopctl.initialised();
});
afterEach(() => hoopctl.close());

const pending = async () => {
  const { approvals } = await hoopctl.json<{ approvals: { id: string }[] }>(['approvals']);
  return approvals.map(({ id }) => id);
};
const sessions = async () => {
  const list = await hoopctl.json<{ sessions: { id: string; status: string }[] }>(['session', 'list']);
  return list.sessions;
};

describe('SIGTERM', () => {
  test('tells a client 57P01, ends its waiting write with nothing executed, and exits within 10 s', async () => {
    const { devin } = await governed(hoopctl);
    const proxy = await hoopctl.proxy('prod-db', { token: devin });
    const { client, ended } = await connectTo(proxy);
    await client.query('select plan from public.customers where id = 1');
    const write = client.query("update public.customers set plan = 'pro' where id = 1");
    write.catch(() => {});
    await expect.poll(pending).toHaveLength(1);
    const pid = await hoopctl.daemonPid();

    const began = performance.now();
    process.kill(pid ?? 0, 'SIGTERM');
    await expect(write).rejects.toMatchObject({ code: '57P01' });
    await ended;
    await expect.poll(() => hoopctl.daemonPid(), { timeout: 10_000 }).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(10_000);

    await hoopctl.ok(['daemon', 'start']);
    expect(await sessions()).toMatchObject([{ status: 'closed' }]);
    expect(await pending()).toEqual([]);
    expect(await server.query('select plan from public.customers')).toEqual([{ plan: 'free' }]);
    await hoopctl.ok(['audit', 'verify']);
  });
});

describe('kill -9', () => {
  test('interrupts sessions and expires what waits; the next start is clean and loses no shown byte', async () => {
    const { devin } = await governed(hoopctl);
    const proxy = await hoopctl.proxy('prod-db', { token: devin });
    const { client, ended } = await connectTo(proxy);
    await client.query('select plan as shown_plan from public.customers');
    client.query("update public.customers set plan = 'pro'").catch(() => {});
    await expect.poll(pending).toHaveLength(1);
    const [id = ''] = await pending();

    process.kill((await hoopctl.daemonPid()) ?? 0, 'SIGKILL');
    await ended;
    await hoopctl.ok(['daemon', 'start']);
    const [session] = await sessions();
    expect(session).toMatchObject({ status: 'interrupted' });
    const replay = await hoopctl.ok(['replay', session?.id ?? '', '--no-wait']);
    expect(replay.stdout).toContain('shown_plan');
    expect(replay.stdout).toContain('free');
    const all = await hoopctl.json<{ approvals: { id: string; status: string }[] }>(['approvals', '--all']);
    expect(all.approvals).toContainEqual(expect.objectContaining({ id, status: 'expired' }));
    await hoopctl.ok(['audit', 'verify']);
    expect(await server.query('select plan from public.customers')).toEqual([{ plan: 'free' }]);
  });
});

describe('one daemon', () => {
  test('serves a state directory: a second one ends with 9 and says why', async () => {
    const second = await run(process.execPath, [LAUNCHER, 'daemon', 'start', '--foreground'], {
      env: hoopctl.env(),
    });
    expect(second.code).toBe(9);
    expect(second.stderr).toMatch(/already running|in use/);
    const entry = join(LAUNCHER, '..', '..', 'dist', 'daemon', 'entry.js');
    const raw = await run(process.execPath, [entry, '--home', hoopctl.home], { env: hoopctl.env() });
    expect(raw).toMatchObject({ code: 9 });
    expect(raw.stderr).toContain('another');
  });

  test.runIf(mayAskForShare())(
    'asks for more of the processors than a terminal has, unless it was told otherwise',
    async () => {
      const own = readFileSync('/proc/self/autogroup', 'utf8');
      const shareOf = async () => readFileSync(`/proc/${await hoopctl.daemonPid()}/autogroup`, 'utf8');
      expect(await shareOf()).toMatch(/ nice -10$/m);

      await hoopctl.ok(['daemon', 'stop']);
      const nice = await run('nice', ['-n', '1', process.execPath, LAUNCHER, 'daemon', 'start'], {
        env: hoopctl.env(),
      });
      expect(nice).toMatchObject({ code: 0 });
      expect(await shareOf()).toMatch(/ nice 0$/m);
      // Nor is anything changed for who started it.
      expect(readFileSync('/proc/self/autogroup', 'utf8')).toBe(own);
    },
  );

  test('starts over what a killed one left lying: pid file and socket', async () => {
    const pid = await hoopctl.daemonPid();
    process.kill(pid ?? 0, 'SIGKILL');
    await expect.poll(() => hoopctl.daemonPid()).toBeUndefined();
    expect(readFileSync(join(hoopctl.home, 'daemon.pid'), 'utf8').trim()).toBe(String(pid));
    await hoopctl.ok(['daemon', 'start']);
    expect(await hoopctl.daemonPid()).not.toBe(pid);
  });

  test('does not start over a damaged database, says so, and leaves the file as it is', async () => {
    await hoopctl.ok(['daemon', 'stop']);
    const file = join(hoopctl.home, 'state.db');
    writeFileSync(file, 'this is no database, and it is long enough to be looked at as one');
    const started = await hoopctl.run(['daemon', 'start']);
    expect(started.code).toBe(1);
    expect(started.stderr).toContain('state.db');
    expect(readFileSync(file, 'utf8')).toContain('this is no database');
  });

  test('writes nothing that others can read', async () => {
    for (const name of ['state.db', 'logs/daemon.log', 'audit/audit.jsonl', 'daemon.pid', 'owner.token']) {
      expect([name, statSync(join(hoopctl.home, name)).mode & 0o077]).toEqual([name, 0]);
    }
  });
});

describe('while a session runs', () => {
  test('an applied policy holds at its next statement, and revoking its identity ends it', async () => {
    const { devin } = await governed(hoopctl);
    const proxy = await hoopctl.proxy('prod-db', { token: devin });
    const { client, ended } = await connectTo(proxy);
    const named = { name: 'again', text: 'select plan from public.customers where id = $1', values: [1] };
    expect((await client.query(named)).rows).toEqual([{ plan: 'free' }]);
    await hoopctl.applyPolicy(
      POLICY.replace('effects: [read, session]\n    decision: allow', 'effects: [read]\n    decision: block'),
    );
    await expect(client.query(named)).rejects.toMatchObject({ code: '42501' });
    await hoopctl.ok(['identity', 'revoke', 'devin', '--yes']);
    expect(await ended).toMatchObject({ code: '57P01' });
    expect((await hoopctl.run(['whoami'], { token: devin })).code).toBe(4);
  });

  test('the log of the daemon holds neither statements nor secrets', async () => {
    const { devin } = await governed(hoopctl);
    const proxy = await hoopctl.proxy('prod-db', { token: devin });
    const { client } = await connectTo(proxy);
    await client.query("select 'a literal nobody should log'");
    await expect(client.query('drop table public.customers')).rejects.toMatchObject({ code: '42501' });
    await client.end();
    const log = readFileSync(join(hoopctl.home, 'logs', 'daemon.log'), 'utf8');
    const audit = readFileSync(join(hoopctl.home, 'audit', 'audit.jsonl'), 'utf8');
    for (const secret of [proxy.password, server.password, devin, 'a literal nobody should log']) {
      expect(log).not.toContain(secret);
      expect(audit).not.toContain(secret);
    }
  });
});
