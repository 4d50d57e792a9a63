import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Hoopctl } from '../servers/hoopctl.ts';
import { SshKeys } from '../servers/ssh-certificates.ts';
import { startMiddle } from '../servers/ssh-middle.ts';
import { type SshServer, type SshServerOptions, startSshd } from '../servers/sshd.ts';

const POLICY = 'version: 1\nrules:\n  - {name: reads, effects: [read], decision: allow}\n';

let hoopctl: Hoopctl;
let devin: { readonly token: string };
const keys = new SshKeys();
const authority = keys.make('authority');
const stranger = keys.make('stranger');
/** Lets the gateway into every server. */
const login = keys.make('login');
const servers: SshServer[] = [];

beforeAll(async () => {
  hoopctl = await Hoopctl.initialised();
  await hoopctl.applyPolicy(POLICY);
  devin = { token: await hoopctl.createIdentity('devin', 'requester', 'agents') };
});
afterAll(async () => {
  await hoopctl?.close();
  for (const server of servers) await server.stop();
  keys.remove();
});

async function sshd(options: SshServerOptions = {}): Promise<SshServer> {
  const server = await startSshd({ ...options, authorized: `${login}.pub` });
  servers.push(server);
  return server;
}

/** An sshd with a certificate for its key, made with these flags of ssh-keygen. */
const certified = (flags: readonly string[], signer = authority, more: SshServerOptions = {}) =>
  sshd({
    ...more,
    prepare: (directory) => [`HostCertificate ${keys.sign(signer, join(directory, 'host'), ...flags)}`],
  });

const add = (name: string, server: SshServer, ...flags: string[]) =>
  hoopctl.run([
    ...['connection', 'add', name, '--url', server.url, '--key', `file:${login}`, '--no-input'],
    ...flags,
  ]);
const echo = (name: string) => hoopctl.run(['connect', name, '--', 'echo hello'], devin);
const knownHosts = (text: string) => {
  const path = join(keys.directory, 'known_hosts');
  writeFileSync(path, text);
  return path;
};
const hostLine = (server: SshServer) => readFileSync(join(server.directory, '..', 'host.pub'), 'utf8').trim();

const GOOD = ['-h', '-n', '127.0.0.1', '-V', '-1h:+1h'];

describe('a host that shows a certificate', () => {
  test('is known by the authority of --host-ca, whichever key it has', async () => {
    const first = await certified(GOOD);
    const added = await add('certified', first, '--host-ca', `${authority}.pub`);
    expect(added.stdout).toContain('host known by certificates of an authority');
    expect((await echo('certified')).stdout).toBe('hello\n');
    // Set up anew, at the same place, with another key.
    await first.stop();
    await certified(GOOD, authority, { port: first.port });
    expect(await echo('certified')).toMatchObject({ stdout: 'hello\n', code: 0 });
  });

  test('of RSA or ECDSA is known as well, when its other keys have none', async () => {
    for (const type of ['rsa', 'ecdsa'] as const) {
      const server = await sshd({
        prepare: (directory) => {
          const key = keys.make(`other-${type}`, type);
          return [`HostKey ${key}`, `HostCertificate ${keys.sign(authority, key, ...GOOD)}`, `#${directory}`];
        },
      });
      expect(await add(`by-${type}`, server, '--host-ca', `${authority}.pub`)).toMatchObject({ code: 0 });
      expect((await echo(`by-${type}`)).stdout).toBe('hello\n');
    }
  });

  /** An sshd that proves its key by the certificate and nothing else, and soon exchanges keys anew. */
  const alone = (type: 'ed25519' | 'rsa' | 'ecdsa', algorithm: string) =>
    sshd({
      first: [`HostKeyAlgorithms ${algorithm}-cert-v01@openssh.com`, 'RekeyLimit 64K'],
      prepare: () => {
        const key = keys.make(`alone-${type}`, type);
        return [`HostKey ${key}`, `HostCertificate ${keys.sign(authority, key, ...GOOD)}`];
      },
    });

  test.each([
    ['ed25519', 'ssh-ed25519'],
    ['rsa', 'rsa-sha2-512'],
    ['ecdsa', 'ecdsa-sha2-nistp256'],
  ] as const)('of %s is reached also where it proves its key by nothing else', async (type, algorithm) => {
    const server = await alone(type, algorithm);
    const added = await add(`alone-${type}`, server, '--host-ca', `${authority}.pub`);
    expect([added.code, added.stderr]).toEqual([0, expect.any(String)]);
    const much = await hoopctl.run(['connect', `alone-${type}`, '--', 'seq 1 60000'], devin);
    expect(much.stdout.endsWith('\n60000\n')).toBe(true);
    // Whoever shows the certificate, which is no secret, and cannot sign by its key.
    const middle = await startMiddle(server, 'false-signature');
    const other = { ...server, url: server.url.replace(String(server.port), String(middle.port)) };
    const refused = await add('never', other, '--host-ca', `${authority}.pub`);
    await middle.close();
    const why = expect.stringContaining('signature verification failed');
    expect([refused.code, refused.stderr]).toEqual([3, why]);
    const pinned = await add('never', server, '--accept-host-key');
    expect([pinned.code, pinned.stderr]).toEqual([3, expect.stringContaining('--host-ca FILE')]);
  });

  test.each([
    ['another principal', ['-h', '-n', 'db-1', '-V', '-1h:+1h'], 'it is for db-1, not for 127.0.0.1'],
    ['a time that is over', ['-h', '-n', '127.0.0.1', '-V', '-2h:-1h'], 'it expired at'],
    ['users', ['-n', '127.0.0.1', '-V', '-1h:+1h'], 'for users, not for hosts'],
    ['a critical option', [...GOOD, '-O', 'critical:odd@example.com=1'], 'critical option'],
  ])('for %s is refused, and nothing is saved', async (_what, flags, why) => {
    const server = await certified(flags);
    const refused = await add('never', server, '--host-ca', `${authority}.pub`);
    expect(refused.code).toBe(5);
    expect(refused.stderr).toContain('does not show by a certificate that it is 127.0.0.1');
    expect(refused.stderr).toContain(why);
    expect(server.log()).not.toContain('Accepted');
  });

  test('of another authority is refused, also where --accept-host-key stands', async () => {
    const server = await certified(GOOD, stranger);
    const refused = await add('never', server, '--host-ca', `${authority}.pub`, '--accept-host-key');
    expect(refused.stderr).toContain('which is no authority for this host');
    expect(refused.code).toBe(5);
  });

  test('is known by another name with hostkeyalias', async () => {
    const server = await certified(['-h', '-n', 'web-1.internal', '-V', '-1h:+1h']);
    const url = `${server.url}?hostkeyalias=web-1.internal`;
    const flags = ['--key', `file:${login}`, '--host-ca', `${authority}.pub`, '--no-input'];
    expect((await hoopctl.run(['connection', 'add', 'alias', '--url', url, ...flags])).code).toBe(0);
  });

  test('is refused once its certificate has expired', async () => {
    const server = await certified(['-h', '-n', '127.0.0.1', '-V', '-1h:+1h']);
    await add('ending', server, '--host-ca', `${authority}.pub`);
    // The same host with the certificate it had a year ago.
    await server.stop();
    await certified(['-h', '-n', '127.0.0.1', '-V', '-2h:-1h'], authority, { port: server.port });
    const used = await echo('ending');
    expect(used.code).not.toBe(0);
    const told = await hoopctl.run(['connection', 'test', 'ending']);
    expect(told.stderr).toContain('it expired at');
  });
});

describe('a known_hosts file', () => {
  test('gives the key of the host, by [host]:port, hashed', async () => {
    const server = await sshd();
    const file = knownHosts(`[127.0.0.1]:${server.port} ${hostLine(server)}\n`);
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
    const added = await add('known', server, '--known-hosts', file);
    expect(added).toMatchObject({ code: 0 });
    expect(added.stdout).toContain(`host known by ssh-ed25519/${server.fingerprint}`);
    expect((await echo('known')).stdout).toBe('hello\n');
  });

  test('gives authorities', async () => {
    const server = await certified(GOOD);
    const file = knownHosts(`@cert-authority 127.0.0.* ${keys.line(authority)}\n`);
    expect(await add('known-ca', server, '--known-hosts', file)).toMatchObject({ code: 0 });
  });

  test('of another host is refused', async () => {
    const server = await sshd();
    const refused = await add('never', server, '--known-hosts', knownHosts(`web-9 ${hostLine(server)}\n`));
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain('says nothing of 127.0.0.1');
  });

  test('with another key for the host is refused, and so is a key that it revokes', async () => {
    const server = await sshd();
    const other = await add(
      'never',
      server,
      '--known-hosts',
      knownHosts(`127.0.0.1 ${keys.line(stranger)}\n`),
    );
    expect(other.stderr).toContain('shows another host key than before');
    const revoked = knownHosts(`127.0.0.1 ${hostLine(server)}\n@revoked * ${hostLine(server)}\n`);
    for (const flags of [[], ['--accept-host-key']]) {
      const refused = await add('never', server, '--known-hosts', revoked, ...flags);
      expect(refused).toMatchObject({ code: 5 });
      expect(refused.stderr).toContain('shows a key that is revoked');
    }
  });

  test('with a key of one type is no reason to refuse a host that has others too', async () => {
    const server = await sshd({ prepare: () => [`HostKey ${keys.make('second', 'rsa')}`] });
    const file = knownHosts(`127.0.0.1 ${keys.line(join(keys.directory, 'second'))}\n`);
    expect(await add('rsa-known', server, '--known-hosts', file)).toMatchObject({ code: 0 });
  });
});

describe('a host key that changed after it was pinned', () => {
  test('is refused before any login, and taken by --accept-host-key', async () => {
    const before = await sshd();
    expect(await add('changed', before, '--accept-host-key')).toMatchObject({ code: 0 });
    await before.stop();
    const after = await sshd({ port: before.port });
    const used = await echo('changed');
    expect(used.code).not.toBe(0);
    const told = await hoopctl.run(['connection', 'test', 'changed']);
    expect(told.stderr).toContain(`pinned ${before.fingerprint}, shown ${after.fingerprint}`);
    expect(told.stderr).toContain('connection edit NAME --accept-host-key');
    const { stdout: weak } = await hoopctl.run(['doctor']);
    expect(weak).toContain('connections: changed: 127.0.0.1 shows another host key than before');
    expect(weak).toContain('hoopctl connection edit changed --accept-host-key');
    expect(after.log()).not.toContain('Accepted');
    const taken = await hoopctl.run(['connection', 'edit', 'changed', '--accept-host-key']);
    expect(taken.stdout).toContain(`host known by ssh-ed25519/${after.fingerprint}`);
    expect(await echo('changed')).toMatchObject({ stdout: 'hello\n', code: 0 });
  });

  test('does not win over a key that was named in the URL', async () => {
    const server = await sshd();
    const wrong = `${server.url}?hostkey=SHA256:${'A'.repeat(43)}`;
    const flags = ['--key', `file:${login}`, '--accept-host-key', '--no-input'];
    const refused = await hoopctl.run(['connection', 'add', 'never', '--url', wrong, ...flags]);
    expect(refused.stderr).toContain('shows another host key than before');
  });
});
