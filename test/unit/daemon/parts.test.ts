import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Route, routes } from '../../../src/api/routes.ts';
import { assertOwnSocket, socketPath } from '../../../src/api/socket-path.ts';
import { createCancelKeys } from '../../../src/daemon/cancel-keys.ts';
import { EventQueue } from '../../../src/daemon/event-queue.ts';
import { matchRoute } from '../../../src/daemon/route-match.ts';
import { Targets } from '../../../src/daemon/targets.ts';
import type { ConnectionRow } from '../../../src/store/store.ts';
import { ManualClock } from '../session/manual-clock.ts';
import { LineProtocol } from './line-protocol.ts';

describe('routes', () => {
  test('are found by method and path, their parameters decoded', () => {
    for (const [name, route] of Object.entries(routes) as [string, Route][]) {
      const path = route.path.replace(/:[a-z]+/g, 'a%40b%2Fc');
      const match = matchRoute(route.method, path);
      expect([path, match?.name]).toEqual([path, name]);
      for (const value of match?.params.values() ?? []) expect(value).toBe('a@b/c');
    }
  });

  test('of no such name, method or encoding are not found', () => {
    expect(matchRoute('GET', '/v1/approvals/watch')?.name).toBe('approvalWatch');
    expect(matchRoute('PUT', '/v1/status')).toBeUndefined();
    expect(matchRoute('GET', '/v1/connections/')).toBeUndefined();
    expect(matchRoute('GET', '/v1/connections/%zz')).toBeUndefined();
    expect(matchRoute('GET', '/v1/status/more')).toBeUndefined();
  });
});

describe('cancel keys', () => {
  test('find their session by process id and the whole secret', () => {
    const keys = createCancelKeys();
    let cancelled = 0;
    const key = keys.register(() => {
      cancelled += 1;
    }, 32);
    expect(key.secret).toHaveLength(32);
    keys.find(key.processId, key.secret)?.();
    expect(cancelled).toBe(1);
    const other = Buffer.from(key.secret);
    other[31] = (other[31] ?? 0) ^ 1;
    expect(keys.find(key.processId, other)).toBeUndefined();
    expect(keys.find(key.processId, key.secret.subarray(0, 4))).toBeUndefined();
    expect(keys.find(key.processId + 1, key.secret)).toBeUndefined();
    key.release();
    expect(keys.find(key.processId, key.secret)).toBeUndefined();
  });
});

describe('the socket', () => {
  test('always fits into a socket address, and two directories never share one', () => {
    const home = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(home, home, (a, b) => {
        const [first, second] = [a, b].map((name) => socketPath(`/${name.replaceAll('\0', '')}`, 1000));
        expect(Buffer.byteLength(first ?? '')).toBeLessThanOrEqual(100);
        const same = join(`/${a.replaceAll('\0', '')}`) === join(`/${b.replaceAll('\0', '')}`);
        if (!same && first === second) expect(socketPath(`/${a}`)).toBe(socketPath(`/${b}`));
      }),
      { numRuns: 200 },
    );
    const deep = (tail: string) => socketPath(`/${'deep/'.repeat(30)}${tail}`, 1000);
    expect(deep('a')).not.toBe(deep('b'));
    expect(socketPath('/short', 1)).toBe('/short/daemon.sock');
  });

  test('in a directory that others may write is not given a token', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'hoop-sock-'));
    const home = join(dir, 'home');
    mkdirSync(home, { mode: 0o700 });
    const path = join(home, 'daemon.sock');
    expect(() => assertOwnSocket(path)).toThrow(expect.objectContaining({ code: 'daemon_not_running' }));
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once('listening', resolve));
    chmodSync(path, 0o600);
    expect(() => assertOwnSocket(path)).not.toThrow();
    chmodSync(home, 0o777);
    expect(() => assertOwnSocket(path)).toThrow(expect.objectContaining({ code: 'foreign_socket' }));
    server.close();
    rmSync(dir, { recursive: true });
  });
});

describe('an event queue', () => {
  test('gives what was pushed in order, ends, and releases once', async () => {
    let released = 0;
    const queue = new EventQueue<number>(new AbortController().signal, () => {
      released += 1;
    });
    queue.push(1);
    queue.push(2);
    queue.end();
    queue.push(3);
    const seen = [];
    for await (const event of queue) seen.push(event);
    expect(seen).toEqual([1, 2]);
    expect(released).toBe(1);
  });

  test('is released when its reader goes away before reading anything', () => {
    const gone = new AbortController();
    let released = 0;
    new EventQueue<number>(gone.signal, () => {
      released += 1;
    });
    gone.abort();
    expect(released).toBe(1);
  });

  test('ends with an error when its reader falls too far behind', async () => {
    const queue = new EventQueue<number>(new AbortController().signal, () => {});
    for (let i = 0; i <= 10_000; i++) queue.push(i);
    const read = async () => {
      for await (const _ of queue);
    };
    await expect(read()).rejects.toMatchObject({ code: 'stream_too_slow' });
  });
});

describe('targets', () => {
  const row: ConnectionRow = {
    id: 'c-1',
    name: 'prod-db',
    protocol: 'line',
    settings: '{"host":"h","user":"u","database":"d"}',
    secretRef: undefined,
    labels: {},
    createdAt: '2026-11-20T09:00:00.000Z',
    updatedAt: '2026-11-20T09:00:00.000Z',
  };
  const targetsOf = (clock: ManualClock, protocol: LineProtocol) =>
    new Targets({
      clock,
      vault: { read: async () => 'right' },
      store: { connections: { find: async () => undefined } },
      protocols: [protocol],
      maskKey: async () => new Uint8Array(32),
      failed: () => {},
    });

  test('are shared while they are used and closed a minute after the last use', async () => {
    const clock = new ManualClock();
    const protocol = new LineProtocol();
    const targets = targetsOf(clock, protocol);
    const [one, two] = [await targets.lease(row), await targets.lease(row)];
    expect(one.target).toBe(two.target);
    one.release();
    one.release();
    clock.advance(60_000);
    expect(protocol.openTargets).toBe(1);
    two.release();
    clock.advance(59_999);
    expect(protocol.openTargets).toBe(1);
    clock.advance(1);
    expect(protocol.openTargets).toBe(0);
  });

  test('of an edited connection are others', async () => {
    const protocol = new LineProtocol();
    const targets = targetsOf(new ManualClock(), protocol);
    const before = await targets.lease(row);
    const after = await targets.lease({ ...row, updatedAt: '2026-11-20T09:00:00.001Z' });
    expect(after.target).not.toBe(before.target);
    expect(protocol.openTargets).toBe(1);
  });
});
