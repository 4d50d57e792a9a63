import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CLI_CLIENT, type OidcProvider, startOidcProvider } from '../../servers/oidc-provider.ts';
import { ManualClock } from '../session/manual-clock.ts';
import {
  type Cast,
  castOf,
  openEndpoint,
  openSession,
  type Running,
  refusal,
  startDaemon,
} from './running.ts';

const SECOND = 1000;

let provider: OidcProvider;
let running: Running;
let cast: Cast;
let clock: ManualClock;
let door: Server;

const policy = (liveness: string) => `version: 1
identity:
  issuers:
    - name: corp
      issuer: ${provider.issuer}
      allow_http_loopback: true
      domain: example.com
      audiences: [${CLI_CLIENT}]
      client_id: ${CLI_CLIENT}
      scopes: [openid, email, offline_access]
      liveness: ${liveness}
      identities:
        - match: {email: "*@example.com"}
          name: "{email}"
          kind: person
  roles:
    auditor: ["*@example.com"]
rules:
  - name: reads
    effects: [read]
    decision: allow
`;
const apply = (liveness = '{}') =>
  cast.owner.call('policyApply', { body: { text: policy(liveness), source: 'policy.yaml' } });

beforeEach(async () => {
  // Where the provider sends its logouts: the daemon's own API listens on a Unix socket.
  door = createServer((socket) => {
    const inner = connect(running.daemon.socket);
    socket.on('error', () => {}).pipe(inner);
    inner.on('error', () => {}).pipe(socket);
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  const { port } = door.address() as AddressInfo;
  provider = await startOidcProvider({
    backChannelLogout: `http://127.0.0.1:${port}/v1/back-channel-logout`,
  });
  clock = new ManualClock();
  clock.setWall(Date.now());
  running = await startDaemon({ clock });
  cast = await castOf(running);
  await apply();
});
afterEach(async () => {
  await running.end();
  await provider.close();
  door.close();
});

/** As hoopctl does after the device flow: both tokens go to the exchange. */
async function signIn(account: string, more: Record<string, unknown> = {}) {
  const tokens = await provider.deviceFlow(account, 'openid email offline_access');
  const { token } = await running.client('none').call('tokenExchange', {
    body: {
      token: String(tokens.id_token),
      accessToken: String(tokens.access_token),
      accessTokenExpiresIn: Number(tokens.expires_in),
      ...more,
    },
  });
  return running.client(token ?? '');
}

/** What ends a stream. */
async function lastWord(stream: AsyncGenerator<unknown, void>): Promise<string> {
  try {
    for await (const _ of stream);
    return 'its end';
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code}: ${message}`;
  }
}

/** Until the provider was asked that often. */
const asked = (times: number) => provider.askedUserinfo(times);

describe('an account that is disabled at the provider', () => {
  test('loses its live sessions within a minute, and its sign-in', async () => {
    const ana = await signIn('ana');
    const lea = await signIn('lea');
    const [hers, others] = [await openSession(ana), await openSession(lea)];
    provider.accounts.delete('ana');
    clock.advance(50 * SECOND);
    expect(await hers.hear()).toBe('cut: the issuer corp does not know this sign-in any more');
    expect(await refusal(ana.call('whoami', {}))).toBe('login-needed signed_out');
    expect(await others.run('read customers')).toBe('done read customers');
  });

  test('may call nothing any more, approving least of all, although its sign-in has most of an hour left', async () => {
    const ana = await signIn('ana');
    provider.accounts.delete('ana');
    clock.advance(44 * SECOND);
    expect(await refusal(ana.call('whoami', {}))).toBe('done');
    clock.advance(2 * SECOND);
    expect(await refusal(ana.call('approvalList', {}))).toBe('login-needed account_gone');
    expect(await refusal(openEndpoint(ana, { connection: 'prod-db' }))).toBe('login-needed signed_out');
  });

  test('hears no more of what it was reading', async () => {
    const ana = await signIn('ana');
    const tail = ana.stream('auditTail', { query: { follow: 'true', lines: 1 } });
    await tail.next();
    provider.accounts.delete('ana');
    clock.advance(50 * SECOND);
    expect(await lastWord(tail)).toBe('signed_out: the issuer corp does not know this sign-in any more');
  });

  test('is asked for once in 45 s however many sessions it has, and only while it does something', async () => {
    const ana = await signIn('ana');
    const lea = await signIn('lea');
    await asked(2);
    const sessions = [await openSession(ana), await openSession(ana), await openSession(ana)];
    for (let i = 0; i < 4; i++) {
      clock.advance(10 * SECOND);
      await sessions[0]?.run('read customers');
    }
    expect(provider.userinfoCalls()).toBe(2);
    clock.advance(10 * SECOND);
    await asked(3);
    expect(provider.userinfoCalls()).toBe(3);
    await Promise.all([lea.call('whoami', {}), lea.call('whoami', {})]);
    expect(provider.userinfoCalls()).toBe(4);
  });

  test('keeps its sessions through an outage of the provider, for as long as the policy bears it', async () => {
    await apply('{outage: 2m}');
    const session = await openSession(await signIn('ana'));
    await provider.close();
    for (let i = 0; i < 2; i++) {
      clock.advance(50 * SECOND);
      expect(await session.run('read customers')).toBe('done read customers');
    }
    clock.advance(25 * SECOND);
    expect(await session.hear()).toBe('cut: the issuer corp has not answered for more than 2m');
  });

  test('cannot hide by withholding its access token where the policy requires one', async () => {
    await apply('{required: true}');
    expect(await refusal(signIn('ana', { accessToken: undefined }))).toBe('login-needed access_token_needed');
    expect(await refusal(signIn('ana', { accessToken: 'something' }))).toBe(
      'login-needed access_token_needed',
    );
    const leas = await provider.deviceFlow('lea', 'openid email offline_access');
    expect(await refusal(signIn('ana', { accessToken: String(leas.access_token) }))).toBe(
      'login-needed access_token_needed',
    );
    expect(await refusal(signIn('ana'))).toBe('done');
  });

  test('cannot hide by withholding its access token: it then comes again each minute, or is gone', async () => {
    const ana = await signIn('ana', { accessToken: undefined });
    const session = await openSession(ana);
    clock.advance(59 * SECOND);
    expect(await session.run('read customers')).toBe('done read customers');
    clock.advance(1 * SECOND);
    expect(await session.hear()).toBe('cut: the token has expired');
    expect(await refusal(ana.call('whoami', {}))).toBe('login-needed token_expired');
  });

  test('may stay longer unasked where the policy says so', async () => {
    await apply('{unasked: 10m}');
    const ana = await signIn('ana', { accessToken: 'something' });
    clock.advance(599 * SECOND);
    expect(await refusal(ana.call('whoami', {}))).toBe('done');
    clock.advance(1 * SECOND);
    expect(await refusal(ana.call('whoami', {}))).toBe('login-needed token_expired');
  });

  test('has a sign-in that ends with its access token: what cannot be asked for is not believed', async () => {
    const ana = await signIn('ana', { accessTokenExpiresIn: 120 });
    const session = await openSession(ana);
    clock.advance(119 * SECOND);
    expect(await session.run('read customers')).toBe('done read customers');
    clock.advance(1 * SECOND);
    expect(await session.hear()).toBe('cut: the token has expired');
  });
});

describe('a logout at the provider', () => {
  test('ends the sign-ins of that session there and their live sessions, at once', async () => {
    const ana = await signIn('ana');
    const lea = await signIn('lea');
    const [hers, others] = [await openSession(ana), await openSession(lea)];
    expect(await provider.logOut('ana')).toBe(1);
    expect(await hers.hear()).toBe('cut: the issuer corp ended the sign-in');
    expect(await refusal(ana.call('whoami', {}))).toBe('login-needed signed_out');
    expect(await others.run('read customers')).toBe('done read customers');
  });
});

test('the access token is nowhere in clear', async () => {
  const tokens = await provider.deviceFlow('ana', 'openid email offline_access');
  await running.client('none').call('tokenExchange', {
    body: { token: String(tokens.id_token), accessToken: String(tokens.access_token) },
  });
  const { readFileSync } = await import('node:fs');
  for (const file of ['state.db', 'state.db-wal', 'audit/audit.jsonl', 'daemon.log']) {
    let bytes = Buffer.alloc(0);
    try {
      bytes = readFileSync(`${running.home}/${file}`);
    } catch {
      continue;
    }
    expect(bytes.includes(String(tokens.access_token)), file).toBe(false);
  }
});
