import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startWorkloadIssuer, type WorkloadIssuer } from '../../servers/workload-issuer.ts';
import { ManualClock } from '../session/manual-clock.ts';
import { type Cast, castOf, openSession, type Running, refusal, startDaemon } from './running.ts';

const SECOND = 1000;

let issuer: WorkloadIssuer;
let running: Running;
let cast: Cast;
let clock: ManualClock;
const environment: Record<string, string> = {};

beforeEach(async () => {
  issuer = await startWorkloadIssuer();
  environment.HOOPCTL_INTROSPECTION_SECRET_CORP_CI = issuer.introspection.secret;
  clock = new ManualClock();
  clock.setWall(Date.now());
  running = await startDaemon({ clock, environment });
  cast = await castOf(running);
  const text = `version: 1
identity:
  issuers:
    - name: corp-ci
      issuer: ${issuer.issuer}
      allow_http_loopback: true
      domain: ci
      audiences: [hoopctl]
      liveness: {check: introspection, outage: 2m}
      introspection: {client_id: ${issuer.introspection.clientId}}
      identities:
        - {match: {sub: "*"}, name: "{sub}", kind: machine}
rules:
  - {name: reads, effects: [read], decision: allow}
`;
  await cast.owner.call('policyApply', { body: { text, source: 'policy.yaml' } });
});
afterEach(async () => {
  issuer.close();
  await running.end();
});

async function signIn(sub: string) {
  const { expiresAt, token } = await running
    .client('none')
    .call('tokenExchange', { body: { token: await issuer.token({ sub }, 'hoopctl') } });
  return { client: running.client(token ?? ''), expiresAt };
}

describe('a machine whose issuer may be asked about its tokens', () => {
  test('loses its sessions within a minute after it was disabled there; others keep theirs', async () => {
    const nightly = await signIn('nightly');
    const weekly = await signIn('weekly');
    const [its, others] = [await openSession(nightly.client), await openSession(weekly.client)];
    issuer.disabled.add('nightly');
    clock.advance(50 * SECOND);
    expect(await its.hear()).toBe('cut: the issuer corp-ci does not know this sign-in any more');
    expect(await others.run('read customers')).toBe('done read customers');
    expect(await refusal(nightly.client.call('whoami', {}))).toBe('login-needed signed_out');
    expect(await refusal(signIn('nightly'))).toBe('login-needed access_token_needed');
  });

  test('stays no longer than its token, by which it is asked for', async () => {
    const { expiresAt } = await signIn('nightly');
    const left = Date.parse(expiresAt) - clock.now();
    expect(left).toBeGreaterThan(200 * SECOND);
    expect(left).toBeLessThan(400 * SECOND);
  });

  test('does not come in where the gateway is not taken as a client, or has no secret', async () => {
    environment.HOOPCTL_INTROSPECTION_SECRET_CORP_CI = 'wrong';
    expect(await refusal(signIn('nightly'))).toBe('login-needed access_token_needed');
    delete environment.HOOPCTL_INTROSPECTION_SECRET_CORP_CI;
    clock.advance(6 * SECOND);
    expect(await refusal(signIn('nightly'))).toBe('login-needed access_token_needed');
  });

  test('keeps its sessions through an outage for as long as the policy bears it', async () => {
    const session = await openSession((await signIn('nightly')).client);
    environment.HOOPCTL_INTROSPECTION_SECRET_CORP_CI = 'changed there';
    clock.advance(50 * SECOND);
    expect(await session.run('read customers')).toBe('done read customers');
    clock.advance(100 * SECOND);
    expect(await session.hear()).toBe('cut: the issuer corp-ci has not answered for more than 2m');
  });

  test('has the client’s secret nowhere in what the daemon keeps', async () => {
    await signIn('nightly');
    for (const file of ['state.db', 'state.db-wal', 'audit/audit.jsonl', 'logs/daemon.log']) {
      let bytes = Buffer.alloc(0);
      try {
        bytes = readFileSync(`${running.home}/${file}`);
      } catch {
        continue;
      }
      expect(bytes.includes(issuer.introspection.secret), file).toBe(false);
    }
  });
});
