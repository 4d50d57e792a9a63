import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Hoopctl, LAUNCHER } from '../servers/hoopctl.ts';
import { CLI_CLIENT, type OidcProvider, startOidcProvider } from '../servers/oidc-provider.ts';
import { type GatewayProcess, startGateway } from '../servers/team-gateway.ts';
import { Terminal } from '../servers/terminal.ts';
import {
  type ScriptedProvider,
  startScriptedProvider,
  type TokenAnswer,
} from '../unit/login/scripted-provider.ts';

let hoopctl: Hoopctl;
let provider: OidcProvider;
let gateway: GatewayProcess | undefined;
let opened: string;
let bin: string;
const terminals: Terminal[] = [];
const scripted: ScriptedProvider[] = [];

beforeAll(async () => {
  [hoopctl, provider] = await Promise.all([Hoopctl.initialised(), startOidcProvider()]);
  // A stand-in for the desktop: it only writes down what it was to open.
  bin = join(hoopctl.home, '..', 'bin');
  opened = join(bin, 'opened');
  mkdirSync(bin);
  writeFileSync(
    join(bin, 'xdg-open'),
    `#!/bin/sh\nprintf '%s' "$1" > ${opened}.new && mv ${opened}.new ${opened}\n`,
  );
  chmodSync(join(bin, 'xdg-open'), 0o755);
}, 60_000);
afterEach(async () => {
  for (const terminal of terminals.splice(0)) terminal.close();
  await Promise.all(scripted.splice(0).map((one) => one.close()));
});
afterAll(async () => {
  await gateway?.stop();
  await hoopctl.close();
  await provider.close();
});

async function trust(issuer: string): Promise<void> {
  // Whoever signed in before is no owner.
  await hoopctl.run(['logout']);
  await hoopctl.applyPolicy(`version: 1
identity:
  issuers:
    - name: corp
      issuer: ${issuer}
      allow_http_loopback: true
      domain: example.com
      audiences: [${CLI_CLIENT}]
      client_id: ${CLI_CLIENT}
      scopes: [openid, email]
      identities:
        - {match: {email: "*@example.com"}, name: "{email}", kind: person}
rules:
  - {name: reads, effects: [read], decision: allow}
`);
}

/** As a person at a desk: on a terminal, with a desktop to open pages on. */
function login(args: readonly string[], from = hoopctl): Terminal {
  const { CI: _, ...env } = from.env();
  const made = new Terminal(process.execPath, [LAUNCHER, 'login', ...args], {
    env: { ...env, PATH: `${bin}${delimiter}${env.PATH}` },
  });
  terminals.push(made);
  return made;
}

async function refusing(...answers: TokenAnswer[]): Promise<Terminal> {
  const one = await startScriptedProvider(answers);
  scripted.push(one);
  await trust(one.issuer);
  return login(['--allow-http-loopback', '--no-browser']);
}

describe('hoopctl login on a terminal', () => {
  test('shows URL, code and a countdown, opens the browser, and ends when the person has signed in', async () => {
    await trust(provider.issuer);
    const terminal = login(['--allow-http-loopback']);
    await terminal.shows(`Sign in at ${provider.issuer}/device`);
    await terminal.shows(/with the code [A-Z]{4}-[A-Z]{4}/);
    await terminal.shows(/waiting for the sign-in · expires in (01:00|00:5\d)/);
    await terminal.shows(/expires in 00:5\d/);
    await expect.poll(() => existsSync(opened), { timeout: 15_000 }).toBe(true);
    const url = readFileSync(opened, 'utf8');
    expect(url).toContain(`${provider.issuer}/device?user_code=`);
    await provider.browse(url, 'ana');
    await terminal.shows(/✔ signed in to local as ana@example\.com \(expires .*, renewed by itself\)/);
    expect(await terminal.exited).toBe(0);
  });

  test('opens nothing under --no-browser, and ends at Ctrl-C', async () => {
    writeFileSync(opened, 'nothing yet');
    await trust(provider.issuer);
    const terminal = login(['--allow-http-loopback', '--no-browser']);
    await terminal.shows('waiting for the sign-in');
    terminal.type('\x03');
    expect(await terminal.exited).toBe(130);
    expect(readFileSync(opened, 'utf8')).toBe('nothing yet');
  });

  test('keeps code and URL off stdout', async () => {
    await trust(provider.issuer);
    const { CI: _, ...env } = hoopctl.env();
    const out = join(bin, 'out');
    const shell = new Terminal(
      '/bin/sh',
      ['-c', `"$NODE" "$HOOPCTL" login --allow-http-loopback --no-browser > ${out}`],
      { env: { ...env, NODE: process.execPath, HOOPCTL: LAUNCHER } },
    );
    terminals.push(shell);
    const [, url = ''] = await shell.shows(/or at once: (\S+)/);
    await provider.browse(url, 'lea');
    expect(await shell.exited).toBe(0);
    expect(readFileSync(out, 'utf8')).toMatch(/^\S* ?signed in to local as lea@example\.com .*\n$/);
  });

  test('ends with the provider’s no, with exit 4 and what to do', async () => {
    const terminal = await refusing({ error: 'access_denied' });
    await terminal.shows('the sign-in was denied');
    await terminal.shows('hoopctl login');
    expect(await terminal.exited).toBe(4);
  });

  test('ends when nobody entered the code in time', async () => {
    const terminal = await refusing({ error: 'authorization_pending' }, { error: 'expired_token' });
    await terminal.shows('nobody entered the code in time');
    expect(await terminal.exited).toBe(4);
  });

  test('waits on when it is told to slow down, and when the network fails for a moment', async () => {
    const terminal = await refusing('broken', { error: 'slow_down' }, { error: 'access_denied' });
    await terminal.shows(/the provider did not answer \(.*\); trying again/);
    await terminal.shows('waiting for the sign-in');
    await terminal.shows('the sign-in was denied', 30_000);
    const [, told, last] = scripted[0]?.asked ?? [];
    // RFC 8628, section 3.5: five seconds more.
    expect((last?.at ?? 0) - (told?.at ?? 0)).toBeGreaterThan(5500);
    expect(await terminal.exited).toBe(4);
  }, 60_000);
});

test('a gateway with a certificate of its own is trusted by the fingerprint that a person compares', async () => {
  const there = await Hoopctl.initialised();
  try {
    await there.ok(['daemon', 'stop']);
    const config = join(there.home, '..', 'gateway.yaml');
    writeFileSync(
      config,
      'version: 1\nurl: https://localhost\nlisten: 127.0.0.1:0\ntls: {self_signed: true}\n',
    );
    gateway = await startGateway(there, config);
    const url = `https://localhost:${gateway.ports.api}`;
    const readable = gateway.fingerprint.replaceAll(/(..)(?!$)/g, '$1:').toUpperCase();
    const doubtful = login([url]);
    await doubtful.shows('no authority of this machine vouches for');
    await doubtful.shows(`SHA-256 ${readable}`);
    await doubtful.shows('Is it the same?');
    doubtful.type('n\r');
    expect(await doubtful.exited).toBe(1);
    const listed = await hoopctl.json<{ contexts: { url: string | null }[] }>(['context', 'list']);
    expect(listed.contexts.map((context) => context.url)).not.toContain(url);
    const sure = login([url]);
    await sure.shows('Is it the same?');
    sure.type('y\r');
    // It got there: nobody signs in yet, because no policy was applied.
    await sure.shows('takes no sign-ins of people');
    expect(await sure.exited).toBe(2);

    const token = readFileSync(join(there.home, 'owner.token'), 'utf8');
    await hoopctl.ok(['login', url, '--fingerprint', gateway.fingerprint, '--token-stdin'], { stdin: token });
    const contexts = join(hoopctl.home, 'login', 'contexts.json');
    const pinned = readFileSync(contexts, 'utf8').replace(gateway.fingerprint, 'ab'.repeat(32));
    writeFileSync(contexts, pinned, { mode: 0o600 });
    const changed = login([url]);
    await changed.shows('ANOTHER certificate than the one you trusted before');
    await changed.shows('before  AB:AB:AB');
    await changed.shows('Is it the same?');
    changed.type('\r');
    expect(await changed.exited).toBe(1);
    expect(readFileSync(contexts, 'utf8')).toBe(pinned);
  } finally {
    await gateway?.stop();
    await there.close();
  }
}, 90_000);
