import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Hoopctl } from '../servers/hoopctl.ts';
import { SshKeys } from '../servers/ssh-certificates.ts';
import { type SshServer, type SshServerOptions, startSshd } from '../servers/sshd.ts';

const POLICY = `
version: 1
rules:
  - {name: reads, connections: ["web-*"], effects: [read], decision: allow}
  - {name: nothing-there, connections: [bastion], decision: block}
`;

const keys = new SshKeys();
const login = keys.make('login');
const closing: (() => Promise<unknown> | unknown)[] = [];
let hoopctl: Hoopctl;
let devin: { readonly token: string };
let bastion: SshServer;
let web: SshServer;

beforeAll(async () => {
  hoopctl = await Hoopctl.initialised();
  closing.push(() => hoopctl.close());
  await hoopctl.applyPolicy(POLICY);
  devin = { token: await hoopctl.createIdentity('devin', 'requester', 'agents') };
  bastion = await sshd();
  web = await sshd();
  await hoopctl.ok(added('bastion', bastion.url));
  await hoopctl.ok(added('web-1', web.url, '--jump', 'bastion'));
});
afterAll(async () => {
  for (const close of closing) await close();
  keys.remove();
});

async function sshd(options: SshServerOptions = {}): Promise<SshServer> {
  const server = await startSshd({ ...options, authorized: `${login}.pub` });
  closing.push(() => server.stop());
  return server;
}

function added(name: string, url: string, ...flags: string[]): string[] {
  const how = ['--key', `file:${login}`, '--accept-host-key', '--no-input'];
  return ['connection', 'add', name, '--url', url, ...how, ...flags];
}

const where = (name: string) => hoopctl.run(['connect', name, '--', 'printenv SSH_CONNECTION'], devin);

/** A bastion that leads every connection onward to a place of its own choice. */
async function redirectingBastion(port: number): Promise<string> {
  const hostKey = readFileSync(keys.make('redirecting-host'), 'utf8');
  const server = new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
    client.on('authentication', (context) => context.accept());
    client.on('error', () => {});
    client.on('session', (accept) => {
      accept().on('exec', (acceptExec) => acceptExec().end('sh\n0\n'));
    });
    client.on('tcpip', (accept) => {
      const channel = accept();
      channel.pipe(connect(port, '127.0.0.1')).pipe(channel);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return `ssh://root@127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a connection with a jump', () => {
  test('is reached from the machine of the other connection, to which nobody needs a right', async () => {
    const before = bastion.log().length;
    const { code, stdout } = await where('web-1');
    expect(code).toBe(0);
    expect(stdout).toContain(` ${web.port}\n`);
    expect(bastion.log().slice(before)).toContain('Accepted publickey');
    const refused = await hoopctl.run(['connect', 'bastion', '--', 'uptime'], devin);
    expect(refused.code).toBe(5);
  });

  test('says so where it is shown', async () => {
    const { stdout } = await hoopctl.ok(['connection', 'list']);
    expect(stdout).toContain('through bastion');
  });

  test('may lead through several, and not in a circle or through too many', async () => {
    await hoopctl.ok(added('web-2', web.url, '--jump', 'web-1'));
    expect((await where('web-2')).code).toBe(0);
    const circle = await hoopctl.run(['connection', 'edit', 'bastion', '--jump', 'web-2']);
    expect(circle.code).toBe(9);
    expect(circle.stderr).toContain('leads in a circle: bastion → web-2 → web-1 → bastion');
    const itself = await hoopctl.run(['connection', 'edit', 'web-1', '--jump', 'web-1']);
    expect(itself.stderr).toContain('leads in a circle');
    for (const [name, jump] of [
      ['web-3', 'web-2'],
      ['web-4', 'web-3'],
    ] as const) {
      await hoopctl.ok([
        ...added(name, `${web.url}?hostkey=${web.fingerprint}`, '--jump', jump),
        '--no-test',
      ]);
    }
    const far = await hoopctl.run([...added('web-5', web.url, '--jump', 'web-4'), '--no-test']);
    expect(far.stderr).toContain('more than 4 connections lead to web-5');
  });

  test('leads through an SSH connection that there is', async () => {
    const missing = await hoopctl.run(added('web-6', web.url, '--jump', 'nowhere'));
    expect(missing.stderr).toContain('there is no connection nowhere to jump through');
    const url = 'postgres://app@127.0.0.1:1/shop';
    await hoopctl.ok(['connection', 'add', 'db', '--url', url, '--no-test', '--no-input']);
    const other = await hoopctl.run(added('web-6', web.url, '--jump', 'db'));
    expect(other.stderr).toContain('db is no ssh connection');
  });

  test('keeps the other connection from being removed', async () => {
    const { code, stderr } = await hoopctl.run(['connection', 'remove', 'bastion', '--yes']);
    expect(code).toBe(9);
    expect(stderr).toContain('can be reached through bastion alone');
  });

  test('knows its own host, wherever the machine in between leads', async () => {
    const evil = await sshd();
    const url = await redirectingBastion(evil.port);
    await hoopctl.ok(added('bent', url));
    await hoopctl.ok(added('web-7', `${web.url}?hostkey=${web.fingerprint}`, '--jump', 'bent', '--no-test'));
    const { code, stderr } = await where('web-7');
    expect(code).not.toBe(0);
    expect(stderr).toContain('shows another host key than before');
    expect(evil.log()).not.toContain('Accepted');
  });

  test('tells the owner when the machine in between may not lead onward', async () => {
    const closed = await sshd({ config: ['AllowTcpForwarding no'] });
    await hoopctl.ok(added('closed', closed.url));
    const { code, stderr } = await hoopctl.run(added('web-8', web.url, '--jump', 'closed'));
    expect(code).toBe(3);
    expect(stderr).toContain('through closed could not be reached');
    expect(stderr).toContain('the machine of closed lets no connections through (AllowTcpForwarding)');
  });

  test('ends with an edit of the other connection', async () => {
    const proxy = hoopctl.run(['connect', 'web-1', '--', 'tail -f /dev/null'], devin);
    const sessions = async () =>
      (await hoopctl.json<{ sessions: { connection: string; status: string }[] }>(['session', 'list']))
        .sessions;
    await expect
      .poll(
        async () => (await sessions()).some((one) => one.connection === 'web-1' && one.status === 'open'),
        {
          timeout: 10_000,
        },
      )
      .toBe(true);
    await hoopctl.ok(['connection', 'edit', 'bastion', '--label', 'zone=dmz']);
    expect((await proxy).code).not.toBe(0);
  });
});
