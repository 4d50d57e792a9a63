import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  CLI_CLIENT,
  MACHINE_CLIENT,
  type OidcProvider,
  RESOURCE,
  startOidcProvider,
} from '../../servers/oidc-provider.ts';
import { type Cast, castOf, dial, openEndpoint, type Running, startDaemon } from './running.ts';

const policy = (issuer: string) => `version: 1
identity:
  issuers:
    - name: corp
      issuer: ${issuer}
      allow_http_loopback: true
      domain: example.com
      audiences: [${CLI_CLIENT}, "${RESOURCE}"]
      authorized_parties: [${CLI_CLIENT}, ${MACHINE_CLIENT.id}]
      client_id: ${CLI_CLIENT}
      scopes: [openid, email, offline_access]
      groups_claim: groups
      groups_optional: true
      identities:
        - match: {email: "*@example.com"}
          name: "{email}"
          kind: person
        - match: {client_id: ${MACHINE_CLIENT.id}}
          name: nightly
          kind: machine
          groups: [pipelines]
rules:
  - name: reads
    who: [group:dba, group:pipelines]
    effects: [read]
    decision: allow
`;

let provider: OidcProvider;
let running: Running;
let cast: Cast;

beforeAll(async () => {
  provider = await startOidcProvider();
  running = await startDaemon();
  cast = await castOf(running);
  await cast.owner.call('policyApply', { body: { text: policy(provider.issuer), source: 'policy.yaml' } });
});
afterAll(async () => {
  await running.end();
  await provider.close();
});

/** The device authorization grant (RFC 8628) with a person at a browser. */
async function deviceFlow(account: string): Promise<Record<string, unknown>> {
  const answer = await fetch(`${provider.issuer}/device/auth`, {
    method: 'POST',
    body: new URLSearchParams({
      client_id: CLI_CLIENT,
      scope: 'openid email offline_access',
      prompt: 'consent',
    }),
  });
  const device = (await answer.json()) as Record<string, string>;
  await provider.browse(device.verification_uri_complete ?? '', account);
  return provider.token({
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    client_id: CLI_CLIENT,
    device_code: device.device_code ?? '',
  });
}

const exchange = (token: unknown) =>
  running.client('none').call('tokenExchange', { body: { token: String(token) } });

async function firstLine(token: string): Promise<string | undefined> {
  const endpoint = await openEndpoint(running.client(token), { connection: 'prod-db' });
  const line = dial(endpoint.ready);
  line.say(endpoint.ready.password);
  await line.hear();
  line.say('read customers');
  return line.hear();
}

test('a person signs in through the device flow of a real provider and works', async () => {
  const { id_token } = await deviceFlow('ana');
  const signedIn = await exchange(id_token);
  expect(signedIn.identity).toMatchObject({ name: 'ana@example.com', kind: 'person', groups: ['dba'] });
  expect(await firstLine(signedIn.token ?? '')).toBe('done read customers');
});

test('a refreshed token renews the session with the groups of now', async () => {
  const { id_token, refresh_token } = await deviceFlow('ana');
  const client = running.client((await exchange(id_token)).token ?? '');
  provider.accounts.set('ana', { email: 'ana@example.com', groups: ['dba', 'leads'] });
  const refreshed = await provider.token({
    grant_type: 'refresh_token',
    client_id: CLI_CLIENT,
    refresh_token: String(refresh_token),
  });
  const { identity } = await client.call('tokenRenew', { body: { token: String(refreshed.id_token) } });
  expect(identity.groups).toEqual(['dba', 'leads']);
});

test('a machine signs in by client credentials, with an access token as RFC 9068 has it', async () => {
  const { access_token } = await provider.token({
    grant_type: 'client_credentials',
    client_id: MACHINE_CLIENT.id,
    client_secret: MACHINE_CLIENT.secret,
    resource: RESOURCE,
    scope: 'run',
  });
  const signedIn = await exchange(access_token);
  expect(signedIn.identity).toMatchObject({
    name: 'nightly@example.com',
    kind: 'machine',
    groups: ['pipelines'],
  });
  expect(await firstLine(signedIn.token ?? '')).toBe('done read customers');
});

test('an opaque access token is refused', async () => {
  const { access_token } = await deviceFlow('ana');
  await expect(exchange(access_token)).rejects.toMatchObject({
    kind: 'login-needed',
    code: 'token_malformed',
  });
});

test('a person without the group signs in and may do nothing', async () => {
  const { id_token } = await deviceFlow('lea');
  const { token } = await exchange(id_token);
  await expect(firstLine(token ?? '')).rejects.toMatchObject({ code: 'connection_not_allowed' });
});
