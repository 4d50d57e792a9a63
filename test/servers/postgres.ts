import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type SamplePostgres, startSamplePostgres } from '../../src/demo/sample-postgres.ts';
import { type Certificate, issueCertificate, makeAuthority } from './certificates.ts';

export type Row = Record<string, unknown>;

export interface PostgresOptions {
  /** `debian` is the newest system installation, `embedded` the one from npm. Default: debian, else embedded. */
  readonly version?: 'debian' | 'embedded';
  /** A server certificate for localhost and 127.0.0.1 by a new authority; plaintext stays possible unless `hba` forbids it. */
  readonly tls?: boolean;
  /** Lines of pg_hba.conf instead of SCRAM for everyone. */
  readonly hba?: readonly string[];
  /** Lines of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface TestPostgres {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly socketDir: string;
  readonly superuser: 'postgres';
  readonly password: string;
  /** Process of the server, for tests that freeze (SIGSTOP) or kill it. */
  readonly pid: number;
  /** Major version. */
  readonly version: number;
  readonly dataDir: string;
  readonly logFile: string;
  /** The authority that signed the server's certificate; only with `tls`. */
  readonly caFile?: string;
  url(user?: string, password?: string, database?: string): string;
  /** Runs one or more statements as superuser on its own connection; rows of the last one. */
  query(sql: string, database?: string): Promise<Row[]>;
  /** Makes a login role with a password (stored as `password_encryption` says) and further words such as `SUPERUSER`. */
  createRole(name: string, password: string, words?: string): Promise<void>;
  /** A client certificate for `user` (only with `tls`; `clientcert`/`cert` in hba lines). */
  clientCertificate(user: string): Certificate;
  stop(): Promise<void>;
}

/** Servers that a test file forgot, or could not stop since its worker ended early. */
const running = new Set<number>();
process.once('exit', () => {
  for (const pid of running) {
    try {
      process.kill(pid, 'SIGQUIT');
    } catch {
      // It is gone already.
    }
  }
});

/** Starts a real server of its own on a free loopback port. Settles once it takes connections. */
export async function startPostgres(options: PostgresOptions = {}): Promise<TestPostgres> {
  const tls = options.tls ? tlsFiles() : undefined;
  const server = await startSamplePostgres({
    prefer:
      options.version === 'debian'
        ? ['system']
        : options.version === 'embedded'
          ? ['embedded']
          : ['system', 'embedded'],
    settings: { ...tls?.settings, ...options.settings },
    ...(options.hba ? { hba: options.hba } : {}),
    ...(tls ? { files: tls.files } : {}),
  });
  running.add(server.pid);
  const query = (sql: string, database = 'postgres') => queryOnce(server, sql, database);
  return {
    ...pick(server),
    superuser: 'postgres',
    ...(tls ? { caFile: tls.authority.certFile } : {}),
    url: (user = 'postgres', password = server.password, database = 'postgres') =>
      `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${server.host}:${server.port}/${encodeURIComponent(database)}`,
    query,
    async createRole(name, password, words = '') {
      await query(
        `CREATE ROLE ${pg.escapeIdentifier(name)} LOGIN PASSWORD ${pg.escapeLiteral(password)} ${words}`,
      );
    },
    clientCertificate(user) {
      if (tls === undefined) throw new Error('clientCertificate needs a server started with tls: true');
      return issueCertificate(tls.dir, tls.authority, user, []);
    },
    async stop() {
      await server.stop();
      running.delete(server.pid);
      if (tls) rmSync(tls.dir, { recursive: true, force: true });
    },
  };
}

function pick(server: SamplePostgres) {
  const { host, port, socketDir, password, pid, version, dataDir, logFile } = server;
  return { host, port, socketDir, password, pid, version, dataDir, logFile };
}

async function queryOnce(server: SamplePostgres, sql: string, database: string): Promise<Row[]> {
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    user: 'postgres',
    password: server.password,
    database,
  });
  await client.connect();
  try {
    const result: pg.QueryResult<Row> | pg.QueryResult<Row>[] = await client.query<Row>(sql);
    return Array.isArray(result) ? (result.at(-1)?.rows ?? []) : result.rows;
  } finally {
    await client.end();
  }
}

function tlsFiles() {
  const dir = mkdtempSync(join(tmpdir(), 'hoopctl-tls-'));
  const authority = makeAuthority(dir);
  const server = issueCertificate(dir, authority, 'localhost', ['DNS:localhost', 'IP:127.0.0.1']);
  return {
    dir,
    authority,
    files: { 'server.key': server.key, 'server.crt': server.cert, 'ca.crt': authority.cert },
    settings: { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key', ssl_ca_file: 'ca.crt' },
  };
}
