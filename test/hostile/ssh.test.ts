import { connect } from 'node:net';
import ssh2, { type AuthHandlerMiddleware, type Client, type ClientChannel, type ConnectConfig } from 'ssh2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packet, TYPE } from '../../src/protocols/ssh/sftp/packets.ts';
import { type GovernedMachine, openMachine } from '../servers/governed-machine.ts';
import type { Endpoint, Hoopctl } from '../servers/hoopctl.ts';
import { forgetPeak, peakMiB, residentMiB } from '../servers/process-memory.ts';
import { run } from '../servers/psql.ts';
import { type SshServer, startSshd } from '../servers/sshd.ts';

let machine: GovernedMachine;
let sshd: SshServer;
let hoopctl: Hoopctl;
let proxy: Endpoint;

beforeAll(async () => {
  machine = await openMachine(
    (server) => `
version: 1
rules:
  - {name: reads, effects: [read, session], decision: allow}
  - {name: writes, effects: [write], objects: ["${server.directory}/*"], decision: allow}
`,
  );
  ({ sshd, hoopctl } = machine);
  proxy = await hoopctl.proxy('web-1', machine);
});
afterAll(async () => {
  await machine?.stop();
});

/** What the library has and does not tell of. */
interface Inside {
  readonly _protocol: {
    session(channel: number, window: number, packet: number): void;
    channelData(channel: number, data: Buffer): void;
    authPK(user: string, key: object, algorithm: string | undefined): void;
  };
}
const inside = (client: Client) => client as unknown as Inside;

function begin(config: ConnectConfig): Client {
  const client = new ssh2.Client();
  client.on('error', () => {});
  client.connect({ host: proxy.host, port: proxy.port, username: proxy.user, ...config });
  return client;
}
function login(config: ConnectConfig = {}): Promise<Client> {
  const client = begin({ password: proxy.password, ...config });
  return new Promise((resolve, reject) => {
    client.once('ready', () => resolve(client));
    client.once('close', () => reject(new Error('closed')));
  });
}
const closed = (client: Client) => new Promise<void>((resolve) => client.once('close', () => resolve()));

function exec(
  client: Client,
  line: string,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    client.exec(line, (error, channel) => {
      if (error) return reject(error);
      let stdout = '';
      let stderr = '';
      channel.on('data', (bytes: Buffer) => {
        stdout += bytes;
      });
      channel.stderr.on('data', (bytes: Buffer) => {
        stderr += bytes;
      });
      channel.once('close', (code: number | null) => resolve({ code, stdout, stderr }));
    });
  });
}

function subsystem(client: Client, name: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.subsys(name, (error, channel) => (error ? reject(error) : resolve(channel)));
  });
}
/** The next answers of an SFTP stream, as their types. */
function answers(channel: ClientChannel, count: number): Promise<readonly Buffer[]> {
  return new Promise((resolve) => {
    let kept = Buffer.alloc(0);
    const found: Buffer[] = [];
    channel.on('data', (bytes: Buffer) => {
      kept = Buffer.concat([kept, bytes]);
      while (kept.length >= 4 && kept.length >= 4 + kept.readUInt32BE(0)) {
        found.push(kept.subarray(0, 4 + kept.readUInt32BE(0)));
        kept = kept.subarray(4 + kept.readUInt32BE(0));
      }
      if (found.length >= count) resolve(found);
    });
    channel.once('close', () => resolve(found));
  });
}

describe('before it has proved itself a client', () => {
  test('gets no channel', async () => {
    const client = begin({ authHandler: (() => {}) as unknown as AuthHandlerMiddleware });
    const opened = new Promise<void>((resolve) => client.once('ready', () => resolve()));
    await new Promise((resolve) => client.once('handshake', () => resolve(undefined)));
    inside(client)._protocol.session(0, 1024, 1024);
    expect(
      await Promise.race([opened.then(() => 'in'), closed(client).then(() => 'out'), later('waits')]),
    ).not.toBe('in');
    client.destroy();
  });

  test('is sent away after six wrong passwords, each of them audited', async () => {
    let tries = 0;
    const tryAnother: AuthHandlerMiddleware = (_left, _partial, next) => {
      tries++;
      next({ type: 'password', username: proxy.user, password: `wrong-${tries}` });
    };
    const client = begin({ authHandler: tryAnother });
    await closed(client);
    expect(tries).toBe(6);
    const { stdout } = await hoopctl.ok(['audit', 'tail', '--json', '--no-input']);
    expect(stdout.match(/login\.failed/g)?.length).toBeGreaterThanOrEqual(6);
  });

  test.each(['a#b', 'x'.repeat(4096), 'devin\n', '\x1b[31mdevin', 'Devin', 'devin\0x', ''])(
    'does not come in as %j',
    async (username) => {
      const client = begin({ username, password: proxy.password });
      expect(await Promise.race([closed(client).then(() => 'out'), login2(client)])).toBe('out');
    },
  );

  test.each([
    ['a length of 2^31', Buffer.from('SSH-2.0-x\r\n\x7f\xff\xff\xff', 'latin1')],
    ['no version', Buffer.from('GET / HTTP/1.1\r\n\r\n'.repeat(3000))],
    ['a version of the past', Buffer.from('SSH-1.5-x\r\n')],
  ])('is closed on %s', async (_what, bytes) => {
    const socket = connect(proxy.port, proxy.host);
    socket.on('error', () => {});
    socket.resume();
    socket.write(bytes);
    await new Promise((resolve) => socket.once('close', resolve));
  });
});

const later = (word: string) => new Promise<string>((resolve) => setTimeout(() => resolve(word), 300));
const login2 = (client: Client) =>
  new Promise<string>((resolve) => client.once('ready', () => resolve('in')));

describe('a client that has come in', () => {
  test('may open many channels, not any number, and those that are refused harm nobody', async () => {
    const client = await login();
    const all = await Promise.allSettled(
      Array.from({ length: 100 }, () => exec(client, 'sleep 0.3; echo x')),
    );
    const done = all.filter((one) => one.status === 'fulfilled' && one.value.stdout === 'x\n');
    // Debian's sshd allows 10 sessions of one connection.
    expect(done.length).toBeGreaterThanOrEqual(10);
    expect(all.length - done.length).toBeGreaterThan(0);
    expect((await exec(client, 'echo still')).stdout).toBe('still\n');
    client.end();
  });

  test('is cut when it sends more than its window', async () => {
    const client = await login();
    const channel = await new Promise<ClientChannel>((resolve) =>
      client.exec('sleep 20', (_error, opened) => resolve(opened)),
    );
    const { outgoing } = channel as unknown as { outgoing: { id: number } };
    const gone = closed(client);
    for (let sent = 0; sent < 64; sent++)
      inside(client)._protocol.channelData(outgoing.id, Buffer.alloc(512 * 1024));
    await gone;
    const next = await login();
    expect((await exec(next, 'echo fine')).stdout).toBe('fine\n');
    next.end();
  });

  test.each(['netconf', 'sftp2', 'x'.repeat(1000)])('gets no subsystem %s', async (name) => {
    const client = await login();
    const channel = await subsystem(client, name);
    const code = await new Promise((resolve) => {
      channel.resume();
      channel.once('close', resolve);
    });
    expect(code).toBe(126);
    client.end();
  });

  test('gets no place that listens, no socket of the target, no agent and no screen', async () => {
    const client = await login();
    const refused = (ask: (done: (error?: Error | null) => void) => unknown) =>
      new Promise((resolve) => ask((error) => resolve(error instanceof Error)));
    expect(await refused((done) => client.forwardIn('127.0.0.1', 0, done))).toBe(true);
    expect(await refused((done) => client.openssh_forwardInStreamLocal('/tmp/x.sock', done))).toBe(true);
    expect(await refused((done) => client.openssh_forwardOutStreamLocal('/run/x.sock', done))).toBe(true);
    expect(await refused((done) => client.forwardOut('127.0.0.1', 0, '127.0.0.1', 22, done))).toBe(true);
    expect(await refused((done) => client.exec('true', { x11: true }, done))).toBe(true);
    // Its name would be a file of the target's terminfo.
    expect(await refused((done) => client.exec('true', { pty: { term: '../../tmp/x' } }, done))).toBe(true);
    client.end();
  });

  test('takes 200 MB in flat memory ', async () => {
    const pid = (await hoopctl.daemonPid()) ?? 0;
    const client = await login();
    const before = residentMiB(pid);
    forgetPeak(pid);
    let got = 0;
    await new Promise<void>((resolve, reject) => {
      client.exec('head -c 200000000 /dev/zero', (error, channel) => {
        if (error) return reject(error);
        channel.on('data', (bytes: Buffer) => {
          got += bytes.length;
        });
        channel.once('close', () => resolve());
      });
    });
    client.end();
    expect(got).toBe(200_000_000);
    expect(peakMiB(pid) - before).toBeLessThan(150);
  }, 60_000);
});

describe('SFTP', () => {
  const INIT = packet(TYPE.init, 3);

  test.each([
    ['a length of 2^31', Buffer.from([0x80, 0, 0, 0, 1])],
    ['an empty packet', Buffer.from([0, 0, 0, 0])],
    ['a second greeting', INIT],
    ['a packet of a server', packet(TYPE.status, 1, 0, '', '')],
    [
      'a field that leaves its packet',
      Buffer.from([0, 0, 0, 9, TYPE.stat, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]),
    ],
    ['a path with a NUL', packet(TYPE.stat, 1, 'a\0b')],
    ['a path that is no text', packet(TYPE.stat, 1, Buffer.from([0xff, 0xfe]))],
  ])('ends on %s', async (_what, bytes) => {
    const client = await login();
    const channel = await subsystem(client, 'sftp');
    channel.write(Buffer.concat([INIT, bytes]));
    const code = await new Promise((resolve) => {
      channel.resume();
      channel.once('close', resolve);
    });
    expect(code).toBe(255);
    expect((await exec(client, 'echo next')).stdout).toBe('next\n');
    client.end();
  });

  test('does not know handles that it has not seen opened, nor extensions it does not understand', async () => {
    const client = await login();
    const channel = await subsystem(client, 'sftp');
    const found = answers(channel, 5);
    const offset = Buffer.alloc(8);
    channel.write(
      Buffer.concat([
        INIT,
        raw(TYPE.read, word(1), text('\0\0\0\0'), offset, word(10)),
        raw(TYPE.write, word(2), text('\0\0\0\0'), offset, text('x')),
        packet(TYPE.extended, 3, 'copy-data', 'x'),
        packet(TYPE.extended, 4, 'hoopctl@example.com', 'x'),
      ]),
    );
    const got = await found;
    expect(got.map((answer) => answer[4])).toEqual([
      TYPE.version,
      TYPE.status,
      TYPE.status,
      TYPE.status,
      TYPE.status,
    ]);
    client.end();
  });

  test('a handle that was opened to be read cannot be used to write or to change', async () => {
    const client = await login();
    const channel = await subsystem(client, 'sftp');
    const first = answers(channel, 2);
    channel.write(Buffer.concat([INIT, raw(TYPE.open, word(1), text('/etc/hostname'), word(1), word(0))]));
    const handle = (await first)[1]?.subarray(13) ?? Buffer.alloc(0);
    const more = answers(channel, 2);
    channel.write(
      Buffer.concat([
        raw(TYPE.write, word(2), text(handle), Buffer.alloc(8), text('x')),
        raw(TYPE.fsetstat, word(3), text(handle), word(4), word(0o777)),
      ]),
    );
    for (const answer of await more) expect([answer[4], answer.readUInt32BE(9)]).toEqual([TYPE.status, 3]);
    client.end();
  });

  const word = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const text = (value: string | Buffer) =>
    Buffer.concat([word(Buffer.byteLength(value)), Buffer.from(value as string)]);
  const raw = (type: number, ...fields: readonly Buffer[]) => {
    const body = Buffer.concat(fields);
    return Buffer.concat([word(body.length + 1), Buffer.from([type]), body]);
  };
});

test('paramiko runs a command and copies a file', async () => {
  const script = `
import paramiko, sys
c = paramiko.SSHClient()
c.set_missing_host_key_policy(paramiko.AutoAddPolicy())
c.connect('${proxy.host}', port=${proxy.port}, username='${proxy.user}', password=sys.stdin.read(), look_for_keys=False, allow_agent=False)
i, o, e = c.exec_command('echo from paramiko')
print(o.read().decode().strip(), o.channel.recv_exit_status())
s = c.open_sftp()
with s.open('${sshd.directory}/p', 'w') as f: f.write('x' * 100000)
print(len(s.open('${sshd.directory}/p').read()))
try:
  s.remove('/etc/hostname')
except IOError as error: print('refused')
c.close()
`;
  const { code, stderr, stdout } = await run('/usr/bin/python3', ['-c', script], { stdin: proxy.password });
  expect(stderr).toBe('');
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'from paramiko 0\n100000\nrefused\n' });
});

test('a host that shows another key than before is not talked to', async () => {
  const other = await startSshd();
  await hoopctl.ok([
    ...['connection', 'add', 'web-2', '--url', other.url, '--key', `file:${sshd.keyFile}`],
    ...['--accept-host-key', '--no-test', '--no-input'],
  ]);
  await other.stop();
  const impostor = await startSshd({ port: other.port });
  try {
    const result = await hoopctl.run(['connection', 'test', 'web-2']);
    expect(result.code).toBe(5);
    expect(result.stderr).toContain(other.fingerprint);
    expect(result.stderr).toContain(impostor.fingerprint);
    expect(impostor.log()).not.toContain('Accepted');
  } finally {
    await impostor.stop();
  }
});

test('a host key is not taken without anybody having said so', async () => {
  const result = await hoopctl.run([
    'connection',
    'add',
    'web-3',
    '--url',
    sshd.url,
    '--key',
    `file:${sshd.keyFile}`,
    '--no-input',
  ]);
  expect(result.code).toBe(5);
  expect(result.stderr).toContain(sshd.fingerprint);
  expect(result.stderr).toContain('--accept-host-key');
});
