import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeAuthority } from '../servers/certificates.ts';
import {
  connectClient,
  type GovernedShop,
  openShop,
  SHOP_POLICY,
  TARGET_PASSWORD,
} from '../servers/governed-shop.ts';
import type { Proxy as ServedProxy } from '../servers/hoopctl.ts';

let shop: GovernedShop;
let proxy: ServedProxy;
let dir: string;
beforeAll(async () => {
  shop = await openShop({ tls: true });
  proxy = await shop.hoopctl.proxy('prod-db', { token: shop.devin });
  dir = mkdtempSync(join(tmpdir(), 'hoopctl-bad-'));
});
afterAll(async () => {
  await shop?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const run = (...args: string[]) => shop.hoopctl.run(args);
const add = (name: string, url: string, password = TARGET_PASSWORD) =>
  shop.hoopctl.run(['connection', 'add', name, '--url', url, '--password-stdin', '--no-input'], {
    stdin: `${password}\n`,
  });
const names = async () => {
  const { connections } = await shop.hoopctl.json<{ connections: { name: string }[] }>([
    'connection',
    'list',
  ]);
  return connections.map(({ name }) => name);
};
/** A listener that takes connections and does with them what the test says. */
async function listener(serve: (socket: Socket) => void): Promise<{ port: number; close: () => void }> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : 0, close: () => server.close() };
}

describe('a misspelt command', () => {
  test('is told what was meant, and ends with 2', async () => {
    const cases = [
      [['conect', 'prod-db'], 'connect'],
      [['connection', 'ad', 'x'], 'add'],
      [['session', 'list', '--conection', 'x'], '--connection'],
      [['identity', 'create', 'x', '--rol', 'owner'], '--role'],
    ] as const;
    for (const [args, meant] of cases) {
      const { code, stderr, stdout } = await run(...args);
      expect([args, code, stdout]).toEqual([args, 2, '']);
      expect(stderr).toMatch(new RegExp(`did you mean.*${meant}`, 'i'));
    }
    const role = await run('identity', 'create', 'x', '--role', 'boss');
    expect(role).toMatchObject({ code: 2, stderr: expect.stringContaining('requester') });
    expect((await run('proxy', 'prod-db', '--port', '99999')).code).toBe(2);
    expect((await run('connection', 'add', 'x y/z', '--url', shop.url, '--no-input')).code).toBe(2);
  });

  test('as JSON has the same parts', async () => {
    const { code, stderr } = await run('conect', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({
      schemaVersion: 1,
      error: { kind: 'usage', code: 'unknown_command', message: expect.stringContaining('conect') },
    });
  });
});

describe('a policy with a typo', () => {
  test('is told by line and column with what was meant, and the applied one stays', async () => {
    const file = join(dir, 'typo.yaml');
    writeFileSync(file, SHOP_POLICY.replace('    effects: [write]', '    efects: [write]'));
    const checked = await run('policy', 'check', file);
    expect(checked.code).toBe(2);
    expect(checked.stdout).toMatch(/typo\.yaml:12:5: error: .*efects.*did you mean.*effects/i);
    expect((await run('policy', 'apply', file, '--yes')).code).toBe(2);
    writeFileSync(file, 'version: 1\nrules: [}\n');
    expect((await run('policy', 'apply', file, '--yes')).code).toBe(2);
    writeFileSync(file, `${SHOP_POLICY}limits:\n  - name: budget\n    rows_red: 10\n    decision: block\n`);
    const later = await run('policy', 'check', file);
    expect(later.stdout).toMatch(/rows_red.*did you mean.*rows_read/i);
    const status = await shop.hoopctl.json<{ policy: { version: number } }>(['daemon', 'status']);
    expect(status.policy.version).toBe(1);
    expect((await run('policy', 'check', join(dir, 'none.yaml'))).code).toBe(9);
  });
});

describe('a connection', () => {
  test('whose name is taken is a conflict, and the old one stays', async () => {
    const taken = await add('prod-db', `${shop.url}?application_name=other`);
    expect(taken).toMatchObject({ code: 9, stderr: expect.stringContaining('prod-db') });
    expect(await shop.hoopctl.json(['connection', 'show', 'prod-db'])).toMatchObject({
      connection: { url: expect.not.stringContaining('other') },
    });
  });

  test('to a target that is down ends with 3, says what was tried, and is not stored', async () => {
    const down = await add('down', 'postgres://app@127.0.0.1:1,localhost:2/shop?connect_timeout=2');
    expect(down.code).toBe(3);
    expect(down.stderr).toContain('127.0.0.1:1');
    expect(down.stderr).toMatch(/localhost:2|:2\b/);
    expect(await names()).toEqual(['prod-db']);
    expect((await add('down', 'postgres://app@no-such-host.invalid/shop')).code).toBe(3);
  });

  test('with a wrong password or database is not stored, and the password is not told', async () => {
    const wrong = await add('wrong', shop.url, 'not-the-password-9');
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr).toContain('password authentication failed');
    expect(wrong.stderr).not.toContain('not-the-password-9');
    const database = await add('wrong', shop.url.replace('/shop', '/nowhere'));
    expect(database).toMatchObject({ code: 9, stderr: expect.stringContaining('nowhere') });
    expect(await names()).toEqual(['prod-db']);
  });

  test('over TLS is refused under the wrong authority or name, and works under the right one', async () => {
    const other = makeAuthority(dir, 'another authority').certFile;
    const base = shop.url.replace('127.0.0.1', 'localhost');
    const mismatch = await add('tls', `${base}?sslmode=verify-full&sslrootcert=${other}`);
    expect(mismatch.code).toBe(3);
    expect(mismatch.stderr).toMatch(/certificate|TLS/);
    expect(await names()).toEqual(['prod-db']);
    const right = await add('tls', `${base}?sslmode=verify-full&sslrootcert=${shop.server.caFile}`);
    expect(right).toMatchObject({ code: 0, stdout: expect.stringContaining('over TLS') });
    await shop.hoopctl.ok(['connection', 'remove', 'tls', '--yes']);
  });

  test('to a target that takes connections and says nothing ends at its timeout', async () => {
    const stalling = await listener(() => {});
    const began = performance.now();
    const late = await add(
      'late',
      `postgres://app@127.0.0.1:${stalling.port}/shop?connect_timeout=2&sslmode=disable`,
    );
    stalling.close();
    expect(late).toMatchObject({ code: 3, stderr: expect.stringContaining(String(stalling.port)) });
    expect(performance.now() - began).toBeLessThan(8000);
  });

  test('to something that is no PostgreSQL is refused', async () => {
    const web = await listener((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    });
    const strange = await add('web', `postgres://app@127.0.0.1:${web.port}/shop?sslmode=disable`);
    web.close();
    expect(strange.code).toBeGreaterThan(0);
    expect(await names()).toEqual(['prod-db']);
  });

  test('with an unknown or unsafe part of the URL names it', async () => {
    const unknown = await add('odd', `${shop.url}?sslmod=require`);
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringMatching(/sslmod.*sslmode/s) });
    expect((await add('odd', `${shop.url}?sslmode=sometimes`)).code).toBe(2);
    expect((await add('odd', 'http://example.com')).code).toBe(2);
    const flag = await run('connection', 'add', 'odd', '--url', shop.url, '--no-input', '--password', 'x');
    expect(flag.code).toBe(2);
  });
});

describe('a token', () => {
  test('that is wrong or empty of meaning ends with 4', async () => {
    for (const token of ['hpt_wrong', 'x'.repeat(5000), 'ключ']) {
      const refused = await shop.hoopctl.run(['connection', 'list'], { token });
      expect([token.slice(0, 9), refused.code]).toEqual([token.slice(0, 9), 4]);
      expect(refused.stderr).toContain('next:');
    }
  });
});

describe('an endpoint', () => {
  const STARTUP_CODE = 196_608;
  const int32 = (...values: number[]) => {
    const bytes = Buffer.alloc(values.length * 4);
    for (const [index, value] of values.entries()) bytes.writeInt32BE(value | 0, index * 4);
    return bytes;
  };

  /** Sends bytes; all that comes back until the endpoint closes. */
  function refusal(bytes: Buffer): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(proxy.port, proxy.host, () => socket.write(bytes));
      const parts: Buffer[] = [];
      socket.on('data', (part) => parts.push(part));
      socket.on('error', () => {});
      socket.on('close', () => resolve(Buffer.concat(parts).toString('latin1')));
      socket.setTimeout(5000, () =>
        reject(new Error(`still open after ${bytes.toString('hex').slice(0, 40)}`)),
      );
    });
  }

  test('closes on garbage and impossible lengths before startup, and goes on serving', async () => {
    const answers = await Promise.all(
      [
        Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
        int32(0, STARTUP_CODE),
        int32(-1, STARTUP_CODE),
        int32(3, STARTUP_CODE),
        int32(0x7fffffff, STARTUP_CODE),
        int32(8, 0xdeadbeef),
        Buffer.concat([int32(20, STARTUP_CODE), Buffer.from('user\0x\0no end')]),
        Buffer.alloc(64, 0xff),
      ].map(refusal),
    );
    for (const answer of answers) expect(answer).not.toContain('R\0\0\0');
    const { client } = await connectClient(proxy.url);
    expect((await client.query('SELECT 1 AS alive')).rows).toEqual([{ alive: 1 }]);
    await client.end();
  });

  test('ends the session with 08P01 on garbage after startup, and nothing reaches the target', async () => {
    const messages = [
      Buffer.from([0x51, 0, 0, 0, 0]),
      Buffer.concat([Buffer.from('Q'), int32(-1)]),
      Buffer.concat([Buffer.from('Q'), int32(0x7fffffff)]),
      Buffer.concat([Buffer.from('Q'), int32(3)]),
      Buffer.concat([Buffer.from('P'), int32(5), Buffer.from('x')]),
      Buffer.concat([Buffer.from('\0'), int32(4)]),
      Buffer.from('this is no protocol at all'),
    ];
    for (const message of messages) {
      const { client, ended } = await connectClient(proxy.url);
      const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
      stream.write(message);
      const end = await ended;
      expect([message.toString('hex').slice(0, 24), end?.code]).toEqual([
        message.toString('hex').slice(0, 24),
        message[0] === 0x51 && message.readInt32BE(1) === 0x7fffffff
          ? expect.stringMatching(/^(08P01|54000)$/)
          : '08P01',
      ]);
    }
    await expect
      .poll(() =>
        shop.server.query("SELECT 1 FROM pg_stat_activity WHERE usename = 'app' AND state = 'active'"),
      )
      .toEqual([]);
    expect((await shop.hoopctl.json<{ pid: number }>(['daemon', 'status'])).pid).toBeGreaterThan(0);
  });

  test('on a port that is taken is a conflict that names the port', async () => {
    const args = ['proxy', 'prod-db', '--port', String(proxy.port)];
    const taken = await shop.hoopctl.run(args, { token: shop.devin });
    expect(taken).toMatchObject({ code: 9, stderr: expect.stringContaining(String(proxy.port)) });
  });

  test('to a target that is down ends with 3 and says what was tried', async () => {
    const gone = await listener(() => {});
    const url = `postgres://app@127.0.0.1:${gone.port}/shop`;
    await shop.hoopctl.ok(['connection', 'add', 'gone', '--url', url, '--no-input', '--no-test']);
    gone.close();
    await shop.hoopctl.applyPolicy(SHOP_POLICY.replace('devin]', 'devin, owner]'));
    for (const args of [
      ['proxy', 'gone'],
      ['exec', 'gone', '-c', 'SELECT 1'],
      ['connect', 'gone'],
    ]) {
      const { code, stderr } = await run(...args);
      expect([args, code]).toEqual([args, 3]);
      expect(stderr).toContain(`127.0.0.1:${gone.port}`);
    }
    await shop.hoopctl.applyPolicy(SHOP_POLICY);
    await shop.hoopctl.ok(['connection', 'remove', 'gone', '--yes']);
  });
});
