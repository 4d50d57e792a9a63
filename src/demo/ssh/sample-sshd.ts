import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { Internal, NotFound } from '../../base/errors.ts';
import { acceptsConnections } from '../../cli/local-port.ts';
import { freePort } from '../free-port.ts';

/** A throwaway SSH server on loopback for the user that runs the demo. */
export interface SampleSshd {
  /** `ssh://user@127.0.0.1:port`. */
  readonly url: string;
  readonly port: number;
  readonly user: string;
  /** `OpenSSH_9.2p1 Debian-2+deb12u5`. */
  readonly version: string;
  /** The private key that lets the gateway in. */
  readonly keyFile: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Where sshd is besides the PATH, which seldom leads there. */
const SERVER_PLACES = ['/usr/sbin', '/usr/local/sbin', '/usr/libexec', '/opt/homebrew/sbin'];
/** How long it may take until it answers, and how often it is asked, in milliseconds. */
const START_MS = 10_000;
const LOOK_MS = 50;

/** `home` is what its account takes for its home. Throws NotFound `no_sshd` where the machine has no SSH server or client. */
export async function startSampleSshd(dir: string, home: string): Promise<SampleSshd> {
  const program = findPrograms();
  mkdirSync(dir, { mode: 0o700 });
  const file = (name: string) => join(dir, name);
  for (const name of ['host', 'login']) {
    const made = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file(name)]);
    if (made.status !== 0) throw new Internal('demo_failed', 'ssh-keygen could not make a key');
  }
  copyFileSync(file('login.pub'), file('authorized_keys'));
  const port = await freePort();
  writeFileSync(file('config'), `${configuration(dir, home, port).join('\n')}\n`);
  const separation = privilegeSeparation();
  const child = spawn(program, ['-D', '-f', file('config'), '-E', file('log')], {
    stdio: 'ignore',
    // A terminal's Ctrl-C is the demo's to handle, and it may outlive the demo.
    detached: true,
  });
  child.unref();
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const stop = async () => {
    // Nothing else may be left to wait for.
    child.ref();
    child.kill('SIGTERM');
    await exited;
    separation();
  };
  if (!(await answers(port, exited)) || child.pid === undefined) {
    await stop();
    throw new Internal('demo_failed', 'the sample sshd does not answer', { why: lastWords(file('log')) });
  }
  const { username: user } = userInfo();
  const url = `ssh://${encodeURIComponent(user)}@127.0.0.1:${port}`;
  return { url, port, user, version: versionOf(), keyFile: file('login'), pid: child.pid, stop };
}

function configuration(dir: string, home: string, port: number): readonly string[] {
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${dir}/host`,
    `AuthorizedKeysFile ${dir}/authorized_keys`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PrintMotd no',
    `SetEnv HOME=${home}`,
    'Subsystem sftp internal-sftp',
  ];
}

function findPrograms(): string {
  const path = (process.env.PATH ?? '').split(delimiter).filter((dir) => dir !== '');
  const find = (name: string, places: readonly string[]) =>
    places.map((place) => join(place, name)).find((found) => existsSync(found));
  const server = find('sshd', [...path, ...SERVER_PLACES]);
  const missing = ['ssh', 'sftp', 'ssh-keygen'].filter((name) => find(name, path) === undefined);
  if (server !== undefined && missing.length === 0) return server;
  const names = [...(server === undefined ? ['sshd'] : []), ...missing];
  throw new NotFound('no_sshd', `${names.join(', ')} is not on this machine`, {
    why: 'this demo starts a throwaway SSH server of its own',
    next: 'install openssh-server and openssh-client, or see the demo that needs nothing: hoopctl demo',
  });
}

/** Debian's sshd of root changes into a directory that an init script makes otherwise; what takes it away again. */
function privilegeSeparation(): () => void {
  const place = '/run/sshd';
  if (process.getuid?.() !== 0 || existsSync(place)) return () => {};
  mkdirSync(place, { recursive: true, mode: 0o755 });
  return () => rmSync(place, { recursive: true, force: true });
}

async function answers(port: number, exited: Promise<void>): Promise<boolean> {
  let over = false;
  void exited.then(() => {
    over = true;
  });
  const until = performance.now() + START_MS;
  while (!over && performance.now() < until) {
    if (await acceptsConnections(port)) return true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return false;
}

function versionOf(): string {
  const { stderr } = spawnSync('ssh', ['-V'], { encoding: 'utf8' });
  return stderr.split(',')[0]?.trim() || 'OpenSSH';
}

function lastWords(log: string): string {
  return existsSync(log) ? (readFileSync(log, 'utf8').trim().split('\n').at(-1) ?? '') : '';
}
