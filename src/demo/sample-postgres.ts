import { execFile } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Internal } from '../base/errors.ts';
import { newSecret } from '../base/ids.ts';
import { freePort } from './free-port.ts';
import { findPostgres, type PostgresFlavour, runnableBin } from './postgres-binaries.ts';

export interface SamplePostgresOptions {
  /** Which installation to take, the first that exists. */
  readonly prefer: readonly PostgresFlavour[];
  /** Lines of postgresql.conf on top of the defaults below. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Lines of pg_hba.conf; they replace the default (SCRAM for everyone, socket and loopback). */
  readonly hba?: readonly string[];
  /** Files for the data directory by name, readable by the server only: TLS keys and certificates. */
  readonly files?: Readonly<Record<string, string>>;
  /** A new directory to live in; made in the system's temporary directory when left out. */
  readonly dir?: string;
}

export interface SamplePostgres {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** Holds the Unix socket `.s.PGSQL.PORT`. */
  readonly socketDir: string;
  /** Password of the superuser `postgres`. */
  readonly password: string;
  /** The server's process, for tests that freeze or kill it. */
  readonly pid: number;
  /** Major version. */
  readonly version: number;
  readonly dir: string;
  readonly dataDir: string;
  readonly logFile: string;
  /** Ends the server (fast shutdown, then immediate) and removes its directory. May be called twice. */
  stop(): Promise<void>;
}

/** Nothing here outlives the demo or the test, so a crash of the machine may lose it. */
const DEFAULT_SETTINGS: Readonly<Record<string, string>> = {
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: '60',
  shared_buffers: '32MB',
  listen_addresses: '127.0.0.1',
  password_encryption: 'scram-sha-256',
  log_timezone: 'UTC',
  timezone: 'UTC',
};
const DEFAULT_HBA = ['local all all scram-sha-256', 'host all all 127.0.0.1/32 scram-sha-256'];

/** Another process may take the free port between our look and the server's bind. */
const PORT_ATTEMPTS = 5;
const START_SECONDS = 30;

/**
 * Makes a new cluster and starts it on a free loopback port, as its own child of init. When the caller is root the
 * server runs as `postgres` or `nobody`, since PostgreSQL refuses to run as root.
 * Throws NotFound `no_postgres_server`, Internal `postgres_start_failed` with the server's own words.
 */
export async function startSamplePostgres(options: SamplePostgresOptions): Promise<SamplePostgres> {
  const binaries = findPostgres(options.prefer);
  const user = serverUser();
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'hoopctl-pg-'));
  mkdirSync(dir, { recursive: true });
  // The copy of the programs and the data both lie below; the server's user must be able to enter.
  if (user !== undefined) chmodSync(dir, 0o711);
  const own = join(dir, 'server');
  mkdirSync(own, { mode: 0o700 });
  giveTo(user, own);
  const bin = runnableBin(binaries, join(dir, 'programs'), user !== undefined);
  const run = (name: string, args: readonly string[]) => runProgram(join(bin, name), args, own, user);
  const dataDir = join(own, 'data');
  const logFile = join(own, 'postgres.log');
  const password = newSecret(18);
  try {
    await initialise(run, own, dataDir, password, user);
    const port = await startServer(run, own, dataDir, logFile, options, user);
    const version = Number.parseInt(readFileSync(join(dataDir, 'PG_VERSION'), 'utf8'), 10);
    const pid = Number.parseInt(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8'), 10);
    const stop = once(() => stopServer(run, dataDir, dir));
    return { host: '127.0.0.1', port, socketDir: own, password, pid, version, dir, dataDir, logFile, stop };
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}
type Run = (name: string, args: readonly string[]) => Promise<{ code: number; output: string }>;

function serverUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(':');
    if (fields !== undefined) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new Internal(
    'postgres_start_failed',
    'PostgreSQL refuses to run as root and there is no other user',
    {
      next: 'run as an ordinary user, or add a user called postgres',
    },
  );
}

function giveTo(user: ServerUser | undefined, path: string): void {
  if (user !== undefined) chownSync(path, user.uid, user.gid);
}

function writeOwned(path: string, text: string, user: ServerUser | undefined): void {
  writeFileSync(path, text, { mode: 0o600 });
  giveTo(user, path);
}

async function initialise(
  run: Run,
  own: string,
  dataDir: string,
  password: string,
  user: ServerUser | undefined,
): Promise<void> {
  const passwordFile = join(own, 'password');
  writeOwned(passwordFile, `${password}\n`, user);
  const { code, output } = await run('initdb', [
    ...['-D', dataDir, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`],
    ...['--no-sync', '--no-instructions', '--no-locale', '--encoding=UTF8'],
  ]);
  rmSync(passwordFile);
  if (code !== 0) throw startFailed('initdb failed', output);
}

async function startServer(
  run: Run,
  own: string,
  dataDir: string,
  logFile: string,
  options: SamplePostgresOptions,
  user: ServerUser | undefined,
): Promise<number> {
  for (const [name, text] of Object.entries(options.files ?? {})) writeOwned(join(dataDir, name), text, user);
  writeOwned(join(dataDir, 'pg_hba.conf'), `${(options.hba ?? DEFAULT_HBA).join('\n')}\n`, user);
  const settings = { ...DEFAULT_SETTINGS, unix_socket_directories: own, ...options.settings };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`);
  appendFileSync(join(dataDir, 'postgresql.conf'), `\n${lines.join('\n')}\n`);
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    appendFileSync(join(dataDir, 'postgresql.conf'), `port = ${port}\n`);
    // pg_ctl waits for the word "ready" in postmaster.pid, so no other server on that port can be mistaken for ours.
    const { code, output } = await run('pg_ctl', [
      ...['start', '-D', dataDir, '-l', logFile, '-w', '-s', '-t', String(START_SECONDS)],
    ]);
    if (code === 0) return port;
    const log = existsSync(logFile) ? readFileSync(logFile, 'utf8') : '';
    const portTaken = log.includes('Address already in use') || log.includes('lock file');
    if (!portTaken || attempt === PORT_ATTEMPTS)
      throw startFailed('the server did not start', `${output}\n${log}`);
    rmSync(logFile, { force: true });
  }
}

async function stopServer(run: Run, dataDir: string, dir: string): Promise<void> {
  if (existsSync(join(dataDir, 'postmaster.pid'))) {
    const fast = await run('pg_ctl', ['stop', '-D', dataDir, '-m', 'fast', '-w', '-s', '-t', '10']);
    if (fast.code !== 0)
      await run('pg_ctl', ['stop', '-D', dataDir, '-m', 'immediate', '-w', '-s', '-t', '10']);
  }
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
}

/** A port that was free a moment ago. */
function runProgram(
  file: string,
  args: readonly string[],
  cwd: string,
  user: ServerUser | undefined,
): Promise<{ code: number; output: string }> {
  // A clean environment: PGDATA, PGPORT and locale settings of the caller must not reach the server.
  const env = { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC' };
  return new Promise((resolve) => {
    execFile(file, [...args], { cwd, env, ...user }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({
        code,
        output: `${stdout}${stderr}${error !== null && code === 1 ? error.message : ''}`.trim(),
      });
    });
  });
}

function startFailed(message: string, output: string): Internal {
  return new Internal('postgres_start_failed', `sample PostgreSQL: ${message}`, {
    why: output.trim().split('\n').slice(-6).join('\n'),
  });
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= work();
    return running;
  };
}
