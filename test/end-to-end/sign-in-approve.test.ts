import { spawn } from 'node:child_process';
import { request } from 'node:https';
import { inflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SHOP_POLICY } from '../servers/governed-shop.ts';
import { type Hoopctl, LAUNCHER } from '../servers/hoopctl.ts';
import { CLI_CLIENT, type OidcProvider, startOidcProvider } from '../servers/oidc-provider.ts';
import { makeSamlProvider, type TestSamlProvider } from '../servers/saml-provider.ts';
import { openTeamGateway, type TeamGateway } from '../servers/team-gateway.ts';

const ENTITY = 'https://gateway.example.com';
let team: TeamGateway;
let provider: OidcProvider;
let saml: TestSamlProvider;
let callback: string;

beforeAll(async () => {
  [team, provider] = await Promise.all([openTeamGateway(), startOidcProvider()]);
  callback = `https://localhost:${team.gateway.ports.api}/v1/saml/partner/acs`;
  saml = await makeSamlProvider({ entityId: ENTITY, callback });
  await team.shop.hoopctl.applyPolicy(policyWith('1s'));
}, 60_000);
afterAll(async () => {
  await team.stop();
  await provider.close();
});

const policyWith = (stepUp: string) => `${SHOP_POLICY.replace('[ana, ben]', '[lea@example.com, "*@partner"]')}
identity:
  issuers:
    - name: corp
      issuer: ${provider.issuer}
      allow_http_loopback: true
      domain: example.com
      audiences: [${CLI_CLIENT}]
      client_id: ${CLI_CLIENT}
      scopes: [openid, email, offline_access]
      leeway: 1s
      step_up: {max_age: ${stepUp}}
      identities:
        - match: {email: "*@example.com"}
          name: "{email}"
          kind: person
  saml:
    - name: partner
      issuer: ${saml.entityId}
      domain: partner
      entry_point: https://idp.example.com/sso
      certificates:
        - |
${saml.certificate.trim().replace(/^/gm, '          ')}
      entity_id: ${ENTITY}
      callback_url: ${callback}
      identities:
        - match: {email: "*@partner"}
          name: "{email}"
          kind: person
  roles:
    approver: [group:dba]
`;

/** Runs a command that tells on stderr, as a line of JSON of that type, where a browser has to go. */
async function withBrowser(
  hoopctl: Hoopctl,
  args: readonly string[],
  type: string,
  browse: (line: Record<string, string>) => Promise<unknown>,
) {
  let stderr = '';
  let browsing: Promise<unknown> | undefined;
  const result = await hoopctl.run([...args, '--json', '--no-browser'], {
    onOutput(stream, text) {
      if (stream === 'stderr') stderr += text;
      const line = stderr.split('\n').find((one) => one.includes(`"${type}"`));
      if (line !== undefined) browsing ??= browse(JSON.parse(line) as Record<string, string>);
    },
  });
  await browsing;
  return result;
}

/** The same for a command that then reads a line from stdin; its exit code. */
function answeredOnStdin(
  hoopctl: Hoopctl,
  args: readonly string[],
  type: string,
  browse: (line: Record<string, string>) => Promise<string>,
): Promise<number | null> {
  const child = spawn(process.execPath, [LAUNCHER, ...args, '--json', '--no-browser'], {
    env: hoopctl.env(),
  });
  let stderr = '';
  let answered = false;
  child.stdout.resume();
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    const line = stderr.split('\n').find((one) => one.includes(`"${type}"`));
    if (line === undefined || answered) return;
    answered = true;
    void browse(JSON.parse(line) as Record<string, string>).then((answer) => child.stdin.end(`${answer}\n`));
  });
  return new Promise((resolve) => child.once('close', resolve));
}

/** The agent's write waits; answers its approval and how it ends. */
async function waitingWrite(plan: string) {
  let told = '';
  let found: (id: string) => void = () => {};
  const id = new Promise<string>((resolve) => {
    found = resolve;
  });
  const ended = team.devin.hoopctl.run(
    ['exec', 'prod-db', '-c', `UPDATE customers SET plan = '${plan}' WHERE id = 1`],
    {
      onOutput(stream, text) {
        if (stream === 'stderr') told += text;
        const approval = /"approval":"(ap-\w+)"/.exec(told)?.[1];
        if (approval !== undefined) found(approval);
      },
    },
  );
  return { id: await id, ended };
}

test('an approver on another machine decides by a fresh sign-in, with no passphrase', async () => {
  const lea = team.machine();
  const login = [...team.loginWords, '--allow-http-loopback', '--fresh'];
  const browse = (line: Record<string, string>) => provider.browse(line.completeUrl ?? '', 'lea');
  // The device flow is asked every five seconds, so the sign-in is older than a second when it is told.
  expect((await withBrowser(lea, login, 'device-code', browse)).code).toBe(0);
  const late = await waitingWrite('never');
  const stale = await lea.run(['approve', late.id, '--yes']);
  expect(stale).toMatchObject({ code: 4, stderr: expect.stringContaining('hoopctl login --fresh') });

  await team.shop.hoopctl.applyPolicy(policyWith('5m'));
  expect((await late.ended).code).toBe(8);
  const signedOut = await lea.run(['whoami']);
  expect(signedOut).toMatchObject({ code: 4, stderr: expect.stringContaining('issuer') });

  expect((await withBrowser(lea, login, 'device-code', browse)).code).toBe(0);
  const { ended, id } = await waitingWrite('by-lea');
  expect((await lea.run(['approve', id, '--yes'])).code).toBe(0);
  expect((await ended).code).toBe(0);
  expect(await team.shop.plan()).toBe('by-lea');
});

/** What a browser does at the provider, and with the form that it gets there. */
async function signInBySaml(line: Record<string, string>): Promise<string> {
  const url = new URL(line.url ?? '');
  const sent = Buffer.from(url.searchParams.get('SAMLRequest') ?? '', 'base64');
  const id = / ID="([^"]+)"/.exec(inflateRawSync(sent).toString())?.[1] ?? '';
  const now = Date.now();
  const SAMLResponse = await saml.respond({
    inResponseTo: id,
    confirmedRequest: id,
    issuer: saml.entityId,
    audience: ENTITY,
    recipient: callback,
    nameId: 'p-1',
    nameIdFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    email: 'pat@partner',
    groups: [],
    issuedAt: now - 1000,
    notBefore: now - 1000,
    notOnOrAfter: now + 60_000,
    authnInstant: now - 1000,
    acr: 'urn:oasis:names:tc:SAML:2.0:ac:classes:X509',
    method: 'urn:oasis:names:tc:SAML:2.0:cm:bearer',
  });
  const body = new URLSearchParams({ SAMLResponse }).toString();
  return new Promise((resolve, reject) => {
    const form = request(
      callback,
      {
        method: 'POST',
        ca: team.authority.cert,
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': Buffer.byteLength(body),
        },
      },
      (answer) => {
        let html = '';
        answer.setEncoding('utf8').on('data', (text: string) => {
          html += text;
        });
        answer.on('end', () => resolve(/<code>([^<]+)<\/code>/.exec(html)?.[1] ?? html));
      },
    );
    form.on('error', reject);
    form.end(body);
  });
}

test('a partner signs in through SAML from a terminal, and decides', async () => {
  const pat = team.machine();
  const login = [...team.loginWords, '--saml', 'partner', '--code-stdin'];
  expect(await answeredOnStdin(pat, login, 'saml-sign-in', signInBySaml)).toBe(0);
  expect(await pat.json(['whoami'])).toMatchObject({
    identity: { name: 'pat@partner', roles: ['approver', 'requester'] },
  });
  const { ended, id } = await waitingWrite('by-pat');
  expect((await pat.run(['approve', id, '--yes'])).code).toBe(0);
  expect((await ended).code).toBe(0);
  expect(await team.shop.plan()).toBe('by-pat');
});
