import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Client } from '../../../src/api/client.ts';
import { FRAME } from '../../../src/recording/events.ts';
import { recordingPath } from '../../../src/recording/layout.ts';
import { readRecording } from '../../../src/recording/reader.ts';
import { goodClaims, issuerWorld, NOW, sign } from '../identity/issuer-world.ts';
import { ManualClock } from '../session/manual-clock.ts';
import { type Cast, castOf, dial, openEndpoint, PASSPHRASE, type Running, startDaemon } from './running.ts';

const MINUTE = 60_000;
const POLICY = `version: 1
groups:
  watched: [mallory@example.com]
identity:
  issuers:
    - name: corp
      issuer: https://login.example.com
      domain: example.com
      audiences: [hoopctl]
      groups_claim: groups
      client_id: hoopctl-cli
      liveness: {check: none}
      step_up: {max_age: 5m, acr: [mfa]}
      identities:
        - match: {email: "*@example.com"}
          name: "{email}"
          kind: person
      actors:
        - match: {client_id: agent}
          name: agent
          kind: machine
          groups: [agents]
  roles:
    approver: [group:leads]
  on_behalf_of:
    - who: [devin]
      acts_for: ["*@example.com"]
rules:
  - name: reads
    who: [group:dba, group:agents, devin]
    effects: [read]
    decision: allow
  - name: writes
    who: [group:dba, group:agents, devin]
    effects: [write]
    decision: approve
    approvers: [group:leads]
  - name: not-for-mallory
    who: [group:watched]
    decision: block
`;

let running: Running;
let cast: Cast;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  clock.setWall(NOW * 1000);
  const { getJson } = await issuerWorld();
  running = await startDaemon({ clock, getJson });
  cast = await castOf(running);
  await apply(POLICY);
});
afterEach(() => running.end());

const apply = (text: string) => cast.owner.call('policyApply', { body: { text, source: 'policy.yaml' } });
const now = () => Math.floor(clock.now() / 1000);
const tokenOf = (more: Record<string, unknown> = {}) =>
  sign({
    ...goodClaims(),
    jti: randomUUID(),
    iat: now() - 5,
    nbf: now() - 5,
    exp: now() + 300,
    auth_time: now() - 60,
    ...more,
  });
const ANA = { sub: 'u-ana', email: 'ana@example.com', groups: ['dba'] };
const LEA = { sub: 'u-lea', email: 'lea@example.com', groups: ['leads'] };
const AGENT_FOR_ANA = { ...ANA, act: { sub: 'a-1', client_id: 'agent' } };

async function signIn(more: Record<string, unknown>, body: { onBehalfOf?: string } = {}) {
  const answer = await running
    .client('none')
    .call('tokenExchange', { body: { token: await tokenOf(more), ...body } });
  return { ...answer, client: running.client(answer.token ?? ''), session: answer.token ?? '' };
}

async function openSession(client: Client) {
  const endpoint = await openEndpoint(client, { connection: 'prod-db' });
  const line = dial(endpoint.ready);
  line.say(endpoint.ready.password);
  const hello = await line.hear();
  const run = async (text: string) => {
    line.say(text);
    return line.hear();
  };
  return { endpoint, line, run, session: hello?.split(' ')[1] ?? '', hello };
}

async function auditEntries(kind: string): Promise<{ actor: string; facts: Record<string, unknown> }[]> {
  const entries: { kind: string; actor: string; facts: Record<string, unknown> }[] = [];
  for await (const entry of cast.owner.stream('auditTail', { query: { lines: 1000 } })) {
    entries.push(entry as (typeof entries)[number]);
  }
  return entries.filter((entry) => entry.kind === kind);
}

const code = (call: Promise<unknown>) =>
  call.then(
    () => 'done',
    (error: { code: string; kind: string }) => `${error.kind} ${error.code}`,
  );

describe('signing in', () => {
  test('gives a session token that works like any other, under the name and groups of the issuer', async () => {
    const { client, expiresAt, identity } = await signIn(ANA);
    expect(identity).toMatchObject({
      name: 'ana@example.com',
      kind: 'person',
      roles: ['requester'],
      groups: ['dba'],
    });
    expect(Date.parse(expiresAt) - clock.now()).toBe(60 * MINUTE);
    expect(await client.call('whoami', {})).toMatchObject({
      identity: { name: 'ana@example.com', status: 'active' },
      connections: [{ name: 'prod-db', mayConnect: true }],
      signIn: { issuer: 'corp', acr: 'mfa' },
    });
    const { run } = await openSession(client);
    expect(await run('read customers')).toBe('done read customers');
    expect(await run('drop customers')).toBe('blocked by undefined');
  });

  test('keeps no token anywhere', async () => {
    const token = await tokenOf(ANA);
    const { token: session } = await running.client('none').call('tokenExchange', { body: { token } });
    await running.client(session ?? '').call('whoami', {});
    for (const file of ['state.db', 'state.db-wal']) {
      const bytes = readFileSync(join(running.home, file));
      expect(bytes.includes(session ?? '')).toBe(false);
      expect(bytes.includes(token.split('.')[2] ?? '')).toBe(false);
    }
  });

  test('finds the same identity each time, with what the issuer says now', async () => {
    const first = await signIn(ANA);
    const second = await signIn({ ...ANA, groups: ['leads'] });
    expect(second.identity).toMatchObject({
      id: first.identity.id,
      groups: ['leads'],
      roles: ['approver', 'requester'],
    });
    expect((await first.client.call('whoami', {})).identity.groups).toEqual(['dba']);
  });

  test('tells strangers how to do it', async () => {
    expect(await running.client('none').call('signInMethods', {})).toEqual({
      issuers: [
        {
          name: 'corp',
          issuer: 'https://login.example.com',
          clientId: 'hoopctl-cli',
          audience: 'hoopctl',
          scopes: ['openid'],
          allowHttpLoopback: false,
          accessToken: false,
        },
      ],
      saml: [],
    });
  });

  test('is audited with who and by whom, and so are failures', async () => {
    const { identity } = await signIn(ANA);
    await code(signIn({ aud: 'payroll' }));
    const logins = await auditEntries('login');
    expect(logins.at(-1)).toMatchObject({
      actor: 'ana@example.com',
      facts: { identity: identity.id, issuer: 'corp', groups: ['dba'] },
    });
    expect((await auditEntries('login.failed')).at(-1)).toMatchObject({ facts: { code: 'token_audience' } });
  });

  test('never takes a name that belongs to somebody else, nor gives one of the issuer away', async () => {
    await signIn(ANA);
    expect(await code(signIn({ ...ANA, sub: 'u-other' }))).toBe('conflict identity_name_taken');
    expect(
      await code(
        cast.owner.call('identityCreate', { body: { name: 'Bob@Example.com', roles: ['requester'] } }),
      ),
    ).toBe('conflict name_of_issuer');
  });

  test('is refused to an identity that was revoked, whatever its token says', async () => {
    await signIn(ANA);
    await cast.owner.call('identityRevoke', { params: { name: 'ana@example.com' } });
    expect(await code(signIn(ANA))).toBe('login-needed identity_revoked');
    expect(await code(signIn({ ...ANA, email: 'ana2@example.com' }))).toBe('login-needed identity_revoked');
  });

  test('takes a token once, also after a restart, unless the policy says that its issuer shares them', async () => {
    const anyone = () => running.client('none');
    const body = { token: await tokenOf(ANA) };
    const nameless = { token: await tokenOf({ ...ANA, jti: undefined }) };
    for (const one of [body, nameless]) {
      await anyone().call('tokenExchange', { body: one });
      expect(await code(anyone().call('tokenExchange', { body: one }))).toBe('login-needed token_used');
    }
    const { client } = await signIn(ANA);
    expect(await code(client.call('tokenRenew', { body }))).toBe('login-needed token_used');
    const { getJson } = await issuerWorld();
    await running.daemon.stop('restart');
    running = await startDaemon({ clock, getJson, home: running.home });
    expect(await code(anyone().call('tokenExchange', { body }))).toBe('login-needed token_used');
    const owner = running.client(cast.ownerToken);
    const text = POLICY.replace(
      'client_id: hoopctl-cli',
      'client_id: hoopctl-cli\n      reusable_tokens: true',
    );
    await owner.call('policyApply', { body: { text, source: 'policy.yaml' } });
    expect(await code(anyone().call('tokenExchange', { body }))).toBe('done');
  });

  test('takes its own last token again for a sign-in, and gives it nothing', async () => {
    const body = { token: await tokenOf(ANA) };
    const { expiresAt, token } = await running.client('none').call('tokenExchange', { body });
    const client = running.client(token ?? '');
    clock.advance(MINUTE);
    expect((await client.call('tokenRenew', { body })).expiresAt).toBe(expiresAt);
    const fresh = { token: await tokenOf(ANA) };
    const renewed = await client.call('tokenRenew', { body: fresh });
    expect(Date.parse(renewed.expiresAt)).toBe(Date.parse(expiresAt) + MINUTE);
    expect((await client.call('tokenRenew', { body: fresh })).expiresAt).toBe(renewed.expiresAt);
    expect(await code(client.call('tokenRenew', { body }))).toBe('login-needed token_used');
  });

  test('takes one of two that come with the same token at the same moment', async () => {
    const body = { token: await tokenOf(ANA) };
    const both = [1, 2].map(() => code(running.client('none').call('tokenExchange', { body })));
    expect((await Promise.all(both)).sort()).toEqual(['done', 'login-needed token_used']);
  });

  test('takes bodies of tokens only: strangers send nothing larger', async () => {
    const body = { token: 'x', nonce: 'y'.repeat(40_000) };
    expect(await code(running.client('none').call('tokenExchange', { body }))).toBe('usage body_too_large');
  });
});

describe('a session of who signed in', () => {
  test('ends at once when the identity is revoked, signed out or no longer trusted', async () => {
    const revoked = await openSession((await signIn(ANA)).client);
    await cast.owner.call('identityRevoke', { params: { name: 'ana@example.com' } });
    expect(await revoked.line.hear()).toBe('cut: the identity ana@example.com was revoked');

    const lea = { ...LEA, groups: ['leads', 'dba'] };
    const left = await signIn(lea);
    const signedOut = await openSession(left.client);
    expect(await left.client.call('signOut', {})).toMatchObject({ cutSessions: 1 });
    expect(await signedOut.line.hear()).toBe('cut: lea@example.com signed out');
    expect(await code(left.client.call('whoami', {}))).toBe('login-needed signed_out');

    const { client } = await signIn(lea);
    const untrusted = await openSession(client);
    await apply(POLICY.replace('audiences: [hoopctl]', 'audiences: [hoopctl-2]'));
    expect(await untrusted.line.hear()).toBe(
      'cut: the policy changed what it says of the issuer of lea@example.com',
    );
    expect(await code(client.call('whoami', {}))).toBe('login-needed issuer_changed');
  });

  test('ends when the hour is over, unless it was renewed', async () => {
    const { client } = await signIn(ANA);
    const { line, run } = await openSession(client);
    clock.advance(50 * MINUTE);
    const { expiresAt, token } = await client.call('tokenRenew', { body: { token: await tokenOf(ANA) } });
    expect(token).toBeNull();
    expect(Date.parse(expiresAt) - clock.now()).toBe(60 * MINUTE);
    clock.advance(50 * MINUTE);
    expect(await run('read customers')).toBe('done read customers');
    clock.advance(10 * MINUTE);
    expect(await line.hear()).toBe('cut: the token has expired');
    expect(await code(client.call('whoami', {}))).toBe('login-needed token_expired');
    expect(await code(client.call('tokenRenew', { body: { token: await tokenOf(ANA) } }))).toBe(
      'login-needed token_expired',
    );
  });

  test('ends when renewing brings other groups: what was judged for it was judged for somebody else', async () => {
    const { client } = await signIn(ANA);
    const { line } = await openSession(client);
    await client.call('tokenRenew', {
      body: { token: await tokenOf({ ...ANA, groups: ['dba', 'interns'] }) },
    });
    expect(await line.hear()).toMatch(/^cut: what is known of ana@example.com changed/);
    const again = await openSession(client);
    expect(again.hello).toMatch(/^hello/);
  });

  test('is opened with the groups of now, not with those of the endpoint', async () => {
    const { client } = await signIn(ANA);
    const endpoint = await openEndpoint(client, { connection: 'prod-db' });
    await client.call('tokenRenew', { body: { token: await tokenOf({ ...ANA, groups: [] }) } });
    const line = dial(endpoint.ready);
    line.say(endpoint.ready.password);
    expect(await line.hear()).toBeUndefined();
  });

  test('is not opened, by an endpoint of before, for somebody who has no role to work with any more', async () => {
    const operators = POLICY.replace('kind: person\n', 'kind: person\n          roles: [operator]\n');
    await apply(operators);
    const { client } = await signIn({ ...LEA, groups: ['leads', 'dba'] });
    const endpoint = await openEndpoint(client, { connection: 'prod-db' });
    await apply(operators.replace('approver: [group:leads]', 'approver: [group:others]'));
    const line = dial(endpoint.ready);
    line.say(endpoint.ready.password);
    expect(await line.hear()).toBeUndefined();
  });

  test('is not renewed by the token of somebody else', async () => {
    const { client } = await signIn(ANA);
    expect(await code(client.call('tokenRenew', { body: { token: await tokenOf(LEA) } }))).toBe(
      'not-permitted other_identity',
    );
    expect(await code(client.call('tokenRenew', { body: { token: await tokenOf(AGENT_FOR_ANA) } }))).toBe(
      'not-permitted other_identity',
    );
    expect(await code(cast.devin.call('tokenRenew', { body: { token: await tokenOf(ANA) } }))).toBe(
      'conflict not_signed_in',
    );
  });
});

describe('a machine that acts for a person', () => {
  test('stands in every record beside that person', async () => {
    const { client, endUser, identity } = await signIn(AGENT_FOR_ANA);
    expect({ endUser, identity }).toMatchObject({
      endUser: 'ana@example.com',
      identity: { name: 'agent@example.com', kind: 'machine', groups: ['agents'], roles: ['requester'] },
    });
    const { run, session } = await openSession(client);
    expect(await run('read customers')).toBe('done read customers');

    const row = await client.call('sessionShow', { params: { id: session } });
    expect(row).toMatchObject({ identity: 'agent@example.com', endUser: 'ana@example.com' });
    for (const kind of ['session.start', 'statement']) {
      expect((await auditEntries(kind)).at(-1)).toMatchObject({
        actor: 'agent@example.com',
        facts: { endUser: 'ana@example.com' },
      });
    }
    for await (const frame of readRecording(recordingPath(join(running.home, 'recordings'), session))) {
      expect(frame.kind).toBe(FRAME.open);
      expect(JSON.parse(Buffer.from(frame.payload).toString())).toMatchObject({
        identity: 'agent@example.com',
        endUser: 'ana@example.com',
        vouchedBy: 'token',
      });
      break;
    }
  });

  test('cannot be approved by that person, nor approve for it; somebody else can', async () => {
    const agent = await signIn({ ...AGENT_FOR_ANA, groups: ['leads'] });
    const ana = await signIn({ ...ANA, groups: ['leads'] });
    const lea = await signIn(LEA);
    const { line, run } = await openSession(agent.client);
    const id = (await run('write customers'))?.split(' ')[1] ?? '';
    const card = await lea.client.call('approvalShow', { params: { id } });
    expect(card).toMatchObject({
      requester: 'agent@example.com',
      endUser: 'ana@example.com',
      mayDecide: true,
      presence: 'sign-in',
    });
    const decide = (client: Client) =>
      client.call('approvalDecide', { params: { id }, body: { decision: 'approve', version: card.version } });
    expect(await code(decide(ana.client))).toBe('not-permitted self_approval');
    expect(await code(decide(agent.client))).toBe('not-permitted role_missing');
    expect((await ana.client.call('approvalShow', { params: { id } })).mayDecide).toBe(false);
    await decide(lea.client);
    expect(await line.hear()).toBe('done write customers (lea@example.com)');
  });

  test('decides nothing even with the role: it decides for nobody', async () => {
    await apply(
      POLICY.replace('approver: [group:leads]', 'approver: [group:leads, group:agents]').replace(
        'approvers: [group:leads]',
        'approvers: [group:leads, group:agents]',
      ),
    );
    const lea = await signIn({ ...LEA, groups: ['dba'] });
    const agent = await signIn(AGENT_FOR_ANA);
    const { run } = await openSession(lea.client);
    const id = (await run('write customers'))?.split(' ')[1] ?? '';
    const body = { decision: 'approve' as const, version: 1 };
    expect(await code(agent.client.call('approvalDecide', { params: { id }, body }))).toBe(
      'not-permitted delegated_decision',
    );
  });

  test('is what rules match by either: a block for the person holds for the machine', async () => {
    const mallory = { ...AGENT_FOR_ANA, sub: 'u-mallory', email: 'mallory@example.com' };
    const { run } = await openSession((await signIn(mallory)).client);
    expect(await run('read customers')).toBe('blocked by not-for-mallory');
    const bob = { ...AGENT_FOR_ANA, sub: 'u-bob', email: 'bob@example.com' };
    expect(await (await openSession((await signIn(bob)).client)).run('read customers')).toBe(
      'done read customers',
    );
  });

  test('may say for whom it acts where the policy lets it, and nowhere else', async () => {
    const token = (await cast.owner.call('identityCreate', { body: { name: 'robo', roles: ['requester'] } }))
      .token;
    const anyone = running.client('none');
    const exchange = (given: string, onBehalfOf: string) =>
      anyone.call('tokenExchange', { body: { token: given, onBehalfOf } });
    expect(await code(exchange(token, 'ana@example.com'))).toBe('not-permitted on_behalf_of');

    await apply(POLICY.replace('who: [devin]\n      acts_for', 'who: [devin, robo]\n      acts_for'));
    expect(await code(exchange(token, 'owner'))).toBe('not-permitted on_behalf_of');
    expect(await code(exchange(token, 'mallory@example.com'))).toBe('done');
    // In another spelling it would be somebody whom nobody keeps from deciding.
    await apply(
      POLICY.replace('who: [devin]\n      acts_for: [', 'who: [devin, robo]\n      acts_for: ["*", '),
    );
    for (const spelt of ['Ana@example.com', 'OWNER', 'ana@EXAMPLE.com', 'Zoe@example.com']) {
      expect(await code(exchange(token, spelt))).toBe('not-permitted on_behalf_of');
    }
    for (const odd of ['ana@example.com\u202e', 'ana b', '-ana', 'ana\n']) {
      expect(await code(exchange(token, odd))).toBe('usage bad_request');
    }
    await apply(POLICY.replace('who: [devin]\n      acts_for', 'who: [devin, robo]\n      acts_for'));
    const acting = await exchange(token, 'ana@example.com');
    expect(acting).toMatchObject({ endUser: 'ana@example.com', identity: { name: 'robo' } });
    const client = running.client(acting.token ?? '');
    expect(await client.call('whoami', {})).toMatchObject({ endUser: 'ana@example.com' });

    await apply(POLICY);
    expect(await code(client.call('whoami', {}))).toBe('login-needed delegation_changed');
  });
});

describe('a person who was removed here', () => {
  test('has nobody act for it any more: sessions in its name are cut, tokens for it refused', async () => {
    const robo = await cast.owner.call('identityCreate', { body: { name: 'robo', roles: ['requester'] } });
    await apply(POLICY.replace('who: [devin]\n      acts_for', 'who: [devin, robo]\n      acts_for'));
    await signIn(ANA);
    const body = { token: robo.token, onBehalfOf: 'ana@example.com' };
    const asserted = await running.client('none').call('tokenExchange', { body });
    const vouched = await signIn(AGENT_FOR_ANA);
    const session = await openSession(vouched.client);
    const { cutSessions } = await cast.owner.call('identityRevoke', { params: { name: 'ana@example.com' } });
    expect(cutSessions).toBe(1);
    expect(await session.line.hear()).toBe('cut: the identity ana@example.com was revoked');
    for (const { token } of [asserted, vouched]) {
      expect(await code(running.client(token ?? '').call('whoami', {}))).toBe(
        'login-needed delegation_changed',
      );
    }
    expect(await code(signIn(AGENT_FOR_ANA))).toBe('login-needed delegation_changed');
  });
});

describe('a person whom the issuer calls otherwise', () => {
  test('stays the identity it was, cannot decide what it asked before, and the log says so', async () => {
    const { run } = await openSession((await signIn(ANA)).client);
    const id = (await run('write customers'))?.split(' ')[1] ?? '';
    const renamed = await signIn({ ...ANA, email: 'anna@example.com', groups: ['leads'] });
    expect(renamed.identity.name).toBe('anna@example.com');
    const body = { decision: 'approve' as const, version: 1 };
    expect(await code(renamed.client.call('approvalDecide', { params: { id }, body }))).toMatch(
      /self_approval|approval_not_pending/,
    );
    expect((await auditEntries('identity.renamed')).map(({ facts }) => facts)).toMatchObject([
      { from: 'ana@example.com', to: 'anna@example.com', issuer: 'corp' },
    ]);
  });
});

describe('a person whom a machine named before it ever came', () => {
  test('is the same when it comes, and has nobody act for it once it is removed', async () => {
    const robo = await cast.owner.call('identityCreate', { body: { name: 'robo', roles: ['requester'] } });
    await apply(
      POLICY.replace('who: [devin]', 'who: [devin, robo]').replaceAll('[group:dba, ', '[robo, group:dba, '),
    );
    const body = { token: robo.token, onBehalfOf: 'lea@example.com' };
    const acting = running.client((await running.client('none').call('tokenExchange', { body })).token ?? '');
    const session = await openSession(acting);
    const id = (await session.run('write customers'))?.split(' ')[1] ?? '';
    const lea = await signIn(LEA);
    const vote = { decision: 'approve' as const, version: 1 };
    expect(await code(lea.client.call('approvalDecide', { params: { id }, body: vote }))).toBe(
      'not-permitted self_approval',
    );
    const { cutSessions } = await cast.owner.call('identityRevoke', { params: { name: 'lea@example.com' } });
    expect(cutSessions).toBe(1);
    expect(await code(acting.call('whoami', {}))).toBe('login-needed delegation_changed');
  });
});

describe('a stream', () => {
  async function reading(client: Client) {
    const stream = client.stream('auditTail', { query: { follow: 'true', lines: 1 } });
    await stream.next();
    const end = async () => {
      for await (const _ of stream);
    };
    return () => code(end());
  }

  test('ends when its reader is revoked, or has the role no more, or signs out', async () => {
    const otto = await reading(cast.otto);
    await cast.owner.call('identityRevoke', { params: { name: 'otto' } });
    expect(await otto()).toBe('login-needed token_revoked');

    const roles = (group: string) => POLICY.replace('roles:\n', `roles:\n    auditor: [group:${group}]\n`);
    await apply(roles('leads'));
    const lea = await reading((await signIn(LEA)).client);
    await apply(roles('dba'));
    expect(await lea()).toBe('not-permitted role_missing');

    const ana = await signIn(ANA);
    const hers = await reading(ana.client);
    await ana.client.call('signOut', {});
    expect(await hers()).toBe('login-needed signed_out');
  });

  test('ends when its reader renews into other groups: what it may see hangs on them', async () => {
    await apply(POLICY.replace('roles:\n', 'roles:\n    auditor: ["*@example.com"]\n'));
    const ana = await signIn(ANA);
    const end = await reading(ana.client);
    await ana.client.call('tokenRenew', { body: { token: await tokenOf({ ...ANA, groups: ['other'] }) } });
    expect(await end()).toBe('login-needed identity_changed');
  });
});

describe('deciding after signing in', () => {
  async function waiting() {
    const { line, run } = await openSession((await signIn(ANA)).client);
    const id = (await run('write customers'))?.split(' ')[1] ?? '';
    return { line, id, body: { decision: 'approve' as const, version: 1 } };
  }

  test.each([
    ['long ago', { auth_time: NOW - 400 }],
    ['at a time that nobody told', { auth_time: undefined }],
    ['before the clock was set back', { auth_time: NOW + 29 }, -120_000],
    ['in a weaker way', { acr: 'pwd' }],
    ['in a way that nobody told', { acr: undefined }],
  ])(
    'needs a fresh sign-in: one %s does not do, and the passphrase does not help',
    async (_, change, step = 0) => {
      const { body, id } = await waiting();
      const { client } = await signIn({ ...LEA, ...change });
      clock.setWall(clock.now() + step);
      const call = client.call('approvalDecide', {
        params: { id },
        body: { ...body, passphrase: PASSPHRASE },
      });
      expect(await code(call)).toBe('login-needed step_up_needed');
      expect((await auditEntries('approval.refused')).at(-1)).toMatchObject({
        facts: { code: 'step_up_needed' },
      });
      expect((await client.call('approvalShow', { params: { id } })).status).toBe('pending');
    },
  );

  test('is nobody’s who asked, with whichever identity of that person: the policy says who is one', async () => {
    const leads = 'approvers: [group:leads]';
    const linked = (people: string) =>
      POLICY.replace(leads, 'approvers: [group:leads, ana, ana@example.com]').replace(
        '  roles:\n    approver: [group:leads]',
        `  people: ${people}\n  roles:\n    approver: [group:leads]`,
      );
    const decide = async (people: string) => {
      await apply(linked(people));
      const { body, id } = await waiting();
      return cast.ana.call('approvalDecide', { params: { id }, body: { ...body, passphrase: PASSPHRASE } });
    };
    await signIn(ANA);
    const doubtful = await cast.owner.call('policyCheck', { body: { text: linked('{}'), source: 'p.yaml' } });
    expect(doubtful.problems.map(({ message }) => message).join()).toContain('look like one person');
    const named = (findings: readonly { message: string }[]) =>
      findings.some(({ message }) => message.includes('ana and ana@example.com look like one person'));
    await apply(linked('{}'));
    expect(named((await cast.owner.call('doctor', {})).findings)).toBe(true);
    expect(await code(decide('{}'))).toBe('done');
    expect(await code(decide('{ana: [ana, ana@example.com]}'))).toBe('not-permitted self_approval');
    expect(named((await cast.owner.call('doctor', {})).findings)).toBe(false);
  });

  test('is no machine’s that may act for who asked, under whatever name it comes', async () => {
    const robo = await cast.owner.call('identityCreate', {
      body: { name: 'robo', roles: ['approver'], kind: 'machine' },
    });
    const deciding = (actsFor: string) =>
      POLICY.replace('approvers: [group:leads]', 'approvers: [group:leads, robo]').replace(
        'who: [devin]\n      acts_for: ["*@example.com"]',
        `who: [robo]\n      acts_for: [${actsFor}]`,
      );
    const decide = async (actsFor: string) => {
      await apply(deciding(actsFor));
      const { body, id } = await waiting();
      const client = running.client(robo.token);
      return client.call('approvalDecide', { params: { id }, body: { ...body, passphrase: PASSPHRASE } });
    };
    expect(await code(decide('ana@example.com'))).toBe('not-permitted delegated_decision');
    expect(await code(decide('lea@example.com'))).toBe('done');
  });

  test('is not needed from identities of this daemon: those give the passphrase', async () => {
    await apply(POLICY.replace('approvers: [group:leads]', 'approvers: [group:leads, owner]'));
    const { body, id, line } = await waiting();
    const decide = (more: object) =>
      cast.owner.call('approvalDecide', { params: { id }, body: { ...body, ...more } });
    expect(await code(decide({}))).toBe('usage passphrase_missing');
    expect(await code(decide({ passphrase: 'a guess' }))).toBe('not-permitted wrong_passphrase');
    expect(await code(decide({ passphrase: PASSPHRASE }))).toBe('done');
    expect(await line.hear()).toBe('done write customers (owner)');
  });
});
