import { createHash } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/audit/canonical-json.ts';
import {
  CARD_NUMBER,
  connectClient,
  type GovernedShop,
  openShop,
  SHOP_POLICY,
} from '../servers/governed-shop.ts';
import { LAUNCHER } from '../servers/hoopctl.ts';
import { run } from '../servers/psql.ts';

interface Session {
  readonly id: string;
  readonly identity: string;
}
interface Entry {
  readonly seq: number;
  readonly prev: string;
  readonly hash: string;
  readonly kind: string;
  readonly time: string;
}

let shop: GovernedShop;
/** Sessions by what happened in them. */
const made = { read: '', blocked: '', written: '' };

beforeAll(async () => {
  shop = await openShop();
  await shop.hoopctl.applyPolicy(SHOP_POLICY.replace('[devin]', '[devin, ci-1]'));
  const ci = await shop.hoopctl.createIdentity('ci-1', 'requester');
  const session = async (token: string, ...statements: string[]) => {
    const { stdout } = await shop.hoopctl.run(
      ['exec', 'prod-db', '--json', ...statements.flatMap((text) => ['-c', text])],
      {
        token,
        onOutput: (_, text) => {
          const id = /"approval":"(ap-\w+)"[^\n]*"pending"/.exec(text)?.[1];
          if (id !== undefined) void shop.hoopctl.approve(id, { token: shop.ana });
        },
      },
    );
    return (JSON.parse(stdout) as { session: string }).session;
  };
  made.read = await session(
    shop.devin,
    "SELECT id, card_number, 'needle one' AS mark FROM customers ORDER BY id",
  );
  made.blocked = await session(ci, 'DROP TABLE customers');
  made.written = await session(shop.devin, "UPDATE customers SET plan = 'needle two' WHERE id = 2");
});
afterAll(() => shop?.stop());

const listed = async (...filters: string[]) => {
  const { sessions } = await shop.hoopctl.json<{ sessions: Session[] }>(['session', 'list', ...filters]);
  return sessions.map(({ id }) => id);
};

describe('session list', () => {
  test('is newest first, and filtered by what is asked', async () => {
    const { read, blocked, written } = made;
    expect(await listed()).toEqual([written, blocked, read]);
    const cases: [string[], string[]][] = [
      [['--identity', 'ci-1'], [blocked]],
      [['--decision', 'blocked'], [blocked]],
      [['--decision', 'approved'], [written]],
      [['--decision', 'denied'], []],
      [
        ['--text', 'needle'],
        [written, read],
      ],
      [['--text', 'NEEDLE ONE'], [read]],
      [['--text', 'needle', '--decision', 'approved'], [written]],
      [
        ['--connection', 'prod-db', '--limit', '2'],
        [written, blocked],
      ],
      [
        ['--since', '1h', '--status', 'closed'],
        [written, blocked, read],
      ],
      [['--until', '2020-01-01'], []],
      [['--status', 'open'], []],
    ];
    for (const [filters, ids] of cases) expect([filters, await listed(...filters)]).toEqual([filters, ids]);
  });

  test('refuses filters that mean nothing, and shows a requester its own alone', async () => {
    const codes = await Promise.all(
      [
        ['--decision', 'bloked'],
        ['--since', 'yesterday'],
        ['--limit', '0'],
      ].map(async (filters) => (await shop.hoopctl.run(['session', 'list', ...filters])).code),
    );
    expect(codes).toEqual([2, 2, 2]);
    const own = await shop.hoopctl.json<{ sessions: Session[] }>(['session', 'list'], { token: shop.devin });
    expect(own.sessions.map(({ id }) => id)).toEqual([made.written, made.read]);
    expect((await shop.hoopctl.run(['replay', made.blocked], { token: shop.devin })).code).toBe(9);
  });
});

describe('replay', () => {
  test('prints what was shown, masks included', async () => {
    const { stdout } = await shop.hoopctl.ok(['replay', made.read, '--no-wait']);
    expect(stdout).toContain('  1 | ************4242 | needle one\n');
    expect(stdout).not.toContain(CARD_NUMBER);
    const blocked = await shop.hoopctl.ok(['replay', made.blocked, '--no-wait']);
    expect(blocked.stdout).toMatch(/DROP TABLE customers[\s\S]*no-destructive-ddl/);
  });

  test('as JSON gives one event a line, in order of time', async () => {
    const { stdout } = await shop.hoopctl.ok(['replay', made.written, '--json']);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; at: number });
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['start', 'statement', 'approval', 'complete', 'end']),
    );
    expect(events[0]?.type).toBe('start');
    expect(events.at(-1)?.type).toBe('end');
    expect(events.map(({ at }) => at)).toEqual(events.map(({ at }) => at).sort((a, b) => a - b));
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'statement', decision: 'approve', rule: 'writes-need-approval' }),
    );
  });

  test('goes at the pace that is asked for, and refuses what is no session', async () => {
    const began = performance.now();
    await shop.hoopctl.ok(['replay', made.written, '--speed', '1000']);
    expect(performance.now() - began).toBeLessThan(5000);
    expect((await shop.hoopctl.run(['replay', made.written, '--speed', 'fast'])).code).toBe(2);
    expect((await shop.hoopctl.run(['replay', 's-nothing', '--no-wait'])).code).toBe(9);
  });
});

describe('the audit log', () => {
  test('is exported as it was hashed, so that others can verify the chain', async () => {
    const { stdout } = await shop.hoopctl.ok(['audit', 'export']);
    const entries = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Entry);
    let prev = '0'.repeat(64);
    for (const [index, { hash, ...rest }] of entries.entries()) {
      expect([rest.seq, rest.prev]).toEqual([index + 1, prev]);
      expect(createHash('sha256').update(canonicalJson(rest)).digest('hex')).toBe(hash);
      prev = hash;
    }
    expect(new Set(entries.map(({ kind }) => kind))).toEqual(
      new Set([
        ...['daemon.start', 'init', 'connection.added', 'identity.created', 'policy.applied', 'login'],
        ...['session.start', 'session.end', 'statement'],
        ...['approval.requested', 'approval.decided', 'approval.used'],
      ]),
    );
    const file = join(shop.hoopctl.home, '..', 'export.jsonl');
    await shop.hoopctl.ok(['audit', 'export', '--until', '2020-01-01', '-o', file]);
    expect(readFileSync(file, 'utf8')).toBe('');
    expect((await shop.hoopctl.run(['audit', 'export', '-o', file])).code).toBe(9);
  });

  test('is followed by tail -f until Ctrl-C', async () => {
    let seen = '';
    const following = run(process.execPath, [LAUNCHER, 'audit', 'tail', '-f', '-n', '1', '--json'], {
      env: shop.hoopctl.env(),
      onSpawn: (child) => {
        child.stdout?.on('data', (text: Buffer) => {
          const first = seen === '';
          seen += text;
          if (first) void shop.hoopctl.run(['exec', 'prod-db', '-c', 'DROP TABLE x'], { token: shop.devin });
          if (seen.slice(seen.indexOf('\n')).includes('"session.end"')) child.kill('SIGINT');
        });
      },
    });
    const { code, stdout } = await following;
    expect(code).toBe(130);
    const kinds = stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as Entry).kind);
    expect(kinds.slice(1)).toEqual(expect.arrayContaining(['session.start', 'statement', 'session.end']));
  });

  test('is for owners and auditors', async () => {
    const aud = await shop.hoopctl.createIdentity('aud', 'auditor');
    expect((await shop.hoopctl.run(['audit', 'verify'], { token: aud })).code).toBe(0);
    expect((await shop.hoopctl.run(['audit', 'tail'], { token: shop.ana })).code).toBe(5);
    expect((await shop.hoopctl.run(['proxy', 'prod-db'], { token: aud })).code).toBe(5);
  });
});

describe('what cannot be recorded', () => {
  test('does not begin: where no recording can be made there is no session', async () => {
    const { url } = await shop.hoopctl.proxy('prod-db', { token: shop.devin });
    const recordings = join(shop.hoopctl.home, 'recordings');
    renameSync(recordings, `${recordings}.away`);
    // Root may write anywhere, but not below a file.
    writeFileSync(recordings, '');
    await expect(connectClient(url)).rejects.toThrow(/hoopctl: .*record/);
    rmSync(recordings);
    renameSync(`${recordings}.away`, recordings);
    const { client } = await connectClient(url);
    await client.end();
    await shop.hoopctl.ok(['audit', 'verify']);
  });

  test('does not run: a statement for which the disk has no room is refused, and the daemon goes on', async () => {
    await shop.server.query('CREATE TABLE notes (body text); GRANT ALL ON notes TO app', 'shop');
    await shop.hoopctl.applyPolicy(
      `${SHOP_POLICY.replace('masks:', '  - name: notes\n    who: [group:agents]\n    effects: [write]\n    tables: [public.notes]\n    decision: allow\nmasks:').replace('effects: [write]\n    decision: approve', 'effects: [write]\n    tables: [public.customers]\n    decision: approve')}`,
    );
    await shop.hoopctl.ok(['daemon', 'stop']);
    // A file of this daemon may have 4 MiB, and not a byte more.
    const entry = join(LAUNCHER, '..', '..', 'dist', 'daemon', 'entry.js');
    const script = `ulimit -f 4096; exec "${process.execPath}" "${entry}" --home "${shop.hoopctl.home}"`;
    const daemon = run('bash', ['-c', script], { env: shop.hoopctl.env(), deadline: 60_000 });
    await expect.poll(() => shop.hoopctl.daemonPid(), { timeout: 10_000 }).toBeGreaterThan(0);

    const { url } = await shop.hoopctl.proxy('prod-db', { token: shop.devin });
    const { client, ended } = await connectClient(url);
    const note = 'x'.repeat(900_000);
    let written = 0;
    const fill = async () => {
      for (; written < 10; written++) await client.query(`INSERT INTO notes VALUES ('${note}')`);
    };
    await expect(fill()).rejects.toThrow(/hoopctl: .*record/);
    await client.end().catch(() => {});
    await ended;
    expect(written).toBeGreaterThan(0);
    expect(await shop.server.query('SELECT count(*)::int AS n FROM notes', 'shop')).toEqual([{ n: written }]);
    const again = await connectClient(url);
    expect((await again.client.query('SELECT 1 AS alive')).rows).toEqual([{ alive: 1 }]);
    await again.client.end();
    await shop.hoopctl.ok(['daemon', 'stop']);
    expect((await daemon).code).toBe(0);
    await shop.hoopctl.ok(['daemon', 'start']);
    await shop.hoopctl.ok(['audit', 'verify']);
  });
});
