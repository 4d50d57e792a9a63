import { createHash } from 'node:crypto';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { requireGatewayConfig } from '../../../src/api/gateway-config.ts';
import { makeSamlProvider } from '../../servers/saml-provider.ts';
import { castOf, type Running, startDaemon } from '../daemon/running.ts';
import { ManualClock } from '../session/manual-clock.ts';

const MOST = 5;
const SECRET = 'a secret of the terminal that began it';
const CHALLENGE = createHash('sha256').update(SECRET).digest('base64url');
const ENTITY = 'https://gateway.example.com';

const clock = new ManualClock();
let running: Running;

beforeAll(async () => {
  const idp = await makeSamlProvider({ entityId: ENTITY, callback: `${ENTITY}/v1/saml/corp/acs` });
  const config = requireGatewayConfig(
    `version: 1
url: https://localhost
listen: 127.0.0.1:0
tls: {self_signed: true}
limits: {failed_logins: ${MOST}}
`,
    'gateway.yaml',
  );
  running = await startDaemon({ clock, gateway: { config, base: tmpdir() } });
  const { owner } = await castOf(running);
  const text = `version: 1
identity:
  saml:
    - name: corp
      issuer: ${idp.entityId}
      domain: example.com
      entry_point: https://idp.example.com/sso
      certificates:
        - |
${idp.certificate.trim().replace(/^/gm, '          ')}
      entity_id: ${ENTITY}
      callback_url: ${ENTITY}/v1/saml/corp/acs
      identities:
        - {match: {email: "*@example.com"}, name: "{email}", kind: person}
`;
  await owner.call('policyApply', { body: { text, source: 'policy.yaml' } });
});
afterAll(() => running.end());
// A minute later everybody may try again.
beforeEach(() => clock.advance(60_000));

interface Answer {
  readonly status: number;
  readonly body: string;
}

function post(path: string, body: string, type: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({
      host: '127.0.0.1',
      port: running.daemon.gateway?.ports.api,
      rejectUnauthorized: false,
      method: 'POST',
      path,
      agent: false,
      headers: { 'content-type': type, 'content-length': Buffer.byteLength(body) },
    });
    sent.on('response', (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const json = (path: string, body: object) => post(path, JSON.stringify(body), 'application/json');
const form = (path: string, body: Record<string, string>) =>
  post(path, new URLSearchParams(body).toString(), 'application/x-www-form-urlencoded');
const begin = async () =>
  JSON.parse((await json('/v1/saml/corp/begin', { challenge: CHALLENGE })).body) as { id: string };

test.each([
  ['a token', () => json('/v1/token-exchange', { token: 'e30.e30.e30' }), 401],
  ['an answer of a provider', () => form('/v1/saml/corp/acs', { SAMLResponse: 'PGE+PC9hPg==' }), 400],
  ['a sign-in to collect', () => json('/v1/saml/collect', { id: 'x', secret: SECRET, code: 'x' }), 401],
  ['a logout', () => form('/v1/back-channel-logout', { logout_token: 'e30.e30.e30' }), 400],
] as const)('a stranger who guesses %s waits after %#', async (_, guess, status) => {
  for (let i = 0; i < MOST; i++) expect((await guess()).status).toBe(status);
  expect((await guess()).status).toBe(429);
  expect((await json('/v1/saml/corp/begin', { challenge: CHALLENGE })).status).toBe(429);
});

test('a terminal that waits for its person is no guesser', async () => {
  const { id } = await begin();
  for (let i = 0; i < MOST * 3; i++) {
    expect((await json('/v1/saml/collect', { id, secret: SECRET, code: 'x' })).status).toBe(409);
  }
});

test('thousands of sign-ins that one peer begins are in nobody’s way', async () => {
  const client = running.client('none');
  for (let i = 0; i < 1200; i++) {
    await client.call('samlBegin', { params: { name: 'corp' }, body: { challenge: CHALLENGE } });
  }
  const { id } = await begin();
  expect((await json('/v1/saml/collect', { id, secret: SECRET, code: 'x' })).status).toBe(409);
});
