import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

export interface SshServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** `ssh://user@127.0.0.1:port`. */
  readonly url: string;
  /** The private key that lets the gateway in. */
  readonly keyFile: string;
  /** A directory of the target for tests to work in. */
  readonly directory: string;
  /** `SHA256:…` */
  readonly fingerprint: string;
  /** What it has logged. */
  log(): string;
  stop(): Promise<void>;
}

export interface SshServerOptions {
  /** Lines for its configuration. */
  readonly config?: readonly string[];
  /** Those that count instead of what stands here: sshd takes the first of a kind. */
  readonly first?: readonly string[];
  /** The public key that lets the gateway in; default: that of `keyFile`. */
  readonly authorized?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Lines for its configuration, made once its keys (`host`, `client`) lie in its directory. */
  readonly prepare?: (directory: string) => readonly string[];
}

/** Debian's sshd as a process of its own on a free loopback port, for the user that runs the tests. */
export async function startSshd(options: SshServerOptions = {}): Promise<SshServer> {
  const directory = mkdtempSync(join(tmpdir(), 'hoopctl-sshd-'));
  const { username: user } = userInfo();
  const file = (name: string) => join(directory, name);
  const keygen = (path: string) => execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path]);
  keygen(file('host'));
  keygen(file('client'));
  writeFileSync(file('authorized_keys'), readFileSync(options.authorized ?? file('client.pub')), {
    mode: 0o600,
  });
  mkdirSync(file('work'));
  // Debian's sshd changes into it before a login; an init script makes it otherwise.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const port = options.port ?? (await freePort());
  const config = [
    ...(options.first ?? []),
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${file('host')}`,
    `AuthorizedKeysFile ${file('authorized_keys')}`,
    `PidFile ${file('pid')}`,
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'AcceptEnv LANG LC_* GREETING',
    'Subsystem sftp internal-sftp',
    'LogLevel VERBOSE',
    ...(options.config ?? []),
    ...(options.prepare?.(directory) ?? []),
  ];
  writeFileSync(file('config'), `${config.join('\n')}\n`);
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', file('config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  await listening(child, (text) => {
    log += text;
  });
  const fingerprint =
    execFileSync('ssh-keygen', ['-l', '-f', file('host.pub')], { encoding: 'utf8' }).split(' ')[1] ?? '';
  return {
    host: '127.0.0.1',
    port,
    user,
    url: `ssh://${user}@127.0.0.1:${port}`,
    keyFile: file('client'),
    directory: file('work'),
    fingerprint,
    log: () => log,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function listening(child: ChildProcess, heard: (text: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`sshd ended with ${code}\n${text}`)));
    child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      heard(piece);
      if (text.includes('Server listening on')) resolve();
    });
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
