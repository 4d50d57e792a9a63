import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Hoopctl } from '../servers/hoopctl.ts';
import type { TestPostgres } from '../servers/postgres.ts';

/** One way from pgbench to the server. */
export interface Path {
  readonly name: 'direct' | 'pgbouncer' | 'relay' | 'gateway';
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  close(): Promise<void>;
}

export const ROLE = { user: 'bench', password: 'bench-password', database: 'postgres' } as const;
/**
 * As the gateway's daemon is: in a session of its own. Linux shares the processors out between sessions first
 * (sched(7), autogroup), so what ran in that of pgbench would be given its share as well.
 */
const DAEMON = true;
const RELAY = fileURLToPath(new URL('./relay.mjs', import.meta.url));

/** Reads allowed, masks by column and by detector on, as in production. */
const POLICY = `version: 1
default: block
rules:
  - name: reads
    effects: [read, session]
    decision: allow
masks:
  - name: filler
    columns: ["public.pgbench_accounts.filler"]
    strategy: redact
  - name: whatever-looks-secret
    detect: [credit_card, email, us_ssn, iban, api_key, jwt]
    strategy: redact
`;

export function directPath(server: TestPostgres): Path {
  return { name: 'direct', host: server.host, port: server.port, ...ROLE, close: async () => {} };
}

export async function relayPath(server: TestPostgres): Promise<Path> {
  const child = spawn(process.execPath, [RELAY, server.host, String(server.port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: DAEMON,
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    name: 'relay',
    host: '127.0.0.1',
    port: Number(line.toString()),
    ...ROLE,
    close: () => end(child),
  };
}

/** Session pooling, SCRAM on both sides, no log of connections: as it is usually put before a server. */
export async function pgbouncerPath(server: TestPostgres): Promise<Path | undefined> {
  const program = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer', '/opt/homebrew/bin/pgbouncer'].find(
    existsSync,
  );
  if (program === undefined) return undefined;
  const dir = mkdtempSync(join(tmpdir(), 'hoopctl-bouncer-'));
  const port = await freePort();
  writeFileSync(join(dir, 'users.txt'), `"${ROLE.user}" "${ROLE.password}"\n`);
  writeFileSync(
    join(dir, 'pgbouncer.ini'),
    `[databases]
${ROLE.database} = host=${server.host} port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${join(dir, 'users.txt')}
pool_mode = session
max_client_conn = 100
default_pool_size = 50
log_connections = 0
log_disconnections = 0
ignore_startup_parameters = extra_float_digits
`,
  );
  chmodSync(dir, 0o755);
  // Like PostgreSQL it refuses to run as root.
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const child = spawn(program, ['-q', ...user, join(dir, 'pgbouncer.ini')], {
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: DAEMON,
  });
  await untilListening(port, child);
  const close = async () => {
    await end(child);
    rmSync(dir, { recursive: true, force: true });
  };
  return { name: 'pgbouncer', host: '127.0.0.1', port, ...ROLE, close };
}

/** The product: daemon, policy with masks, recording, audit log. */
export async function gatewayPath(server: TestPostgres): Promise<Path> {
  const hoopctl = await Hoopctl.initialised();
  const url = `postgres://${ROLE.user}@${server.host}:${server.port}/${ROLE.database}`;
  await hoopctl.addConnection('bench', url, ROLE.password);
  await hoopctl.applyPolicy(POLICY);
  const proxy = await hoopctl.proxy('bench');
  const { host, port, user, password, database } = proxy;
  return { name: 'gateway', host, port, user, password, database, close: () => hoopctl.close() };
}

async function end(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  child.kill('SIGINT');
  await closed;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** PgBouncer says nothing when it is ready, so we knock until it opens or ends. */
async function untilListening(port: number, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.once('error', () => resolve(false)).once('connect', () => socket.end());
    });
    if (open) return;
    if (child.exitCode !== null || Date.now() > deadline) throw new Error('pgbouncer did not start');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
