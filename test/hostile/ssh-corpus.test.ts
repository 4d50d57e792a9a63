import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type Client, type ClientChannel, type ConnectConfig, type SFTPWrapper } from 'ssh2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packet, TYPE } from '../../src/protocols/ssh/sftp/packets.ts';
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
  - {name: no-secrets, commands: ["SFTP * */secret*", "SFTP * */work/only*"], decision: block}
  - {name: asked, commands: ["touch */held*", "SFTP WRITE */held*"], decision: approve, expires: 60s}
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
    env(channel: number, name: string, value: string, wantReply: boolean): void;
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

/** The ids of what waits now. */
async function waiting(): Promise<readonly string[]> {
  const { approvals } = await hoopctl.json<{ approvals: { id: string }[] }>(['approvals']);
  return approvals.map(({ id }) => id);
}
async function nextWaiting(): Promise<string> {
  let found: readonly string[] = [];
  const look = async () => {
    found = await waiting();
    return found.length;
  };
  await expect.poll(look, { timeout: 10_000 }).toBe(1);
  return found[0] ?? '';
}

describe('a command that waits for approval', () => {
  /** Its channel, the first time that it has said that it waits, and all that it has printed at its end. */
  async function held(client: Client, line: string, options: object) {
    const channel = await new Promise<ClientChannel>((resolve, reject) =>
      client.exec(line, options, (error, opened) => (error ? reject(error) : resolve(opened))),
    );
    let stdout = '';
    let stderr = '';
    const closed = new Promise<{ code: number; stdout: string; stderr: string }>((resolve) =>
      channel.once('close', (code: number) => resolve({ code, stdout, stderr })),
    );
    channel.on('data', (bytes: Buffer) => {
      stdout += bytes;
    });
    const id = await new Promise<string>((resolve) =>
      channel.stderr.on('data', (bytes: Buffer) => {
        stderr += bytes;
        const found = /hoopctl approve (ap-\w+)/.exec(stderr)?.[1];
        if (found !== undefined) resolve(found);
      }),
    );
    return { channel, closed, id };
  }

  test('gets no variable that came after it was asked for', async () => {
    const client = await login();
    const { channel, closed, id } = await held(client, `env; touch ${there('held-env')}`, {
      env: { LC_EARLY: 'yes' },
    });
    const { outgoing } = channel as unknown as { outgoing: { id: number } };
    inside(client).env(outgoing.id, 'LC_LATE', 'no', false);
    expect((await hoopctl.approve(id)).code).toBe(0);
    const { stdout } = await closed;
    expect(stdout).toContain('LC_EARLY=yes');
    expect(stdout).not.toContain('LC_LATE');
    client.end();
  });

  test('is given up by Ctrl-C on a terminal, and otherwise finds what was typed and the size that the terminal got', async () => {
    const client = await login();
    const given = await held(client, `touch ${there('held-given')}`, { pty: true });
    given.channel.write('\x03');
    expect(await given.closed).toMatchObject({ code: 130 });
    expect(existsSync(there('held-given'))).toBe(false);
    const line = `touch ${there('held-typed')}; stty size; head -n 1`;
    const typed = await held(client, line, { pty: true });
    typed.channel.write('ahead\n');
    typed.channel.setWindow(33, 99, 0, 0);
    expect((await hoopctl.approve(typed.id)).code).toBe(0);
    expect((await typed.closed).stdout).toMatch(/ahead[\s\S]*33 99|33 99[\s\S]*ahead/);
    client.end();
  });
});

describe('an SFTP request', () => {
  const sftpOf = (client: Client) =>
    new Promise<SFTPWrapper>((resolve, reject) =>
      client.sftp((error, sftp) => (error ? reject(error) : resolve(sftp))),
    );
  const done = (ask: (done: (error?: Error | null) => void) => unknown) =>
    new Promise<'done' | 'refused'>((resolve) => ask((error) => resolve(error ? 'refused' : 'done')));

  test('waits for one yes, whatever it does and though it is the first', async () => {
    writeFileSync(there('from'), 'x');
    const client = await login();
    const sftp = await sftpOf(client);
    const renamed = done((end) => sftp.rename(there('from'), there('held-to'), end));
    expect((await hoopctl.approve(await nextWaiting())).code).toBe(0);
    expect(await renamed).toBe('done');
    const opened = done((end) => sftp.open(there('held-to'), 'r+', end));
    expect((await hoopctl.approve(await nextWaiting())).code).toBe(0);
    expect(await opened).toBe('done');
    expect(readFileSync(there('held-to'), 'utf8')).toBe('x');
    client.end();
  });

  test('does not go where its path began to lead while somebody was asked', async () => {
    writeFileSync(there('plain'), 'plain');
    writeFileSync(there('elsewhere'), 'kept');
    symlinkSync(there('plain'), there('held-link'));
    const client = await login();
    const sftp = await sftpOf(client);
    await done((end) => sftp.stat(there('plain'), end));
    const opened = done((end) => sftp.open(there('held-link'), 'w', end));
    const id = await nextWaiting();
    unlinkSync(there('held-link'));
    symlinkSync(there('elsewhere'), there('held-link'));
    expect((await hoopctl.approve(id)).code).toBe(0);
    expect(await opened).toBe('refused');
    expect(readFileSync(there('elsewhere'), 'utf8')).toBe('kept');
    client.end();
  });

  test('is judged by where the server goes, behind "..", a slash, or from where a link is', async () => {
    mkdirSync(there('secret-place/inner'), { recursive: true });
    symlinkSync(there('secret-place/inner'), there('door'));
    symlinkSync(there('secret-place'), there('gate'));
    mkdirSync(there('open'));
    const client = await login();
    const sftp = await sftpOf(client);
    expect(await done((end) => sftp.opendir(`${there('door')}/..`, end))).toBe('refused');
    expect(await done((end) => sftp.stat(`${there('door')}/../inner`, end))).toBe('refused');
    expect(await done((end) => sftp.lstat(`${there('gate')}/`, end))).toBe('refused');
    const times = { atime: 1, mtime: 1 };
    expect(await done((end) => sftp.ext_openssh_lsetstat(`${there('gate')}/`, times, end))).toBe('refused');
    expect(await done((end) => sftp.mkdir(`${there('gate')}/made/`, end))).toBe('refused');
    expect(await done((end) => sftp.symlink('only-this', there('mine'), end))).toBe('refused');
    // What leads nowhere else goes on.
    expect(await done((end) => sftp.mkdir(`${there('open')}/made/`, end))).toBe('done');
    expect(await done((end) => sftp.lstat(there('gate'), end))).toBe('done');
    expect(await done((end) => sftp.opendir(`${there('open')}/../open`, end))).toBe('done');
    client.end();
  });

  test.each([
    ['whose answers nobody reads', () => unsupported(6_000_000), false],
    ['behind one that waits for approval', () => writes(9_000_000), true],
  ])('%s is not taken any further', async (_what, requests, isHeld) => {
    const client = await login();
    const protocol = inside(client);
    const session = protocol.session.bind(protocol);
    protocol.session = (id, _window, longest) => session(id, 0, longest);
    const channel = await new Promise<ClientChannel>((resolve, reject) =>
      client.subsys('sftp', (error, opened) => (error ? reject(error) : resolve(opened))),
    );
    protocol.session = session;
    channel.write(packet(TYPE.init, 3));
    if (isHeld) channel.write(openToWrite(there('held-long')));
    let taken = false;
    channel.write(requests(), () => {
      taken = true;
    });
    if (isHeld) await nextWaiting();
    await new Promise((resolve) =>
      client.exec('sleep 0.5; echo meanwhile', (_error, other) => other.resume().once('close', resolve)),
    );
    expect(taken).toBe(false);
    client.destroy();
    await expect.poll(waiting, { timeout: 10_000 }).toEqual([]);
  });

  const repeated = (one: Buffer, bytes: number) =>
    Buffer.concat(Array.from({ length: Math.ceil(bytes / one.length) }, () => one));
  const unsupported = (bytes: number) => repeated(packet(TYPE.extended, 1, 'x'.repeat(200)), bytes);
  const writes = (bytes: number) => {
    const head = packet(TYPE.write, 1, 'none').subarray(5);
    const body = Buffer.concat([
      Buffer.of(TYPE.write),
      head,
      Buffer.alloc(8),
      lengthOf(32_768),
      Buffer.alloc(32_768),
    ]);
    return repeated(Buffer.concat([lengthOf(body.length), body]), bytes);
  };
  const openToWrite = (path: string) => {
    const head = packet(TYPE.open, 1, path).subarray(5);
    const body = Buffer.concat([Buffer.of(TYPE.open), head, lengthOf(26), lengthOf(0)]);
    return Buffer.concat([lengthOf(body.length), body]);
  };
  const lengthOf = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
});
