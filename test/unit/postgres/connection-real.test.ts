import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { testConnection } from '../../../src/protocols/postgres/connection-test.ts';
import { parseConnection } from '../../../src/protocols/postgres/connection-url.ts';
import { connectTarget, type TargetConnection } from '../../../src/protocols/postgres/target-side.ts';
import { simpleQuery } from '../../../src/protocols/postgres/target-side-query.ts';
import { startPostgres, type TestPostgres } from '../../servers/postgres.ts';

const clock = systemClock;
const opened: TargetConnection[] = [];

async function open(url: string, parameters = new Map<string, string>()): Promise<TargetConnection> {
  const { settings, secret } = parseConnection(url);
  const connection = await connectTarget(settings, secret, { clock, parameters });
  opened.push(connection);
  return connection;
}

describe.each(['debian', 'embedded'] as const)(
  'a real server (%s) with TLS and every way to log in',
  (version) => {
    let server: TestPostgres;
    const url = (user: string, password: string, query = '') =>
      `postgres://${user}${password === '' ? '' : `:${password}`}@localhost:${server.port}/postgres?${query}`;

    beforeAll(async () => {
      server = await startPostgres({
        version,
        tls: true,
        hba: [
          'local all clear password',
          'local all all scram-sha-256',
          'hostssl all machine all cert',
          'hostssl all encrypted all scram-sha-256',
          'host all encrypted all reject',
          'hostnossl all plain all scram-sha-256',
          'host all plain all reject',
          'host all old all md5',
          'host all clear all password',
          'host all trusted all trust',
          'host all all all scram-sha-256',
        ],
      });
      await server.createRole('app', 'right');
      await server.createRole('clear', 'right');
      await server.createRole('encrypted', 'right');
      await server.createRole('plain', 'right');
      await server.query('CREATE ROLE machine LOGIN; CREATE ROLE trusted LOGIN');
      await server.query("SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD 'right'");
    });
    afterAll(async () => {
      for (const connection of opened) connection.socket.destroy();
      await server.stop();
    });

    const user = async (connection: TargetConnection) =>
      (await simpleQuery(connection, 'SELECT current_user'))[0]?.[0];

    test('SCRAM without TLS', async () => {
      const connection = await open(url('app', 'right', 'sslmode=disable'));
      expect(connection.tls).toBeNull();
      expect(connection.processId).toBeGreaterThan(0);
      expect(connection.secretKey).toHaveLength(4);
      expect(connection.serverVersion).toMatch(/^\d+\.\d+/);
      expect(connection.serverParameters.get('client_encoding')).toBe('UTF8');
      expect(await user(connection)).toBe('app');
    });

    test('SCRAM bound to the TLS channel', async () => {
      const connection = await open(url('app', 'right', 'sslmode=require&channel_binding=require'));
      expect(connection.tls).toBe('TLSv1.3');
      expect(await user(connection)).toBe('app');
    });

    test('md5, where the role has such a password', async () => {
      expect(await user(await open(url('old', 'right', 'sslmode=disable')))).toBe('old');
      const strict = open(url('old', 'right', 'require_auth=scram-sha-256'));
      await expect(strict).rejects.toMatchObject({ code: 'target_authentication_weak' });
    });

    test('a password in clear goes over TLS and Unix sockets only', async () => {
      expect(await user(await open(url('clear', 'right', 'sslmode=require')))).toBe('clear');
      const socket = encodeURIComponent(server.socketDir);
      expect(await user(await open(`postgres://clear:right@${socket}:${server.port}/postgres`))).toBe(
        'clear',
      );
      await expect(open(url('clear', 'right', 'sslmode=disable'))).rejects.toMatchObject({
        kind: 'not-permitted',
        code: 'target_authentication_weak',
      });
    });

    test('trust is taken unless require_auth says otherwise', async () => {
      expect(await user(await open(url('trusted', '')))).toBe('trusted');
      await expect(open(url('trusted', '', 'require_auth=!none'))).rejects.toMatchObject({
        code: 'target_authentication_weak',
      });
    });

    test('a client certificate', async () => {
      const { certFile, keyFile } = server.clientCertificate('machine');
      const files = `sslcert=${certFile}&sslkey=${keyFile}&sslrootcert=${server.caFile}`;
      expect(await user(await open(url('machine', '', `sslmode=verify-full&${files}`)))).toBe('machine');
    });

    test('verify-full takes the right name only, verify-ca any name, and neither an unknown authority', async () => {
      const ca = `sslrootcert=${server.caFile}`;
      expect((await open(url('app', 'right', `sslmode=verify-full&${ca}`))).tls).toBe('TLSv1.3');
      const elsewhere = (mode: string, root: string) =>
        open(
          `postgres://app:right@db.example:${server.port}/postgres?hostaddr=127.0.0.1&sslmode=${mode}&${root}`,
        );
      expect((await elsewhere('verify-ca', ca)).tls).toBe('TLSv1.3');
      await expect(elsewhere('verify-full', ca)).rejects.toMatchObject({
        kind: 'not-reachable',
        code: 'target_tls_failed',
        why: expect.stringContaining('db.example'),
      });
      await expect(elsewhere('verify-full', 'sslrootcert=system')).rejects.toMatchObject({
        code: 'target_tls_failed',
        why: expect.stringMatching(/certificate/),
      });
    });

    test('prefer comes without TLS and allow comes with it where the server wants it so', async () => {
      expect((await open(url('plain', 'right', 'sslmode=prefer'))).tls).toBeNull();
      expect((await open(url('encrypted', 'right', 'sslmode=allow'))).tls).toBe('TLSv1.3');
      await expect(open(url('plain', 'right', 'sslmode=require'))).rejects.toMatchObject({
        code: 'target_authentication_failed',
        why: expect.stringContaining('28000'),
      });
    });

    test('a wrong password is not permitted, by SQLSTATE and without the password', async () => {
      const error: unknown = await open(url('app', 'wr0ng-secret')).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ kind: 'not-permitted', code: 'target_authentication_failed' });
      expect(error).toMatchObject({ why: expect.stringContaining('28P01') });
      expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('wr0ng-secret');
    });

    test('no password at all, and a database that is not there', async () => {
      await expect(open(url('app', ''))).rejects.toMatchObject({ code: 'target_password_missing' });
      const elsewhere = open(`postgres://app:right@localhost:${server.port}/nowhere`);
      await expect(elsewhere).rejects.toMatchObject({ kind: 'not-found', code: 'target_database_not_found' });
    });

    test('every host that was tried is told, and a later one is used', async () => {
      const two = (query: string) =>
        `postgres://app:right@127.0.0.1:1,/postgres?host=127.0.0.1,${encodeURIComponent('/nonexistent')}&port=1,2${query}`;
      await expect(open(two(''))).rejects.toMatchObject({
        kind: 'not-reachable',
        why: expect.stringMatching(/127\.0\.0\.1:1: connection refused.*\/nonexistent:2: no such socket/),
      });
      const second = await open(`postgres://app:right@127.0.0.1:1,127.0.0.1:${server.port}/postgres`);
      expect(second.host.port).toBe(server.port);
    });

    test('target_session_attrs picks by what the server is', async () => {
      for (const attributes of ['read-write', 'primary', 'prefer-standby', 'any']) {
        await expect(open(url('app', 'right', `target_session_attrs=${attributes}`))).resolves.toBeDefined();
      }
      for (const attributes of ['read-only', 'standby']) {
        await expect(open(url('app', 'right', `target_session_attrs=${attributes}`))).rejects.toMatchObject({
          code: 'target_wrong_kind',
          why: expect.stringContaining(attributes),
        });
      }
    });

    test('startup parameters reach the server', async () => {
      const connection = await open(
        url('app', 'right', 'options=-c%20work_mem%3D1MB'),
        new Map([
          ['TimeZone', 'Asia/Tokyo'],
          ['application_name', 'devin'],
        ]),
      );
      const sql =
        "SELECT current_setting('TimeZone'), current_setting('application_name'), current_setting('work_mem')";
      expect(await simpleQuery(connection, sql)).toEqual([['Asia/Tokyo', 'devin', '1MB']]);
    });

    test.each(['sslmode=disable', 'sslmode=require'])('cancel ends a running query (%s)', async (query) => {
      const connection = await open(url('app', 'right', query));
      const ended = expect(simpleQuery(connection, 'SELECT pg_sleep(20)')).rejects.toMatchObject({
        code: 'target_query_failed',
        why: expect.stringContaining('57014'),
      });
      const observer = await open(url('app', 'right'));
      const active = `SELECT 1 FROM pg_stat_activity WHERE pid = ${connection.processId} AND wait_event = 'PgSleep'`;
      while ((await simpleQuery(observer, active)).length === 0);
      await connection.cancel();
      await ended;
      expect(await simpleQuery(connection, 'SELECT 1')).toEqual([['1']]);
    });

    test('3.2 is asked for and the target settles what both speak', async () => {
      const connection = await open(url('app', 'right', 'max_protocol_version=3.2'));
      expect(connection.protocolMinor).toBe(version === 'embedded' ? 2 : 0);
      expect(connection.secretKey).toHaveLength(version === 'embedded' ? 32 : 4);
    });

    test('direct TLS, where the server knows it', async () => {
      const direct = open(url('app', 'right', 'sslmode=require&sslnegotiation=direct'));
      if (version === 'embedded') expect((await direct).tls).toBe('TLSv1.3');
      else await expect(direct).rejects.toMatchObject({ code: 'target_tls_failed' });
    });

    test('the report tells what the credential may do', async () => {
      const report = async (text: string) => {
        const { settings, secret } = parseConnection(text);
        return testConnection(settings, secret);
      };
      await server.query('REVOKE CREATE ON SCHEMA public FROM public; CREATE TABLE t (a int)');
      expect(await report(url('app', 'right'))).toMatchObject({
        address: `localhost:${server.port}`,
        tls: 'TLSv1.3',
        role: 'app',
        superuser: false,
        canWrite: false,
        warnings: [],
      });
      await server.query('GRANT DELETE ON t TO app; ALTER ROLE app BYPASSRLS');
      expect(await report(url('app', 'right'))).toMatchObject({
        canWrite: true,
        warnings: [expect.stringContaining('BYPASSRLS')],
      });
      const boss = await report(url('postgres', server.password));
      expect(boss).toMatchObject({ superuser: true, canWrite: true });
      expect(boss.warnings).toEqual([expect.stringContaining('superuser')]);
      expect(boss.server).toMatch(/^PostgreSQL \d+\.\d+$/);
    });
  },
);
