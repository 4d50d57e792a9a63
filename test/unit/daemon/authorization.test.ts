import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Route, type RouteName, routes } from '../../../src/api/routes.ts';
import { ROLES, type Role } from '../../../src/identity/roles.ts';
import { goodClaims, issuerWorld, NOW, sign } from '../identity/issuer-world.ts';
import { ManualClock } from '../session/manual-clock.ts';
import { castOf, dial, openEndpoint, POLICY, type Running, startDaemon } from './running.ts';

/** The usual policy, and an issuer whose people have the role that their address begins with. */
const SIGN_IN_POLICY = `${POLICY}identity:
  issuers:
    - name: corp
      issuer: https://login.example.com
      domain: example.com
      audiences: [hoopctl]
      identities:
${ROLES.map(
  (role) => `        - match: {email: "${role}@example.com"}
          name: "{email}"
          kind: person
          roles: [${role}]
`,
).join('')}`;

let running: Running;
const tokens = new Map<string, string>();
/** Session tokens of people who signed in, by role. */
const signedIn = new Map<string, string>();
/** Tokens that count no more. */
const useless = new Map<string, string | undefined>([
  ['no', undefined],
  ['wrong', 'hpt_wrong'],
]);

beforeAll(async () => {
  const clock = new ManualClock();
  clock.setWall(NOW * 1000);
  const { getJson } = await issuerWorld();
  running = await startDaemon({ clock, getJson });
  const cast = await castOf(running);
  const made = async (name: string, role: Role, ttl?: number) => {
    const body = { name, roles: [role], ...(ttl === undefined ? {} : { ttl }) };
    return (await cast.owner.call('identityCreate', { body })).token;
  };
  for (const role of ROLES) tokens.set(role, await made(`one-${role}`, role));
  useless.set('expired', await made('expired', 'owner', 1000));
  useless.set('revoked', await made('revoked', 'owner'));
  await cast.owner.call('identityRevoke', { params: { name: 'revoked' } });

  await cast.owner.call('policyApply', { body: { text: SIGN_IN_POLICY, source: 'policy.yaml' } });
  const signIn = async (role: string) => {
    const more = { email: `${role}@example.com`, sub: `u-${role}`, exp: NOW + 7200 };
    const token = await sign({ ...goodClaims(), jti: randomUUID(), ...more });
    const answer = await running.client('none').call('tokenExchange', { body: { token } });
    return answer.token ?? '';
  };
  useless.set('lapsed', await signIn('owner'));
  clock.setWall((NOW + 3601) * 1000);
  for (const role of ROLES) signedIn.set(role, await signIn(role));
  const left = await signIn('owner');
  await running.client(left).call('signOut', {});
  useless.set('signed-out', left);
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

/**
 * Who may call what, written out: a route that is added or opened must be written here as well. `public` needs no
 * token at all.
 */
const TABLE = `
  route               owner    approver  requester  auditor  operator
  status              yes      yes       yes        yes      yes
  init                -        -         -          -        -
  whoami              yes      yes       yes        yes      yes
  signInMethods       public
  tokenExchange       public
  samlBegin           public
  samlAnswer          public
  samlCollect         public
  issuerLogout        public
  tokenRenew          yes      yes       yes        yes      yes
  signOut             yes      yes       yes        yes      yes
  stop                yes      -         -          -        yes
  logs                yes      -         -          -        yes
  doctor              yes      -         -          yes      yes
  complete            yes      yes       yes        yes      yes
  connectionList      yes      yes       yes        yes      yes
  connectionAdd       yes      -         -          -        -
  connectionShow      yes      yes       yes        yes      yes
  connectionTest      yes      -         -          -        yes
  connectionEdit      yes      -         -          -        -
  connectionRemove    yes      -         -          -        -
  connectionOutline   yes      yes       yes        yes      yes
  endpointOpen        yes      yes       yes        -        -
  standingEndpoint    yes      yes       yes        -        -
  passwordCreate      yes      yes       yes        -        -
  passwordList        yes      yes       yes        yes      yes
  passwordRevoke      yes      yes       yes        yes      yes
  approvalList        yes      yes       yes        yes      -
  approvalWatch       yes      yes       yes        yes      -
  approvalShow        yes      yes       yes        yes      -
  approvalFollow      yes      yes       yes        yes      -
  approvalDecide      yes      yes       -          -        -
  approvalComment     yes      yes       -          -        -
  approvalWithdraw    yes      yes       yes        -        -
  requestCreate       yes      yes       yes        -        -
  sessionList         yes      yes       yes        yes      yes
  sessionShow         yes      yes       yes        yes      yes
  sessionKill         yes      yes       yes        -        yes
  sessionReplay       yes      yes       yes        yes      -
  policyShow          yes      yes       yes        yes      yes
  policyCheck         yes      yes       yes        yes      -
  policyExplain       yes      yes       yes        yes      -
  policyExplainBulk   yes      yes       yes        yes      -
  policyTest          yes      yes       yes        yes      -
  policyDiff          yes      yes       -          yes      -
  policyApply         yes      -         -          -        -
  webhookList         yes      -         -          yes      yes
  webhookAdd          yes      -         -          -        -
  webhookTest         yes      -         -          -        yes
  webhookRemove       yes      -         -          -        -
  identityList        yes      -         -          yes      -
  identityCreate      yes      -         -          -        -
  identityRevoke      yes      -         -          -        -
  auditTail           yes      -         -          yes      -
  auditExport         yes      -         -          yes      -
  auditVerify         yes      -         -          yes      -
`;

type Row = 'public' | Readonly<Record<Role, boolean>>;

function parseTable(): ReadonlyMap<string, Row> {
  const [head = '', ...lines] = TABLE.trim().split('\n');
  const roles = head.trim().split(/\s+/).slice(1) as Role[];
  return new Map(
    lines.map((line): [string, Row] => {
      const [name = '', ...words] = line.trim().split(/\s+/);
      if (words[0] === 'public') return [name, 'public'];
      const row = Object.fromEntries(roles.map((role, i) => [role, words[i] === 'yes']));
      return [name, row as Record<Role, boolean>];
    }),
  );
}

const table = parseTable();

test('the table names every route and every role, and nothing else', () => {
  expect([...table.keys()].sort()).toEqual(entries.map(([name]) => name).sort());
  const rows = [...table.values()].filter((row) => row !== 'public');
  for (const row of rows) expect(Object.keys(row)).toEqual([...ROLES]);
});

describe('every route', () => {
  for (const [name, route] of entries) {
    const row = table.get(name) ?? 'public';
    if (row === 'public') {
      test(`${name} answers strangers, and tells them nothing of anybody`, async () => {
        const { status, body } = await call(route, undefined);
        expect([200, 400]).toContain(status);
        for (const token of tokens.values()) expect(body).not.toContain(token);
        expect(body).not.toContain('one-owner');
      });
      continue;
    }

    test.each(['no', 'wrong', 'expired', 'revoked', 'signed-out', 'lapsed'])(
      `${name} is closed with %s token`,
      async (which) => {
        expect(await call(route, useless.get(which))).toMatchObject({ status: 401 });
      },
    );

    for (const role of ROLES) {
      // Stopping would end the test's own daemon; that they may is proven elsewhere.
      if (name === 'stop' && row[role]) continue;
      test(`${name} is ${row[role] ? 'open' : 'closed'} to the role ${role}`, async () => {
        const { status, body } = await call(route, tokens.get(role));
        const code = status >= 400 ? JSON.parse(body).error.code : '';
        const refused = code === 'role_missing' || code === 'already_initialized';
        expect(refused && status === 403).toBe(!row[role]);
        expect(status).not.toBe(500);
      });

      test(`${name} is as ${row[role] ? 'open' : 'closed'} to who signed in with the role ${role}`, async () => {
        if (name === 'signOut') return;
        const { status, body } = await call(route, signedIn.get(role));
        const code = status >= 400 ? JSON.parse(body).error.code : '';
        const refused = code === 'role_missing' || code === 'already_initialized';
        expect(refused && status === 403).toBe(!row[role]);
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
