import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ssh2, { type Client, type ClientChannel, type ConnectConfig } from 'ssh2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addMachine, type GovernedMachine, openMachine } from '../servers/governed-machine.ts';
import type { Endpoint, Hoopctl } from '../servers/hoopctl.ts';
import { forgetPeak, peakMiB, residentMiB } from '../servers/process-memory.ts';
import { run } from '../servers/psql.ts';
import type { SshUser } from '../servers/ssh-config.ts';
import { type Direction, startMiddle } from '../servers/ssh-middle.ts';
import type { SshServer } from '../servers/sshd.ts';

/** `HOOPCTL_TEST_BULK=1` moves two gigabytes each way; without it as much as shows that memory does not grow. */
const BULK_MB = process.env.HOOPCTL_TEST_BULK === undefined ? 100 : 2048;
const BULK_MS = process.env.HOOPCTL_TEST_BULK === undefined ? 60_000 : 900_000;

let machine: GovernedMachine;
let sshd: SshServer;
let hoopctl: Hoopctl;
let devin: SshUser;
let proxy: Endpoint;
let pid: number;

beforeAll(async () => {
  // Both peers of the gateway want new keys all the time.
  machine = await openMachine(
    `
version: 1
rules:
  - {name: all, effects: [read, write, session], decision: allow}
  - {name: kill, effects: [admin], commands: ["kill *"], decision: allow}
`,
    { config: ['RekeyLimit 1M'] },
  );
  ({ sshd, hoopctl, devin } = machine);
  proxy = await hoopctl.proxy('web-1', machine);
  pid = (await hoopctl.daemonPid()) ?? 0;
});
afterAll(async () => {
  await machine?.stop();
});

const there = (name: string) => join(sshd.directory, name);

function login(config: ConnectConfig = {}): Promise<Client> {
  const client = new ssh2.Client();
  client.on('error', () => {});
  client.connect({
    ...{ host: proxy.host, port: proxy.port, username: proxy.user, password: proxy.password },
    ...config,
  });
  return new Promise((resolve, reject) => {
    client.once('ready', () => resolve(client));
    client.once('close', () => reject(new Error('closed')));
  });
}
function exec(client: Client, line: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(line, (error, channel) => (error ? reject(error) : resolve(channel)));
  });
}
async function outputOf(client: Client, line: string): Promise<string> {
  const channel = await exec(client, line);
  let text = '';
  channel.on('data', (bytes: Buffer) => {
    text += bytes;
  });
  await new Promise((resolve) => channel.once('close', resolve));
  return text;
}

describe('Terrapin', () => {
  const command = (port: number) => [
    ...[
      '-F',
      '/dev/null',
      '-p',
      String(port),
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      'UserKnownHostsFile=/dev/null',
    ],
    ...[
      '-o',
      'NumberOfPasswordPrompts=1',
      '-o',
      'PreferredAuthentications=password',
      '-o',
      'ConnectTimeout=10',
    ],
    ...['-v', `${proxy.user}@127.0.0.1`, `touch ${there('terrapin')}`],
  ];
  /** Debian's ssh asks a program for the password. */
  async function through(puts: Direction | undefined, options: readonly string[] = []) {
    const middle = await startMiddle({ host: proxy.host, port: proxy.port }, puts);
    const asking = there('ask');
    writeFileSync(asking, '#!/bin/sh\necho "$GATEWAY_PASSWORD"\n', { mode: 0o700 });
    try {
      return await run('ssh', [...options, ...command(middle.port)], {
        env: {
          PATH: process.env.PATH ?? '',
          SSH_ASKPASS: asking,
          SSH_ASKPASS_REQUIRE: 'force',
          GATEWAY_PASSWORD: proxy.password,
        },
      });
    } finally {
      await middle.close();
    }
  }

  test('ssh and the gateway agree on strict key exchange and on a cipher that needs none', async () => {
    const { code, stderr } = await through(undefined);
    expect(code).toBe(0);
    expect(stderr).toMatch(/resetting send seqnr[\s\S]*resetting read seqnr/);
    expect(stderr).toMatch(/server->client cipher: aes(128|192|256)-(ctr|gcm)/);
    const chacha = await through(undefined, ['-o', 'Ciphers=chacha20-poly1305@openssh.com']);
    expect(chacha.code).toBe(255);
    expect(chacha.stderr).toContain('no matching cipher');
  });

  test.each(['to-client', 'to-server'] as const)(
    'a message put into the handshake %s ends it',
    async (direction) => {
      const file = there('terrapin');
      const before = existsSync(file) ? readFileSync(file) : undefined;
      const { code, stderr } = await through(direction);
      expect(code).toBe(255);
      expect(stderr).not.toContain('Authenticated to');
      expect(before === undefined || existsSync(file)).toBe(true);
    },
  );

  test.each(['to-client', 'to-server'] as const)(
    'nor is a target talked to behind one put %s',
    async (direction) => {
      const middle = await startMiddle(sshd, undefined);
      const name = `through-${direction}`;
      try {
        await addMachine(hoopctl, sshd, name, `ssh://${sshd.user}@127.0.0.1:${middle.port}`);
        expect((await hoopctl.run(['connection', 'test', name])).code).toBe(0);
        const logins = sshd.log().match(/Accepted/g)?.length ?? 0;
        middle.puts = direction;
        expect(await hoopctl.run(['connection', 'test', name])).toMatchObject({ code: 3 });
        expect(sshd.log().match(/Accepted/g)?.length).toBe(logins);
      } finally {
        await middle.close();
      }
    },
  );
});

describe('a long session', () => {
  const bytes = Buffer.alloc(6 * 1024 * 1024);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE((at * 2654435761) >>> 0, at);
  const sha256 = createHash('sha256').update(bytes).digest('hex');

  test('gets new keys from both sides, in storms, and loses nothing', async () => {
    writeFileSync(there('bulk'), bytes);
    const { code, stderr, stdout } = await devin.run('bash', [
      '-c',
      `ssh -v -o RekeyLimit=256K -F ${devin.config} web-1 cat < ${there('bulk')} | sha256sum`,
    ]);
    expect(code).toBe(0);
    expect(stdout.split(' ')[0]).toBe(sha256);
    expect(stderr.match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0).toBeGreaterThan(20);
  }, 60_000);

  test(
    `moves ${BULK_MB} MB each way in flat memory`,
    async () => {
      const before = residentMiB(pid);
      forgetPeak(pid);
      const began = performance.now();
      const size = BULK_MB * 1024 * 1024;
      const there = await devin.run(
        'bash',
        ['-c', `ssh -F ${devin.config} web-1 head -c ${size} /dev/zero | wc -c`],
        {
          deadline: BULK_MS,
        },
      );
      const back = await devin.run(
        'bash',
        ['-c', `head -c ${size} /dev/zero | ssh -F ${devin.config} web-1 wc -c`],
        {
          deadline: BULK_MS,
        },
      );
      const grew = peakMiB(pid) - before;
      if (BULK_MB > 1000) {
        console.log(
          `${BULK_MB} MB each way in ${Math.round(performance.now() - began)} ms, +${Math.round(grew)} MiB`,
        );
      }
      expect([there.stdout.trim(), back.stdout.trim()]).toEqual([String(size), String(size)]);
      expect(grew).toBeLessThan(200);
    },
    BULK_MS,
  );
});

describe('a client or target that does not read', () => {
  test('keeps a program waiting, in flat memory, while another channel goes on', async () => {
    const client = await login();
    const before = residentMiB(pid);
    forgetPeak(pid);
    const stuck = await exec(client, 'head -c 300000000 /dev/zero');
    stuck.pause();
    const slow = await exec(client, 'sleep 3; wc -c');
    slow.write(Buffer.alloc(20_000_000));
    slow.end();
    expect(await outputOf(client, 'echo meanwhile')).toBe('meanwhile\n');
    const counted = await new Promise<string>((resolve) =>
      slow.on('data', (found: Buffer) => resolve(`${found}`)),
    );
    expect(counted.trim()).toBe('20000000');
    expect(peakMiB(pid) - before).toBeLessThan(200);
    client.end();
  }, 30_000);

  test('has no more kept for it than a bound, however large the window it grants', async () => {
    const client = await login();
    const before = residentMiB(pid);
    forgetPeak(pid);
    const channel = await exec(client, 'head -c 500000000 /dev/zero');
    const { incoming } = channel as unknown as { incoming: { id: number } };
    const inside = client as unknown as {
      _protocol: { channelWindowAdjust(id: number, by: number): void };
      _sock: { pause(): void };
    };
    const { outgoing } = channel as unknown as { outgoing: { id: number } };
    expect(incoming.id).toBeTypeOf('number');
    inside._protocol.channelWindowAdjust(outgoing.id, 2 ** 31);
    inside._sock.pause();
    expect((await devin.ssh(['web-1', 'sleep 3; echo fine'])).stdout).toBe('fine\n');
    expect(peakMiB(pid) - before).toBeLessThan(200);
    client.destroy();
  }, 30_000);

  test('and opens its channel with a window of nothing gets all of the output when it grants some, byte by byte', async () => {
    const client = await login();
    const { _protocol: protocol } = client as unknown as {
      _protocol: {
        session(id: number, window: number, packet: number): void;
        channelWindowAdjust(id: number, by: number): void;
      };
    };
    const session = protocol.session.bind(protocol);
    protocol.session = (id, _window, packet) => session(id, 0, packet);
    const channel = await exec(client, 'printf 0123456789; printf error >&2; exit 4');
    const { outgoing } = channel as unknown as { outgoing: { id: number } };
    let out = '';
    let errors = '';
    let ended = '';
    // The library counts what it was sent against a window that it did not grant.
    Object.assign((channel as unknown as { incoming: object }).incoming, { window: 1 << 20 });
    channel.on('data', (bytes: Buffer) => {
      out += bytes;
      protocol.channelWindowAdjust(outgoing.id, 1);
    });
    channel.stderr.on('data', (bytes: Buffer) => {
      errors += bytes;
      protocol.channelWindowAdjust(outgoing.id, 1);
    });
    channel.on('exit', (code: number) => {
      ended = `${out.length + errors.length} and ${code}`;
    });
    expect(await outputOf(await login(), 'sleep 0.5; echo meanwhile')).toBe('meanwhile\n');
    expect(out + errors).toBe('');
    protocol.channelWindowAdjust(outgoing.id, 1);
    await new Promise((resolve) => channel.once('close', resolve));
    expect({ out, errors, ended }).toEqual({ out: '0123456789', errors: 'error', ended: '15 and 4' });
    client.end();
  });

  test('and floods with keepalives is answered where it reads, and costs little where it does not', async () => {
    const client = await login();
    const { _protocol: protocol, _sock: socket } = client as unknown as {
      _protocol: { ping(): void };
      _sock: { pause(): void; writableLength: number; write(...all: unknown[]): boolean };
    };
    for (let sent = 0; sent < 5000; sent++) protocol.ping();
    expect(await outputOf(client, 'echo still')).toBe('still\n');
    const before = residentMiB(pid);
    forgetPeak(pid);
    socket.pause();
    for (let sent = 0; sent < 30_000; sent++) protocol.ping();
    expect((await devin.ssh(['web-1', 'echo fine'])).stdout).toBe('fine\n');
    expect(peakMiB(pid) - before).toBeLessThan(200);
    client.destroy();
  }, 30_000);
});

test('output comes before the way a program ended, and that before the end, every time', async () => {
  const client = await login();
  for (const [line, ending] of [
    ['printf out; printf err >&2; exit 7', 'exit 7'],
    ['printf out; printf err >&2; kill -TERM $$', 'exit SIGTERM'],
    ['printf out; printf err >&2; exec >&- 2>&-; sleep 0.2; exit 3', 'exit 3'],
  ] as const) {
    for (let round = 0; round < 5; round++) {
      const channel = await exec(client, line);
      const events: string[] = [];
      channel.on('data', (bytes: Buffer) => events.push(`${bytes}`));
      channel.stderr.on('data', (bytes: Buffer) => events.push(`${bytes}`));
      channel.on('exit', (code: number | null, signal?: string) => events.push(`exit ${signal ?? code}`));
      await new Promise((resolve) => channel.once('close', resolve));
      expect(events.slice(0, 2).sort()).toEqual(['err', 'out']);
      expect(events.slice(2)).toEqual([ending]);
    }
  }
  client.end();
});
