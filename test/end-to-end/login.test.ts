import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SHOP_POLICY } from '../servers/governed-shop.ts';
import type { Hoopctl } from '../servers/hoopctl.ts';
import {
  CLI_CLIENT,
  KEY_CLIENT,
  MACHINE_CLIENT,
  type OidcProvider,
  RESOURCE,
  startOidcProvider,
} from '../servers/oidc-provider.ts';
import type { ProgramResult } from '../servers/psql.ts';
import { openTeamGateway, type TeamGateway } from '../servers/team-gateway.ts';

let team: TeamGateway;
let provider: OidcProvider;

beforeAll(async () => {
  [team, provider] = await Promise.all([openTeamGateway(), startOidcProvider()]);
  await team.shop.hoopctl.applyPolicy(policyWith(provider.issuer));
}, 60_000);
afterAll(async () => {
  await team.stop();
  await provider.close();
});

const policyWith = (issuer: string) => `${SHOP_POLICY}
identity:
  issuers:
    - name: corp
      issuer: ${issuer}
      allow_http_loopback: true
      domain: example.com
      audiences: [${CLI_CLIENT}, "${RESOURCE}"]
      authorized_parties: [${CLI_CLIENT}, ${MACHINE_CLIENT.id}, ${KEY_CLIENT.id}]
      client_id: ${CLI_CLIENT}
      scopes: [openid, email, offline_access]
      groups_claim: groups
      groups_optional: true
      identities:
        - match: {email: "*@example.com"}
          name: "{email}"
          kind: person
          roles: [requester, approver]
        - match: {client_id: [${MACHINE_CLIENT.id}, ${KEY_CLIENT.id}]}
          name: "{client_id}"
          kind: machine
          roles: [requester]
          groups: [agents]
`;

interface DeviceCode {
  readonly type: string;
  readonly userCode: string;
  readonly url: string;
  readonly completeUrl: string;
  readonly expiresAt: string;
}

/** Runs a login that shows a code, and signs in as `account` in a browser of its own. */
async function signIn(
  hoopctl: Hoopctl,
  args: readonly string[],
  account: string,
  how: 'browse' | 'refuse' = 'browse',
): Promise<ProgramResult> {
  let stderr = '';
  let browsing: Promise<string> | undefined;
  const result = await hoopctl.run([...args, '--json', '--no-browser', '--allow-http-loopback'], {
    onOutput(stream, text) {
      if (stream !== 'stderr') return;
      stderr += text;
      const line = stderr.split('\n').find((one) => one.includes('"device-code"'));
      if (line === undefined || browsing !== undefined) return;
      const code = JSON.parse(line) as DeviceCode;
      browsing = provider[how](code.completeUrl, account);
    },
  });
  await browsing;
  return result;
}

interface Contexts {
  readonly contexts: {
    readonly name: string;
    signIn?: { renewAt: string; expiresAt: string; provider?: object };
  }[];
}

const contextsFile = (hoopctl: Hoopctl) => join(hoopctl.home, 'login', 'contexts.json');

function readContexts(hoopctl: Hoopctl): Contexts {
  return JSON.parse(readFileSync(contextsFile(hoopctl), 'utf8')) as Contexts;
}

/** As if the time to renew had come. */
function makeDue(hoopctl: Hoopctl, expired: boolean): void {
  const file = readContexts(hoopctl);
  for (const { signIn } of file.contexts) {
    if (signIn === undefined) continue;
    signIn.renewAt = '2020-01-01T00:00:00.000Z';
    if (expired) signIn.expiresAt = '2020-01-01T00:00:00.000Z';
  }
  writeFileSync(contextsFile(hoopctl), JSON.stringify(file));
}

describe('a person', () => {
  let ana: Hoopctl;

  test('signs in with a code in the browser, and is who the policy says', async () => {
    ana = team.machine();
    const { code, stdout, stderr } = await signIn(ana, team.loginWords, 'ana');
    expect({ code, stderr: stderr.split('\n').length }).toEqual({ code: 0, stderr: 2 });
    expect(JSON.parse(stdout)).toMatchObject({ context: 'localhost', identity: 'ana@example.com' });
    const { identity } = await ana.json<{ identity: { name: string; groups: string[]; roles: string[] } }>([
      'whoami',
    ]);
    expect(identity).toMatchObject({
      name: 'ana@example.com',
      groups: ['dba'],
      roles: ['approver', 'requester'],
    });
    expect((await ana.ok(['whoami'])).stdout).toMatch(/signed in\s+through corp/);
    const { contexts } = await ana.json<{ contexts: unknown[] }>(['context', 'list']);
    expect(contexts).toContainEqual(
      expect.objectContaining({ name: 'localhost', inUse: true, identity: 'ana@example.com', renews: true }),
    );
  });

  test('that says no in the browser is not signed in', async () => {
    const { code, stderr } = await signIn(team.machine(), team.loginWords, 'lea', 'refuse');
    expect(code).toBe(4);
    expect(stderr).toContain('"access_denied"');
  });

  test('leaves no token in clear on its machine', () => {
    const dir = join(ana.home, 'login');
    for (const name of readdirSync(dir)) {
      const text = readFileSync(join(dir, name), 'utf8');
      expect(text, name).not.toMatch(/hpt_|eyJ[A-Za-z0-9]/);
    }
  });

  test('stays signed in: the session is renewed by a refresh token that changes each time', async () => {
    for (const expired of [false, true, false]) {
      makeDue(ana, expired);
      expect((await ana.run(['whoami', '--json'])).code).toBe(0);
      const [context] = readContexts(ana).contexts.filter(({ signIn: one }) => one !== undefined);
      expect(Date.parse(context?.signIn?.renewAt ?? '')).toBeGreaterThan(Date.now());
    }
  });

  test('may run many commands at the moment of renewal: the refresh token is used once', async () => {
    makeDue(ana, false);
    const runs = await Promise.all(Array.from({ length: 4 }, () => ana.run(['whoami', '--json'])));
    expect(runs.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
      runs.map(() => ({ code: 0, stderr: '' })),
    );
    makeDue(ana, false);
    expect((await ana.run(['whoami'])).code).toBe(0);
  });

  test('signs out: the session ends at the gateway, the refresh token at the provider', async () => {
    const { ended, revoked } = await ana.json<{ ended: boolean; revoked: boolean }>(['logout']);
    expect({ ended, revoked }).toEqual({ ended: true, revoked: true });
    const after = await ana.run(['whoami']);
    expect(after.code).toBe(4);
    expect(after.stderr).toContain('hoopctl login');
  });

  test('signs in to the local daemon alike', async () => {
    const hoopctl = team.machine();
    await hoopctl.ok(['init', '--no-input', '--approver-passphrase-stdin'], {
      stdin: 'correct horse battery\n',
    });
    const policy = join(hoopctl.home, '..', 'policy.yaml');
    writeFileSync(policy, policyWith(provider.issuer));
    await hoopctl.ok(['policy', 'apply', policy, '--yes']);
    const args = ['login', '--issuer', provider.issuer, '--client-id', CLI_CLIENT];
    expect((await hoopctl.run([...args, '--no-browser'])).stderr).toContain('--allow-http-loopback');
    expect((await signIn(hoopctl, args, 'lea')).code).toBe(0);
    const { identity } = await hoopctl.json<{ identity: { name: string } }>(['whoami']);
    expect(identity.name).toBe('lea@example.com');
    await hoopctl.ok(['logout']);
    const back = await hoopctl.json<{ identity: { name: string } }>(['whoami']);
    expect(back.identity.name).toBe('owner');
  });
});

describe('a machine', () => {
  const asNightly = () => [
    ...team.loginWords,
    '--client-id',
    MACHINE_CLIENT.id,
    '--audience',
    RESOURCE,
    '--allow-http-loopback',
  ];

  test('signs in with the secret of its client, and again by itself', async () => {
    const nightly = team.machine();
    await nightly.ok([...asNightly(), '--client-secret-stdin'], { stdin: `${MACHINE_CLIENT.secret}\n` });
    const { stdout } = await nightly.ok(['exec', 'prod-db', '-c', 'select count(*) from customers']);
    expect(stdout).toContain('2');
    makeDue(nightly, true);
    const { identity } = await nightly.json<{ identity: { name: string; kind: string } }>(['whoami']);
    expect(identity).toMatchObject({ name: 'nightly@example.com', kind: 'machine' });
  });

  test('signs in by the key of its client, which stays where it is, and again by itself', async () => {
    const signer = team.machine();
    const keyFile = join(signer.home, '..', 'key.pem');
    writeFileSync(keyFile, KEY_CLIENT.pem, { mode: 0o600 });
    const asked = [
      ...team.loginWords,
      '--client-id',
      KEY_CLIENT.id,
      '--audience',
      RESOURCE,
      '--allow-http-loopback',
    ];
    await signer.ok([...asked, '--private-key', keyFile]);
    makeDue(signer, true);
    const { identity } = await signer.json<{ identity: { name: string; kind: string } }>(['whoami']);
    expect(identity).toMatchObject({ name: 'signer@example.com', kind: 'machine' });
    expect((await team.machine().run([...asked, '--private-key', contextsFile(signer)])).code).toBe(2);
  });

  test('with a wrong secret is told so', async () => {
    const { code, stderr } = await team.machine().run([...asNightly(), '--client-secret-stdin'], {
      stdin: 'wrong\n',
    });
    expect(code).toBe(4);
    expect(stderr).toContain('does not take this client');
  });

  test('that names no audience the issuer makes readable tokens for is told what to name', async () => {
    const asked = [...team.loginWords, '--client-id', MACHINE_CLIENT.id, '--allow-http-loopback'];
    const { code, stderr } = await team.machine().run([...asked, '--client-secret-stdin'], {
      stdin: `${MACHINE_CLIENT.secret}\n`,
    });
    expect(code).toBe(4);
    expect(stderr).toContain('--audience AUDIENCE');
  });

  test('comes with a token of its platform, and nothing is stored to renew it', async () => {
    const { access_token } = await provider.token({
      grant_type: 'client_credentials',
      client_id: MACHINE_CLIENT.id,
      client_secret: MACHINE_CLIENT.secret,
      resource: RESOURCE,
    });
    const job = team.machine();
    await job.ok([...team.loginWords, '--token-stdin'], { stdin: `${access_token}\n` });
    expect((await job.run(['exec', 'prod-db', '-c', 'select 1'])).code).toBe(0);
    makeDue(job, true);
    expect((await job.run(['whoami'])).code).toBe(4);
  });

  test('with a token of nobody comes nowhere', async () => {
    const { code } = await team.machine().run([...team.loginWords, '--token-stdin'], {
      stdin: 'eyJhbGciOiJub25lIn0.e30.\n',
    });
    expect(code).toBe(4);
  });
});
