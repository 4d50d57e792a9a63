import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Cast,
  castOf,
  dial,
  openEndpoint,
  PASSPHRASE,
  POLICY,
  type Running,
  startDaemon,
} from './running.ts';

let running: Running;
let cast: Cast;

beforeEach(async () => {
  running = await startDaemon();
  cast = await castOf(running);
});
afterEach(() => running.end());

const approvalIn = (line: string | undefined) => line?.split(' ')[1] ?? '';

async function openSession(listen: object = { kind: 'tcp' }) {
  const endpoint = await openEndpoint(cast.devin, { connection: 'prod-db', listen });
  const client = dial(endpoint.ready);
  client.say(endpoint.ready.password);
  const hello = await client.hear();
  return { endpoint, client, session: hello?.split(' ')[1] ?? '' };
}

describe('a governed session', () => {
  test('runs what is allowed, refuses what is not, and waits for an approval in between', async () => {
    const { client, endpoint, session } = await openSession();
    client.say('read customers');
    expect(await client.hear()).toBe('done read customers');
    client.say('drop customers');
    expect(await client.hear()).toBe('blocked by undefined');
    client.say('write customers');
    const id = approvalIn(await client.hear());
    const card = await cast.ana.call('approvalShow', { params: { id } });
    expect(card).toMatchObject({ requester: 'devin', statement: 'write customers', mayDecide: true });
    await cast.ana.call('approvalDecide', {
      params: { id },
      body: { decision: 'approve', passphrase: PASSPHRASE, version: card.version },
    });
    expect(await client.hear()).toBe('done write customers (ana)');
    expect(running.protocol.executed).toEqual(['read customers', 'write customers']);

    client.socket.end();
    expect(await endpoint.event('session-closed')).toMatchObject({ session, reason: 'the client left' });
    expect(endpoint.events.map((event) => ('status' in event ? event.status : event.type))).toEqual([
      'session-opened',
      'pending',
      'approved',
      'used',
      'session-closed',
    ]);
    const row = await cast.owner.call('sessionShow', { params: { id: session } });
    expect(row).toMatchObject({ status: 'closed', statements: 3, blocked: 1, approved: 1 });
    expect(await cast.otto.call('auditVerify', {})).toMatchObject({
      ok: true,
      recordings: 1,
      firstBroken: null,
    });
    endpoint.close();
  });

  test('is found by the text of its statements and replayed', async () => {
    const { client, endpoint, session } = await openSession();
    client.say('read customers');
    await client.hear();
    const found = (text: string) => cast.otto.call('sessionList', { query: { text } });
    expect((await found('CUSTOMERS')).sessions.map(({ id }) => id)).toEqual([session]);
    expect((await found('orders')).sessions).toEqual([]);
    const events = [];
    for await (const event of cast.otto.stream('sessionReplay', { params: { id: session } }))
      events.push(event);
    expect(events).toMatchObject([{ type: 'note', message: 'done read customers' }]);
    endpoint.close();
  });

  test('reads the secret when it opens and gets the installation’s mask key', async () => {
    const { endpoint } = await openSession();
    expect(running.protocol.secretsRead).toEqual(['right']);
    expect(running.protocol.maskKeys[0]).toHaveLength(64);
    endpoint.close();
  });

  test('is cut when its identity is revoked, and its endpoint closes', async () => {
    const { client, endpoint } = await openSession();
    const done = await cast.owner.call('identityRevoke', { params: { name: 'devin' } });
    expect(done.cutSessions).toBe(1);
    expect(await client.hear()).toBe('cut: the identity devin was revoked');
    await endpoint.ended;
    expect(endpoint.events.at(-1)).toMatchObject({
      type: 'closing',
      reason: 'the identity devin was revoked',
    });
    await expect(cast.devin.call('whoami', {})).rejects.toMatchObject({ kind: 'login-needed' });
  });

  test('is cut when it is killed, by its requester or an approver, not by an auditor', async () => {
    const { client, endpoint, session } = await openSession();
    await expect(cast.otto.call('sessionKill', { params: { id: session } })).rejects.toMatchObject({
      kind: 'not-permitted',
    });
    await cast.ana.call('sessionKill', { params: { id: session } });
    expect(await client.hear()).toBe('cut: the session was ended by ana');
    endpoint.close();
  });

  test('is cut when its connection is edited or removed', async () => {
    const one = await openSession();
    const edited = await cast.owner.call('connectionEdit', {
      params: { name: 'prod-db' },
      body: { secret: 'right' },
    });
    expect(edited.cutSessions).toBe(1);
    expect(await one.client.hear()).toContain('edited');
    const two = await openSession();
    const removed = await cast.owner.call('connectionRemove', { params: { name: 'prod-db' } });
    expect(removed.cutSessions).toBe(1);
    expect(await two.client.hear()).toContain('removed');
    expect(running.protocol.openTargets).toBe(0);
  });

  test('is cut when its endpoint’s reader goes away, and what waits is withdrawn', async () => {
    const { client, endpoint } = await openSession();
    client.say('write customers');
    const id = approvalIn(await client.hear());
    endpoint.close();
    expect(await client.hear()).toBe('cut: the endpoint was closed');
    await expect
      .poll(async () => (await cast.owner.call('approvalShow', { params: { id } })).status)
      .toBe('withdrawn');
    expect(running.protocol.executed).toEqual([]);
  });

  test('is told when the daemon stops, and its books are closed', async () => {
    const { client } = await openSession();
    await cast.owner.call('stop', {});
    expect(await client.hear()).toBe('cut: daemon stops');
    await running.daemon.stopped;
    const again = await startDaemon({ home: running.home });
    running = { ...again, protocol: running.protocol };
    const { sessions } = await again.client(cast.ownerToken).call('sessionList', {});
    expect(sessions).toMatchObject([{ status: 'closed', endReason: 'daemon stops' }]);
  });

  test('takes a new policy at its next statement', async () => {
    const { client, endpoint } = await openSession();
    const text = POLICY.replace(
      'effects: [read]\n    decision: allow',
      'effects: [read]\n    decision: block',
    );
    await cast.owner.call('policyApply', { body: { text, source: 'policy.yaml' } });
    client.say('read customers');
    expect(await client.hear()).toBe('blocked by reads');
    endpoint.close();
  });
});

describe('an endpoint', () => {
  test('lets nobody in without its password', async () => {
    const endpoint = await openEndpoint(cast.devin, { connection: 'prod-db' });
    const client = dial(endpoint.ready);
    client.say('guess');
    expect(await client.hear()).toBe('wrong password');
    expect(endpoint.events).toEqual([]);
    endpoint.close();
  });

  test('on a Unix socket lies in a fresh directory that is its user’s alone, and takes it away', async () => {
    const { endpoint } = await openSession({ kind: 'unix' });
    const { host } = endpoint.ready;
    expect(lstatSync(host).mode & 0o777).toBe(0o700);
    expect(lstatSync(join(host, '.s.LINE')).mode & 0o777).toBe(0o600);
    endpoint.close();
    await expect.poll(() => lstatSync(host, { throwIfNoEntry: false })).toBeUndefined();
  });

  test('serves one session only when it is single', async () => {
    const endpoint = await openEndpoint(cast.devin, { connection: 'prod-db', single: true });
    const first = dial(endpoint.ready);
    first.say(endpoint.ready.password);
    expect(await first.hear()).toContain('hello');
    const second = dial(endpoint.ready);
    second.say(endpoint.ready.password);
    expect(await second.hear()).toBeUndefined();
    endpoint.close();
  });

  test('serves a client behind six hundred that say nothing', async () => {
    const endpoint = await openEndpoint(cast.devin, { connection: 'prod-db' });
    const dialled = async () => {
      const client = dial(endpoint.ready);
      await new Promise((resolve) => client.socket.once('connect', resolve));
      return client;
    };
    await Promise.all(Array.from({ length: 600 }, dialled));
    const next = await dialled();
    next.say(endpoint.ready.password);
    expect(await next.hear()).toContain('hello');
    endpoint.close();
  });

  test('names a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    await expect(
      openEndpoint(cast.devin, { connection: 'prod-db', listen: { kind: 'tcp', port } }),
    ).rejects.toMatchObject({ kind: 'conflict', code: 'port_taken' });
    other.close();
  });

  test('does not open where the policy lets its identity do nothing', async () => {
    await cast.owner.call('connectionAdd', {
      body: { name: 'other', url: 'line://app@host/shop', secret: 'right' },
    });
    await expect(openEndpoint(cast.devin, { connection: 'other' })).rejects.toMatchObject({
      code: 'connection_not_allowed',
    });
  });

  test('does not open on a target that is down', async () => {
    await cast.owner.call('connectionAdd', {
      body: { name: 'prod-down', url: 'line://app@down/shop', secret: 'right', test: false },
    });
    await expect(openEndpoint(cast.devin, { connection: 'prod-down' })).rejects.toMatchObject({
      kind: 'not-reachable',
    });
  });
});

describe('nothing secret is written', () => {
  test('to any file of the state directory but the vault’s own', async () => {
    const { client, endpoint } = await openSession();
    client.say('read customers');
    await client.hear();
    endpoint.close();
    await running.daemon.stop('enough');
    const secrets = [endpoint.ready.password, cast.ownerToken, PASSPHRASE];
    for (const entry of readdirSync(running.home, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const text = readFileSync(join(entry.parentPath, entry.name), 'latin1');
      expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
      expect(lstatSync(join(entry.parentPath, entry.name)).mode & 0o077).toBe(0);
    }
  });
});
