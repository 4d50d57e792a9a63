import { existsSync, readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startPostgres, type TestPostgres } from './postgres.ts';

describe.each(['debian', 'embedded'] as const)('the %s test server', (version) => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres({ version });
  });
  afterAll(() => server.stop());

  test('answers as superuser and speaks of its version', async () => {
    const rows = await server.query('select 1; select current_user as name, inet_server_port() as port');
    expect(rows).toEqual([{ name: 'postgres', port: server.port }]);
    expect(server.version).toBeGreaterThanOrEqual(13);
  });

  test('asks for the password by SCRAM', async () => {
    await server.createRole('app', 'right');
    const wrong = new pg.Client({ connectionString: server.url('app', 'wrong') });
    await expect(wrong.connect()).rejects.toMatchObject({ code: '28P01' });
    const [row] = await server.query("select rolpassword from pg_authid where rolname = 'app'");
    expect(row?.rolpassword).toMatch(/^SCRAM-SHA-256\$/);
  });
});

test('a server with TLS proves itself by its authority and takes client certificates', async () => {
  const server = await startPostgres({
    tls: true,
    hba: [
      'local all all trust',
      'hostssl all machine 127.0.0.1/32 cert',
      'host all all 127.0.0.1/32 scram-sha-256',
    ],
  });
  try {
    await server.query('create role machine login');
    const { key, cert } = server.clientCertificate('machine');
    const ca = readFileSync(server.caFile ?? '', 'utf8');
    const client = new pg.Client({
      connectionString: server.url('machine', '', 'postgres'),
      ssl: { ca, key, cert },
    });
    await client.connect();
    const { rows } = await client.query(
      'select ssl, client_dn from pg_stat_ssl where pid = pg_backend_pid()',
    );
    await client.end();
    expect(rows).toEqual([{ ssl: true, client_dn: '/CN=machine' }]);
  } finally {
    await server.stop();
  }
  expect(existsSync(server.dataDir)).toBe(false);
});

test('two servers started at once live side by side', async () => {
  const servers = await Promise.all([startPostgres(), startPostgres()]);
  const ports = await Promise.all(servers.map((server) => server.query('select inet_server_port() as port')));
  await Promise.all(servers.map((server) => server.stop()));
  expect(ports.map((rows) => rows[0]?.port)).toEqual(servers.map((server) => server.port));
});
