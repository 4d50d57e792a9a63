import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Route, type RouteName, routes } from '../../../src/api/routes.ts';
import { ROLES, type Role } from '../../../src/identity/roles.ts';
import { castOf, dial, openEndpoint, type Running, startDaemon } from './running.ts';

let running: Running;
const tokens = new Map<string, string>();

beforeAll(async () => {
  running = await startDaemon();
  const cast = await castOf(running);
  for (const role of ROLES) {
    const { token } = await cast.owner.call('identityCreate', {
      body: { name: `one-${role}`, roles: [role] },
    });
    tokens.set(role, token);
  }
});
afterAll(() => running.end());

/** One call as it goes over the socket; streams are left after their head. */
function call(route: Route, token: string | undefined): Promise<{ status: number; body: string }> {
  const path = route.path.replace(/:[a-z]+/g, 'nothing-of-that-name');
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        socketPath: running.daemon.socket,
        method: route.method,
        path,
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      },
      (answer) => {
        const chunks: Buffer[] = [];
        const status = answer.statusCode ?? 0;
        const done = () => resolve({ status, body: Buffer.concat(chunks).toString() });
        answer.on('data', (chunk) => chunks.push(chunk));
        answer.on('end', done);
        if (route.stream && status === 200) {
          done();
          answer.destroy();
        }
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

const entries = Object.entries(routes) as [RouteName, Route][];
const allowed = (route: Route, role: Role) =>
  route.allow === 'any' || (Array.isArray(route.allow) && route.allow.includes(role));

describe('every route', () => {
  for (const [name, route] of entries) {
    test(`${name} is closed without a token and with a wrong one`, async () => {
      expect(await call(route, undefined)).toMatchObject({ status: 401 });
      expect(await call(route, 'hpt_wrong')).toMatchObject({ status: 401 });
    });

    for (const role of ROLES) {
      // Stopping would end the test's own daemon; that an owner may is proven elsewhere.
      if (name === 'stop' && role === 'owner') continue;
      test(`${name} is ${allowed(route, role) ? 'open' : 'closed'} to the role ${role}`, async () => {
        const { status, body } = await call(route, tokens.get(role));
        const code = status >= 400 ? JSON.parse(body).error.code : '';
        const refused = code === 'role_missing' || code === 'already_initialized';
        expect(refused && status === 403).toBe(!allowed(route, role));
        expect(status).not.toBe(500);
      });
    }
  }
});

describe('what a requester sees', () => {
  test('is its own sessions and approvals, by get, list and stream alike', async () => {
    const { owner, devin, ana, mallory } = await (async () => {
      const ownerClient = running.client(tokens.get('owner') ?? '');
      const fresh = async (name: string, role: Role, groups: string[] = []) => {
        const { token } = await ownerClient.call('identityCreate', { body: { name, roles: [role], groups } });
        return running.client(token);
      };
      return {
        owner: ownerClient,
        devin: await fresh('agent-1', 'requester', ['agents']),
        ana: await fresh('ana-2', 'approver', ['dba']),
        mallory: await fresh('mallory', 'requester', ['agents']),
      };
    })();
    const seen = new Map<string, string[]>();
    const gone = new AbortController();
    const watch = async (name: string, client: typeof devin) => {
      seen.set(name, []);
      try {
        for await (const { approval } of client.stream('approvalWatch', { signal: gone.signal })) {
          seen.get(name)?.push(approval.id);
        }
      } catch {
        // Left by the test.
      }
    };
    const watching = [watch('devin', devin), watch('ana', ana), watch('mallory', mallory)];

    const endpoint = await openEndpoint(devin, { connection: 'prod-db' });
    const client = dial(endpoint.ready);
    client.say(endpoint.ready.password);
    const session = (await client.hear())?.split(' ')[1] ?? '';
    client.say('write customers');
    const id = (await client.hear())?.split(' ')[1] ?? '';
    await expect.poll(() => [seen.get('devin'), seen.get('ana')]).toEqual([[id], [id]]);

    expect((await devin.call('sessionList', {})).sessions.map((row) => row.id)).toEqual([session]);
    expect((await mallory.call('sessionList', {})).sessions).toEqual([]);
    expect((await mallory.call('sessionList', { query: { identity: 'agent-1' } })).sessions).toEqual([]);
    await expect(mallory.call('sessionShow', { params: { id: session } })).rejects.toMatchObject({
      kind: 'not-found',
    });
    await expect(mallory.call('sessionKill', { params: { id: session } })).rejects.toMatchObject({
      kind: 'not-found',
    });
    await expect(mallory.stream('sessionReplay', { params: { id: session } }).next()).rejects.toMatchObject({
      kind: 'not-found',
    });
    expect((await mallory.call('approvalList', {})).approvals).toEqual([]);
    await expect(mallory.call('approvalShow', { params: { id } })).rejects.toMatchObject({
      kind: 'not-found',
    });
    expect((await mallory.call('complete', { params: { kind: 'sessions' } })).values).toEqual([]);
    expect((await mallory.call('complete', { params: { kind: 'approvals' } })).values).toEqual([]);
    expect((await owner.call('approvalList', {})).approvals.map((row) => row.id)).toEqual([id]);
    expect(seen.get('mallory')).toEqual([]);

    gone.abort();
    await Promise.all(watching);
    endpoint.close();
  });

  test('is only its own explanations, and only where it may go', async () => {
    const devin = running.client(tokens.get('requester') ?? '');
    const body = { connection: 'prod-db', statement: 'read x' };
    await expect(devin.call('policyExplain', { body: { ...body, as: 'ana' } })).rejects.toMatchObject({
      kind: 'not-permitted',
    });
    await expect(devin.call('policyExplain', { body })).rejects.toMatchObject({
      code: 'connection_not_allowed',
    });
  });

  test('holds no address of a target where it may not go', async () => {
    const devin = running.client(tokens.get('requester') ?? '');
    const { connections } = await devin.call('connectionList', {});
    expect(connections).toMatchObject([
      { name: 'prod-db', mayConnect: false, url: '', target: 'line', credential: null },
    ]);
  });
});
