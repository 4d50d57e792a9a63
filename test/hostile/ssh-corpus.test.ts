import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type Client, type ConnectConfig } from 'ssh2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GovernedMachine, openMachine } from '../servers/governed-machine.ts';
import type { Endpoint, Hoopctl } from '../servers/hoopctl.ts';
import type { SshUser } from '../servers/ssh-config.ts';
import type { SshServer } from '../servers/sshd.ts';

/** Cases of the list for SSH that no other file has. */

let machine: GovernedMachine;
let sshd: SshServer;
let hoopctl: Hoopctl;
let devin: SshUser;
let proxy: Endpoint;
let banner: string;

beforeAll(async () => {
  banner = mkdtempSync(join(tmpdir(), 'banner-'));
  writeFileSync(join(banner, 'text'), 'hello \x1b]0;owned\x07\x1b[31m\n');
  machine = await openMachine(
    `
version: 1
rules:
  - {name: files, effects: [read, write, session], decision: allow}
  - {name: no-secrets, commands: ["SFTP * */secret*"], decision: block}
`,
    { config: [`Banner ${join(banner, 'text')}`] },
  );
  ({ sshd, hoopctl, devin } = machine);
  proxy = await hoopctl.proxy('web-1', machine);
});
afterAll(async () => {
  await machine?.stop();
  rmSync(banner, { recursive: true, force: true });
});

const there = (name: string) => join(sshd.directory, name);

interface Inside {
  readonly _protocol: {
    session(channel: number, window: number, packet: number): void;
    directTcpip(channel: number, window: number, packet: number, place: object): void;
    openssh_directStreamLocal(channel: number, window: number, packet: number, place: object): void;
  };
}
const inside = (client: Client) => (client as unknown as Inside)._protocol;

function begin(config: ConnectConfig): Client {
  const client = new ssh2.Client();
  client.on('error', () => {});
  client.connect({ host: proxy.host, port: proxy.port, username: proxy.user, ...config });
  return client;
}
function login(): Promise<Client> {
  const client = begin({ password: proxy.password });
  return new Promise((resolve, reject) => {
    client.once('ready', () => resolve(client));
    client.once('close', () => reject(new Error('closed')));
  });
}

test.each(['session', 'a port', 'a socket'])(
  'no channel to %s opens before the client has shown who it is',
  async (what) => {
    const said: string[] = [];
    const client = begin({
      authHandler: (() => {}) as never,
      readyTimeout: 1500,
      debug: (line) => said.push(line),
    });
    await new Promise((resolve) => client.once('handshake', () => resolve(undefined)));
    const closed = new Promise((resolve) => client.once('close', () => resolve('closed')));
    const protocol = inside(client);
    if (what === 'session') protocol.session(0, 1024, 1024);
    else if (what === 'a port') {
      protocol.directTcpip(0, 1024, 1024, {
        srcIP: '127.0.0.1',
        srcPort: 1,
        dstIP: '127.0.0.1',
        dstPort: sshd.port,
      });
    } else protocol.openssh_directStreamLocal(0, 1024, 1024, { socketPath: '/run/x.sock' });
    expect(await closed).toBe('closed');
    expect(said.join('\n')).not.toContain('CHANNEL_OPEN_CONFIRMATION');
  },
);

test('ten thousand channels are refused but for a few, and harm nobody', async () => {
  const client = await login();
  let refused = 0;
  const all = Array.from(
    { length: 10_000 },
    () =>
      new Promise<void>((resolve) => {
        client.forwardOut('127.0.0.1', 0, '127.0.0.1', sshd.port, (error) => {
          if (error !== undefined) refused++;
          resolve();
        });
      }),
  );
  const gone = new Promise<void>((resolve) => client.once('close', () => resolve()));
  await Promise.race([Promise.all(all), gone]);
  expect(refused).toBeGreaterThan(0);
  client.destroy();
  expect((await devin.ssh(['web-1', 'echo fine'])).stdout).toBe('fine\n');
}, 30_000);

describe('sftp', () => {
  test.each([
    ['a rename over it', ['rename other secret-1']],
    ['a rename of it', ['rename secret-1 mine']],
    ['a hard link to it', ['ln secret-1 mine']],
    ['a link to it', ['ln -s secret-1 mine', 'get mine stolen']],
    ['its mode', ['chmod 777 secret-1']],
    ['its removal', ['rm secret-1']],
    ['its content', ['put other secret-1']],
  ])('a blocked path is not reached by %s', async (_what, lines) => {
    writeFileSync(there('secret-1'), 'hidden', { mode: 0o600 });
    writeFileSync(there('other'), 'other');
    const result = await devin.run('sftp', ['-F', devin.config, '-b', '-', 'web-1'], {
      stdin: `cd ${sshd.directory}\nlcd ${sshd.directory}\n${lines.join('\n')}\n`,
    });
    expect(result.code).not.toBe(0);
    expect(readFileSync(there('secret-1'), 'utf8')).toBe('hidden');
    expect(statSync(there('secret-1')).mode & 0o777).toBe(0o600);
    expect(statSync(there('secret-1')).nlink).toBe(1);
    expect(existsSync(there('stolen'))).toBe(false);
  });
});

test("a target's banner does not reach the client's terminal", async () => {
  const { stderr, stdout } = await devin.ssh(['-tt', 'web-1', 'echo done']);
  expect(stdout).toContain('done');
  expect(stdout + stderr).not.toContain('\x1b]0;');
});
