import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { performance } from 'node:perf_hooks';
import { inflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeSamlProvider, type Saying, type TestSamlProvider } from '../../servers/saml-provider.ts';
import { type Cast, castOf, type Running, startDaemon } from './running.ts';

const ENTITY = 'https://gateway.example.com';
const CALLBACK = `${ENTITY}/v1/saml/corp/acs`;
const SECRET = 'a secret of the terminal that began it';
const CHALLENGE = createHash('sha256').update(SECRET).digest('base64url');

let idp: TestSamlProvider;
let running: Running;
let cast: Cast;

const policy = () => `version: 1
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
      callback_url: ${CALLBACK}
      groups_claim: groups
      identities:
        - match: {email: "*@example.com"}
          name: "{email}"
          kind: person
  roles: {approver: [group:leads]}
`;

beforeAll(async () => {
  idp = await makeSamlProvider({ entityId: ENTITY, callback: CALLBACK });
  running = await startDaemon();
  cast = await castOf(running);
  await cast.owner.call('policyApply', { body: { text: policy(), source: 'policy.yaml' } });
});
afterAll(() => running.end());

const anyone = () => running.client('none');
const begin = () => anyone().call('samlBegin', { params: { name: 'corp' }, body: { challenge: CHALLENGE } });
const collect = (id: string, code: string, secret = SECRET) =>
  anyone().call('samlCollect', { body: { id, secret, code } });

function requestIdOf(url: string): string {
  const sent = Buffer.from(new URL(url).searchParams.get('SAMLRequest') ?? '', 'base64');
  return / ID="([^"]+)"/.exec(inflateRawSync(sent).toString())?.[1] ?? '';
}

function signIn(url: string, more: Partial<Saying> = {}): Promise<string> {
  const id = requestIdOf(url);
  const now = Date.now();
  return idp.respond({
    inResponseTo: id,
    confirmedRequest: id,
    issuer: idp.entityId,
    audience: ENTITY,
    recipient: CALLBACK,
    nameId: 'u-1',
    nameIdFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    email: 'ana@example.com',
    groups: ['leads'],
    issuedAt: now - 1000,
    notBefore: now - 1000,
    notOnOrAfter: now + 60_000,
    authnInstant: now - 1000,
    acr: 'urn:oasis:names:tc:SAML:2.0:ac:classes:X509',
    method: 'urn:oasis:names:tc:SAML:2.0:cm:bearer',
    ...more,
  });
}

/** What a browser does with the provider's form. */
function post(SAMLResponse: string, type = 'application/x-www-form-urlencoded') {
  const body = new URLSearchParams({ SAMLResponse, RelayState: '' }).toString();
  return new Promise<{ status: number; html: string; policy: string }>((resolve, reject) => {
    const sent = request(
      {
        socketPath: running.daemon.socket,
        method: 'POST',
        path: '/v1/saml/corp/acs',
        headers: { 'content-type': type, 'content-length': Buffer.byteLength(body) },
      },
      (answer) => {
        let html = '';
        answer.setEncoding('utf8').on('data', (text: string) => {
          html += text;
        });
        const csp = String(answer.headers['content-security-policy']);
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, html, policy: csp }));
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

const codeIn = (html: string) => /<code>([^<]+)<\/code>/.exec(html)?.[1] ?? '';
const refusal = (call: Promise<unknown>) =>
  call.then(
    () => 'done',
    (error: { code: string }) => error.code,
  );

describe('signing in through SAML', () => {
  test('gives the terminal that began it a session token, for the code that the browser shows', async () => {
    const { id, url } = await begin();
    expect(await refusal(collect(id, 'x'))).toBe('sign_in_pending');
    const page = await post(await signIn(url));
    expect(page).toMatchObject({ status: 200, policy: expect.stringContaining("default-src 'none'") });
    const { identity, token } = await collect(id, codeIn(page.html));
    expect(identity).toMatchObject({
      name: 'ana@example.com',
      groups: ['leads'],
      roles: ['approver', 'requester'],
    });
    expect(await running.client(token ?? '').call('whoami', {})).toMatchObject({
      signIn: { issuer: 'corp', acr: 'urn:oasis:names:tc:SAML:2.0:ac:classes:X509' },
    });
    expect(await refusal(collect(id, codeIn(page.html)))).toBe('saml_refused');
  });

  test('needs the secret of the terminal and the code of the browser, five tries at most', async () => {
    const { id, url } = await begin();
    const { html } = await post(await signIn(url));
    expect(await refusal(collect(id, codeIn(html), 'another secret, as long as the right one'))).toBe(
      'saml_refused',
    );
    for (let i = 0; i < 5; i++) expect(await refusal(collect(id, 'guess'))).toBe('saml_code');
    expect(await refusal(collect(id, codeIn(html)))).toBe('saml_refused');
  });

  test('takes an answer once, and none that was not asked for', async () => {
    const { url } = await begin();
    const response = await signIn(url);
    expect(codeIn((await post(response)).html)).not.toBe('');
    const again = await post(response);
    expect(codeIn(again.html)).toBe('');
    expect(again.html).toContain('not signed in');
    const other = await post(await signIn(url, { inResponseTo: '_other', confirmedRequest: '_other' }));
    expect(codeIn(other.html)).toBe('');
  });

  test('refuses people whom no rule knows, and shows nothing of theirs', async () => {
    const { url } = await begin();
    const page = await post(await signIn(url, { email: '&lt;script&gt;alert(1)&lt;/script&gt;' }));
    expect(page.html).toContain('no claim rule');
    expect(page.html).not.toContain('script');
  });

  test('lasts no longer than the session at the provider, and never begins in the future', async () => {
    const first = await begin();
    const until = Date.now() + 120_000;
    const page = await post(await signIn(first.url, { sessionNotOnOrAfter: until }));
    const { expiresAt } = await collect(first.id, codeIn(page.html));
    expect(Date.parse(expiresAt)).toBe(until);
    for (const more of [{ sessionNotOnOrAfter: Date.now() - 1000 }, { authnInstant: Date.now() + 120_000 }]) {
      expect(codeIn((await post(await signIn((await begin()).url, more))).html)).toBe('');
    }
  });

  test('reads no XML of strangers, and heavy XML beside the thread that serves sessions', async () => {
    const heavy = (id: string) => {
      const deep = `${'<a>'.repeat(27_000)}${'</a>'.repeat(27_000)}`;
      return Buffer.from(`<r InResponseTo="${id}">${deep}</r>`).toString('base64');
    };
    const began = performance.eventLoopUtilization();
    const answers = [post(heavy('_stranger')), post(heavy(requestIdOf((await begin()).url)))];
    for (const { html } of await Promise.all(answers)) expect(html).toContain('not signed in');
    expect(performance.eventLoopUtilization(began).active).toBeLessThan(1200);
  });

  test('takes forms only', async () => {
    expect((await post('x', 'text/plain')).status).toBe(400);
  });
});
