import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseConnection } from '../../src/protocols/ssh/connection.ts';
import { connectTarget } from '../../src/protocols/ssh/target-side.ts';
import { NO_MEANS } from '../servers/gateway.ts';
import { Hoopctl, LAUNCHER } from '../servers/hoopctl.ts';
import { SshKeys } from '../servers/ssh-certificates.ts';
import { type SshServer, startSshd } from '../servers/sshd.ts';
import { Terminal } from '../servers/terminal.ts';

const PASSPHRASE = 'open sesame';
const PASSWORD = 'tr0ub4dor and three';
const isRoot = process.getuid?.() === 0;

const keys = new SshKeys();
let hoopctl: Hoopctl;
let sshd: SshServer;

beforeAll(async () => {
  hoopctl = await Hoopctl.initialised();
  await hoopctl.applyPolicy('version: 1\nrules:\n  - {name: reads, effects: [read], decision: allow}\n');
  sshd = await startSshd();
});
afterAll(async () => {
  await hoopctl?.close();
  await sshd?.stop();
  keys.remove();
});

/** Lets a key into the server, by its public part. */
function admit(publicKey: string): void {
  const path = join(sshd.directory, '..', 'authorized_keys');
  writeFileSync(path, `${publicKey}\n`, { mode: 0o600 });
}

let number = 0;
function add(flags: readonly string[], options: { readonly stdin?: string; readonly url?: string } = {}) {
  const { stdin, url = sshd.url } = options;
  const words = [
    'connection',
    'add',
    `key-${++number}`,
    '--url',
    url,
    '--accept-host-key',
    '--no-input',
    ...flags,
  ];
  return hoopctl.run(words, stdin === undefined ? {} : { stdin });
}

describe('a private key', () => {
  const types = [
    ['ed25519', []],
    ['ecdsa', ['-b', '256']],
    ['ecdsa', ['-b', '521']],
    ['rsa', []],
  ] as const;

  test.each(
    types.flatMap(([type, bits]) => [
      [type, bits, 'RFC4716'] as const,
      [type, bits, 'PEM'] as const,
      [type, bits, 'PKCS8'] as const,
    ]),
  )('of type %s %j in the form %s lets in, locked and open', async (type, bits, form) => {
    const flags = [...bits, ...(form === 'RFC4716' ? [] : ['-m', form])];
    for (const passphrase of [undefined, PASSPHRASE]) {
      const locking = passphrase === undefined ? [] : ['-N', passphrase];
      const key = keys.make(`key-${++number}`, type, ...flags, ...locking);
      admit(keys.line(key));
      const { settings } = parseConnection(`${sshd.url}?hostkey=${sshd.fingerprint}`);
      const credential = { secret: readFileSync(key, 'utf8'), passphrase };
      const { client } = await connectTarget(settings, credential, NO_MEANS);
      client.end();
    }
  });

  test('of Ed25519 in PKCS #8, as openssl makes it, lets in, locked and open', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const open = join(keys.directory, 'pkcs8');
    const locked = join(keys.directory, 'pkcs8-locked');
    const form = { type: 'pkcs8', format: 'pem' } as const;
    writeFileSync(open, privateKey.export(form), { mode: 0o600 });
    writeFileSync(locked, privateKey.export({ ...form, cipher: 'aes-256-cbc', passphrase: PASSPHRASE }));
    const { x = '' } = privateKey.export({ format: 'jwk' });
    const head = Buffer.from('0000000b7373682d6564323535313900000020', 'hex');
    admit(`ssh-ed25519 ${Buffer.concat([head, Buffer.from(x, 'base64url')]).toString('base64')}`);
    expect(await add(['--key', `file:${open}`])).toMatchObject({ code: 0 });
    const added = await add(['--key', `file:${locked}`, '--key-passphrase-stdin'], {
      stdin: `${PASSPHRASE}\n`,
    });
    expect(added).toMatchObject({ code: 0 });
  });

  test('that is locked says so without a passphrase, and when it is the wrong one', async () => {
    const locked = keys.make('locked', 'ed25519', '-N', PASSPHRASE);
    admit(keys.line(locked));
    const none = await add(['--key', `file:${locked}`]);
    expect(none.code).toBe(5);
    expect(none.stderr).toContain('--key-passphrase-stdin');
    const wrong = await add(['--key', `file:${locked}`, '--key-passphrase-stdin'], { stdin: 'guess\n' });
    expect(wrong.stderr).toContain('does not unlock the private key');
  });

  test('may have its passphrase by reference, and another one by an edit', async () => {
    const locked = keys.make('referenced', 'ed25519', '-N', PASSPHRASE);
    admit(keys.line(locked));
    const file = join(keys.directory, 'passphrase');
    writeFileSync(file, PASSPHRASE, { mode: 0o600 });
    expect(await add(['--key', `file:${locked}`, '--key-passphrase-ref', `file:${file}`])).toMatchObject({
      code: 0,
    });
    const name = `key-${number}`;
    execFileSync('ssh-keygen', ['-q', '-p', '-P', PASSPHRASE, '-N', 'another one', '-f', locked]);
    expect((await hoopctl.run(['connection', 'test', name])).stderr).toContain('does not unlock');
    await hoopctl.ok(['connection', 'edit', name, '--key-passphrase-stdin'], { stdin: 'another one\n' });
    expect((await hoopctl.run(['connection', 'test', name])).code).toBe(0);
  });

  test('is unlocked by a passphrase that is asked for on a terminal', async () => {
    const locked = keys.make('asked', 'ed25519', '-N', PASSPHRASE);
    admit(keys.line(locked));
    const words = ['connection', 'add', 'asked', '--url', sshd.url, '--key', `file:${locked}`];
    const env = { ...hoopctl.env(), CI: '' };
    const terminal = new Terminal(process.execPath, [LAUNCHER, ...words], { env });
    await terminal.shows('Is this the key of the host');
    terminal.type('y\r');
    await terminal.shows('Passphrase of the private key');
    terminal.type('guess\r');
    await terminal.shows(/that does not unlock it\s[\s\S]*Passphrase of the private key/);
    terminal.type(`${PASSPHRASE}\r`);
    expect(await terminal.exited).toBe(0);
  });

  test('leaves neither itself nor its passphrase in the state directory', async () => {
    const locked = keys.make('kept', 'ed25519', '-N', PASSPHRASE);
    admit(keys.line(locked));
    const open = readFileSync(keys.make('kept-open'), 'utf8');
    admit(keys.line(join(keys.directory, 'kept-open')));
    expect(await add(['--password-stdin'], { stdin: open })).toMatchObject({ code: 0 });
    admit(keys.line(locked));
    await add(['--key', `file:${locked}`, '--key-passphrase-stdin'], { stdin: `${PASSPHRASE}\n` });
    const middle = open.split('\n')[2] ?? '';
    expect(middle.length).toBeGreaterThan(40);
    for (const path of filesBelow(hoopctl.home)) {
      const bytes = readFileSync(path);
      expect(bytes.includes(PASSPHRASE), path).toBe(false);
      expect(bytes.includes(middle), path).toBe(false);
    }
  });
});

describe('an agent', () => {
  test('signs in with the key that it holds', async () => {
    const key = keys.make('agent', 'ed25519', '-N', PASSPHRASE);
    admit(keys.line(key));
    const socket = join(keys.directory, 'agent.sock');
    const agent: ChildProcess = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    try {
      await expect.poll(() => existsSync(socket), { timeout: 5000 }).toBe(true);
      const ask = join(keys.directory, 'ask');
      writeFileSync(ask, `#!/bin/sh\necho '${PASSPHRASE}'\n`, { mode: 0o700 });
      const env = {
        SSH_AUTH_SOCK: socket,
        SSH_ASKPASS: ask,
        SSH_ASKPASS_REQUIRE: 'force',
        PATH: process.env.PATH,
      };
      execFileSync('ssh-add', ['-q', key], { env, stdio: 'ignore' });
      expect(await add([], { url: `${sshd.url}?agent=${socket}` })).toMatchObject({ code: 0 });
    } finally {
      agent.kill('SIGTERM');
    }
    const gone = await hoopctl.run(['connection', 'test', `key-${number}`]);
    expect(gone.code).not.toBe(0);
    const { stdout } = await hoopctl.run(['doctor']);
    expect(stdout).toContain(`no agent answers at ${socket}`);
    expect(stdout).not.toMatch(/✘ state directory/);
  });
});

describe.skipIf(!isRoot)('an account with a password', () => {
  const user = `hoopctl-${process.pid}`;
  let server: SshServer;
  beforeAll(() => {
    execFileSync('useradd', ['-m', '-s', '/bin/sh', user]);
    execFileSync('chpasswd', { input: `${user}:${PASSWORD}\n` });
  });
  afterAll(async () => {
    await server?.stop();
    // Its last login may still be ending.
    spawnSync('userdel', ['-rf', user]);
  });

  test.each([
    ['password', ['UsePAM no', 'PasswordAuthentication yes', 'KbdInteractiveAuthentication no']],
    ['keyboard-interactive', ['UsePAM yes', 'PasswordAuthentication no', 'KbdInteractiveAuthentication yes']],
  ])('lets in by %s, and refuses another password', async (method, config) => {
    await server?.stop();
    // The first of two settings counts.
    server = await startSshd({ first: config });
    const url = server.url.replace(server.user, user);
    expect(await add(['--password-stdin'], { url, stdin: `${PASSWORD}\n` })).toMatchObject({ code: 0 });
    expect(server.log()).toContain(`Accepted ${method === 'password' ? 'password' : 'keyboard-interactive'}`);
    const wrong = await add(['--password-stdin'], { url, stdin: 'guess\n' });
    expect(wrong.code).toBe(5);
    expect(wrong.stderr).toContain('does not accept the credential');
  });
});

function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}
