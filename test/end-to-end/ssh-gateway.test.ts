import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../servers/psql.ts';
import { SshKeys } from '../servers/ssh-certificates.ts';
import { type SshServer, startSshd } from '../servers/sshd.ts';
import { openTeamGateway, type TeamGateway } from '../servers/team-gateway.ts';
import { startWorkloadIssuer } from '../servers/workload-issuer.ts';

const POLICY = `
version: 1
groups: {agents: [devin], dba: [ana]}
rules:
  - {name: reads, who: [devin], connections: [web-1], effects: [read, session], decision: allow}
  - {name: writes, who: [devin], connections: [web-1], effects: [write], decision: approve, approvers: [group:dba]}
`;

let sshd: SshServer;
let team: TeamGateway;
let port: number;
let directory: string;
const keys = new SshKeys();

beforeAll(async () => {
  sshd = await startSshd();
  team = await openTeamGateway('limits: {failed_logins: 200}\nssh:\n  listen: 127.0.0.1:0\n');
  port = team.gateway.ports.ssh ?? 0;
  const { hoopctl } = team.shop;
  const key = ['--key', `file:${sshd.keyFile}`, '--accept-host-key', '--no-input'];
  await hoopctl.ok(['connection', 'add', 'web-1', '--url', sshd.url, ...key]);
  await hoopctl.applyPolicy(POLICY);
  directory = join(team.devin.hoopctl.home, '..', 'plain');
  mkdirSync(directory);
}, 120_000);
afterAll(async () => {
  await team?.stop();
  await sshd?.stop();
  keys.remove();
});

interface Credential {
  readonly id: string;
  readonly user: string;
  readonly password: string;
  readonly host: string;
  readonly port: number;
  readonly knownHost: string;
}
const credential = (...flags: string[]) =>
  team.devin.hoopctl.json<Credential>(['credential', 'web-1', ...flags]);

/** The plain ssh of somebody without hoopctl, who knows the gateway by its printed line. */
async function plainSsh(user: string, password: string, command: string, ...options: string[]) {
  const { knownHost } = await credential();
  const knownHosts = join(directory, 'known_hosts');
  writeFileSync(knownHosts, `${knownHost}\n`);
  const ask = join(directory, 'ask');
  writeFileSync(ask, '#!/bin/sh\nprintf %s "$PASSWORD"\n', { mode: 0o700 });
  const settings = [`UserKnownHostsFile=${knownHosts}`, 'StrictHostKeyChecking=yes', 'LogLevel=ERROR'];
  const flags = [...settings, 'NumberOfPasswordPrompts=1'].flatMap((one) => ['-o', one]);
  // Of an option that stands there twice the first counts.
  const words = ['-F', 'none', '-p', String(port), ...options, ...flags, `${user}@localhost`, command];
  return run('ssh', words, {
    env: { PASSWORD: password, SSH_ASKPASS: ask, SSH_ASKPASS_REQUIRE: 'force', HOME: directory },
  });
}

describe('connect in the context of a gateway', () => {
  test('runs one command there, judged', async () => {
    const allowed = await team.devin.hoopctl.run(['connect', 'web-1', '--', 'echo hello']);
    expect(allowed).toMatchObject({ code: 0, stdout: 'hello\n' });
    const refused = await team.devin.hoopctl.run(['connect', 'web-1', '--', 'reboot']);
    expect(refused.code).toBe(126);
    expect((await team.ana.hoopctl.run(['connect', 'web-1', '--', 'echo hello'])).code).toBe(5);
  });
});

describe('an owner who comes over the network', () => {
  test('cannot have an agent of the machine of the gateway sign in somewhere', async () => {
    const token = readFileSync(join(team.shop.hoopctl.home, 'owner.token'), 'utf8').trim();
    const url = `${sshd.url}?agent=/tmp/agent.sock`;
    const words = ['connection', 'add', 'far', '--url', url, '--accept-host-key', '--no-input'];
    const refused = await team.devin.hoopctl.run(words, { token });
    expect(refused.code).toBe(5);
    expect(refused.stderr).toContain('names on the machine of the gateway is given there');
  });
});

describe('ssh-config in the context of a gateway', () => {
  test('installs blocks once, by which ssh goes there whichever context is in use', async () => {
    const { hoopctl } = team.devin;
    const home = join(hoopctl.home, '..');
    mkdirSync(join(home, '.ssh'), { mode: 0o700 });
    const config = join(home, '.ssh', 'config');
    writeFileSync(config, 'Host other\n    Port 99\n    Include hoopctl.conf\n');
    await hoopctl.ok(['ssh-config', '--install']);
    const once = readFileSync(config, 'utf8');
    await hoopctl.ok(['ssh-config', '--install']);
    expect(readFileSync(config, 'utf8')).toBe(once);
    expect(once).toBe('Include hoopctl.conf\n\nHost other\n    Port 99\n    Include hoopctl.conf\n');
    const blocks = readFileSync(join(home, '.ssh', 'hoopctl.conf'), 'utf8');
    expect(blocks).toContain('HOOPCTL_GATEWAY=team');
    expect(blocks).not.toMatch(/hpt_|hps_/);
    await hoopctl.ok(['context', 'use', 'local']);
    const files = ['-F', join(home, '.ssh', 'hoopctl.conf')];
    for (const name of ['web-1', 'web-1.team']) {
      const { code, stdout } = await run('ssh', [...files, name, 'echo hello'], { env: hoopctl.env() });
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'hello\n' });
    }
    await hoopctl.ok(['context', 'use', 'team']);
  });
});

describe('an SSH client without hoopctl', () => {
  test('comes in by a short-lived password, the connection as its user, and is governed', async () => {
    const { password, user } = await credential();
    expect(user).toBe('web-1');
    expect(await plainSsh(user, password, 'echo hello')).toMatchObject({ code: 0, stdout: 'hello\n' });
    const refused = await plainSsh(user, password, 'reboot');
    expect(refused.code).toBe(126);
    expect(refused.stderr).toContain('no rule of the policy allows it: reboot');
  });

  test('comes in by a token', async () => {
    expect(await plainSsh('web-1', team.shop.devin, 'echo hello')).toMatchObject({ stdout: 'hello\n' });
  });

  test("comes in by its issuer's token, as long as ssh can send such a long one", async () => {
    const issuer = await startWorkloadIssuer();
    const { hoopctl } = team.shop;
    await hoopctl.applyPolicy(`${POLICY.replaceAll('who: [devin]', 'who: [devin, group:ci]')}
identity:
  issuers:
    - name: ci
      issuer: ${issuer.issuer}
      allow_http_loopback: true
      domain: ci
      audiences: [hoopctl]
      identities: [{match: {job: deploy}, kind: machine, name: deploy@ci, subject: "{job}", groups: [ci]}]
`);
    try {
      const token = await issuer.token({ sub: 'job 1', job: 'deploy' }, 'hoopctl');
      expect(await plainSsh('web-1', token, 'echo hello')).toMatchObject({ code: 0, stdout: 'hello\n' });
      const other = await issuer.token({ sub: 'job 2', job: 'fork' }, 'hoopctl');
      expect((await plainSsh('web-1', other, 'echo hello')).stderr).toContain('Permission denied');
      // OpenSSH reads 1023 characters of a password (readpass.c), which some issuers' tokens are longer than.
      const long = await issuer.token({ sub: 'job 3', job: 'deploy', filling: 'x'.repeat(800) }, 'hoopctl');
      const cut = await plainSsh('web-1', long, 'echo hello', '-o', 'LogLevel=INFO');
      expect(cut.code).toBe(255);
      expect(cut.stderr).toContain('no more than 1023 characters');
      expect(cut.stderr).toContain('Permission denied');
    } finally {
      issuer.close();
      await hoopctl.applyPolicy(POLICY);
    }
  });

  test('comes in by a key of its own for as long as its password works', async () => {
    const key = keys.make('own');
    const made = await credential('--ssh-key', `${key}.pub`);
    const how = ['-i', key, '-o', 'IdentitiesOnly=yes', '-o', 'PasswordAuthentication=no'];
    expect(await plainSsh('web-1', '', 'echo hello', ...how)).toMatchObject({ code: 0, stdout: 'hello\n' });
    const stranger = keys.make('stranger');
    const wrong = ['-i', stranger, '-o', 'IdentitiesOnly=yes', '-o', 'PasswordAuthentication=no'];
    expect((await plainSsh('web-1', '', 'echo hello', ...wrong)).code).toBe(255);
    await team.devin.hoopctl.ok(['credential', '--revoke', made.id]);
    expect((await plainSsh('web-1', '', 'echo hello', ...how)).code).toBe(255);
  });

  test('cannot take the key of somebody else for its own', async () => {
    const key = keys.make('shared');
    await credential('--ssh-key', `${key}.pub`);
    const { hoopctl } = team.shop;
    await hoopctl.applyPolicy(POLICY.replaceAll('who: [devin]', 'who: [devin, ana]'));
    const taken = await team.ana.hoopctl.run(['credential', 'web-1', '--ssh-key', `${key}.pub`]);
    await hoopctl.applyPolicy(POLICY);
    expect(taken.code).toBe(9);
    expect(taken.stderr).toContain('stands for another identity');
  });

  test('learns nothing with a wrong password, nor which connections there are', async () => {
    const { password } = await credential();
    for (const [user, secret] of [
      ['web-1', 'hpt_wrong'],
      ['web-1', `hpw_${'A'.repeat(43)}`],
      ['nowhere', password],
      ['prod-db', password],
    ] as const) {
      const { code, stderr } = await plainSsh(user, secret, 'echo hello');
      expect(code).toBe(255);
      expect(stderr).toContain('Permission denied');
    }
    const known = await plainSsh('nowhere', team.shop.devin, 'echo hello');
    expect(known.stderr).toContain('there is no connection nowhere');
    const other = await plainSsh('prod-db', team.shop.devin, 'echo hello');
    expect(other.stderr).toContain('prod-db is no ssh connection');
    const notAllowed = await plainSsh('web-1', team.shop.ana, 'echo hello');
    expect(notAllowed.stderr).toContain('the policy lets ana do nothing on web-1');
  });

  test('is cut when its password is revoked', async () => {
    const made = await credential();
    const running = plainSsh(made.user, made.password, 'tail -f /dev/null');
    const sessions = async () => {
      const { hoopctl } = team.shop;
      const { sessions } = await hoopctl.json<{ sessions: { connection: string; status: string }[] }>([
        'session',
        'list',
      ]);
      return sessions.filter((one) => one.connection === 'web-1' && one.status === 'open').length;
    };
    await expect.poll(sessions, { timeout: 15_000 }).toBe(1);
    await team.devin.hoopctl.ok(['credential', '--revoke', made.id]);
    expect((await running).code).not.toBe(0);
  });

  test('prints its password alone to stdout, for an askpass program', async () => {
    const { stdout, stderr } = await team.devin.hoopctl.ok(['credential', 'web-1']);
    expect(stdout).toMatch(/^hpw_[A-Za-z0-9_-]{43}\n$/);
    expect(stderr).toContain(`ssh -p ${port} web-1@localhost`);
    expect(stderr).toContain(`known_hosts: [localhost]:${port} ssh-ed25519 `);
  });

  test('gets no channel before it has shown who it is', async () => {
    const script = `
import paramiko, socket
t = paramiko.Transport(('127.0.0.1', ${port}))
t.start_client(timeout=10)
try:
    t.open_session(timeout=5)
    print('opened')
except Exception as error:
    print('refused')
`;
    const child = spawn('/usr/bin/python3', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
    let out = '';
    child.stdout.on('data', (text: Buffer) => {
      out += text.toString();
    });
    await new Promise((resolve) => child.once('close', resolve));
    expect(out).toBe('refused\n');
  });
});
