import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  cancelRequest,
  PROTOCOL_3_0,
  startupMessage,
} from '../../src/protocols/postgres/codec/startup-packet.ts';
import { CARD_NUMBER } from '../servers/governed-shop.ts';
import { psql, run } from '../servers/psql.ts';
import { openTeamGateway, type TeamGateway } from '../servers/team-gateway.ts';

let team: TeamGateway;
let port: number;

beforeAll(async () => {
  team = await openTeamGateway('limits: {failed_logins: 200}\n');
  port = team.gateway.ports.postgres ?? 0;
}, 60_000);
afterAll(() => team.stop());

interface Credential {
  readonly id: string;
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly expiresAt: string;
}

const credential = (...flags: string[]) =>
  team.devin.hoopctl.json<Credential>(['credential', 'prod-db', ...flags]);

const url = (user: string, database = 'prod-db', mode = 'verify-full') =>
  `postgresql://${user}@localhost:${port}/${database}?sslmode=${mode}`;

const env = (password: string) => ({ PGPASSWORD: password, PGSSLROOTCERT: team.authority.certFile });

const client = (more: pg.ClientConfig) =>
  new pg.Client({
    host: 'localhost',
    port,
    database: 'prod-db',
    ssl: { ca: team.authority.cert },
    ...more,
  });

describe('a client without hoopctl', () => {
  test('comes in with its token as the password, and is governed as ever', async () => {
    const read = await psql(url('anyone'), ['-Atc', 'select card_number from customers where id = 1'], {
      env: env(team.shop.devin),
    });
    expect(read).toMatchObject({ code: 0, stderr: '' });
    expect(read.stdout.trim()).toMatch(/^[* ]+4242$/);
    expect(read.stdout).not.toContain(CARD_NUMBER);
    const drop = await psql(url('anyone'), ['-c', 'drop table customers'], { env: env(team.shop.devin) });
    expect(drop.stderr).toContain('blocked by rule "no-destructive-ddl"');
  });

  test('proves a short-lived password by SCRAM, bound to the channel', async () => {
    const made = await credential();
    const { code, stdout } = await psql(`${url(made.user)}&channel_binding=require`, ['-Atc', 'select 7'], {
      env: env(made.password),
    });
    expect({ code, stdout: stdout.trim() }).toEqual({ code: 0, stdout: '7' });
  });

  test('takes the printed URL as it is', async () => {
    const made = await credential();
    const printed = new URL(made.url);
    expect(printed.searchParams.get('sslmode')).toBe('verify-full');
    expect(printed.pathname).toBe('/prod-db');
    const { code, stderr } = await psql(made.url, ['-c', 'select 1']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const driver = new pg.Client(made.url);
    await driver.connect();
    await driver.end();
  });

  test('may be node-postgres, by token and by short-lived password', async () => {
    const made = await credential();
    for (const login of [
      { user: 'devin', password: team.shop.devin },
      { user: made.user, password: made.password },
      // As a name of the user's own, the password is shown, not proved.
      { user: 'somebody', password: made.password },
    ]) {
      const one = client(login);
      await one.connect();
      expect((await one.query('select count(*)::int as n from customers')).rows).toEqual([{ n: 2 }]);
      await one.end();
    }
  });

  test('may be psycopg2', async () => {
    const made = await credential();
    const script = `
import os, psycopg2
c = psycopg2.connect(host='localhost', port=${port}, dbname='prod-db', user='${made.user}',
                     password=os.environ['PGPASSWORD'], sslmode='verify-full', sslrootcert='${team.authority.certFile}')
k = c.cursor()
k.execute('select id, card_number from customers order by id')
print(k.fetchall())
`;
    const { code, stdout, stderr } = await run('/usr/bin/python3', ['-c', script], {
      env: env(made.password),
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toContain(CARD_NUMBER);
  });

  test('may begin TLS at once, with the name of the protocol', async () => {
    const direct = (ALPNProtocols: string[]) =>
      connectTls({
        host: 'localhost',
        port,
        ca: team.authority.cert,
        servername: 'localhost',
        ALPNProtocols,
      });
    const socket = direct(['postgresql']);
    await once(socket, 'secureConnect');
    socket.write(
      startupMessage(PROTOCOL_3_0, [
        ['user', 'devin'],
        ['database', 'prod-db'],
      ]),
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    // AuthenticationCleartextPassword.
    expect(answer.toString('hex')).toBe('520000000800000003');
    socket.destroy();
  });

  test('is asked for no password before the connection is encrypted', async () => {
    const refused = await psql(url('devin', 'prod-db', 'disable'), ['-c', 'select 1'], {
      env: env(team.shop.devin),
    });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('encrypted connections only');
    expect(refused.stderr).toContain('sslmode=verify-full');
    const socket = connectTcp(port, '127.0.0.1');
    socket.write(
      startupMessage(PROTOCOL_3_0, [
        ['user', 'devin'],
        ['database', 'prod-db'],
      ]),
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(String.fromCharCode(answer[0] ?? 0)).toBe('E');
    socket.destroy();
  });

  test('learns nothing with a wrong password, and nothing of other connections', async () => {
    const made = await credential();
    const wrong = [
      ['devin', 'prod-db', 'hpt_wrong'],
      ['devin', 'prod-db', `hpw_${'A'.repeat(43)}`],
      [made.user, 'prod-db', `hpw_${'A'.repeat(43)}`],
      [made.user, 'no-such-db', made.password],
      ['devin', 'no-such-db', made.password],
      ['pw-000000000000000000', 'prod-db', made.password],
    ] as const;
    for (const [user, database, password] of wrong) {
      const { code, stderr } = await psql(url(user, database), ['-c', 'select 1'], { env: env(password) });
      expect(code).toBe(2);
      expect(stderr).toContain(`password authentication failed for user "${user}"`);
    }
    const known = await psql(url('devin', 'no-such-db'), ['-c', 'select 1'], { env: env(team.shop.devin) });
    expect(known.stderr).toContain('database "no-such-db" does not exist');
  });

  test('may not go where the policy lets it do nothing', async () => {
    const { stderr } = await psql(url('ana'), ['-c', 'select 1'], { env: env(team.shop.ana) });
    expect(stderr).toContain('the policy lets ana do nothing on prod-db');
  });

  test('cancels what runs, by a request in the clear as clients send it', async () => {
    const one = client({ user: 'devin', password: team.shop.devin });
    await one.connect();
    const { processID, secretKey } = one as unknown as { processID: number; secretKey: number };
    const secret = Buffer.alloc(4);
    secret.writeInt32BE(secretKey);
    const asking = setInterval(() => {
      const socket = connectTcp(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.end(cancelRequest(processID, secret));
    }, 200);
    await expect(one.query('select count(*) from generate_series(1, 1000000000)')).rejects.toMatchObject({
      code: '57014',
    });
    clearInterval(asking);
    await one.end();
  });
});

describe('a short-lived password', () => {
  test('ends its sessions when it is revoked, and works no more', async () => {
    const made = await credential('--ttl', '10m');
    const one = client({ user: made.user, password: made.password });
    const ended = new Promise<string>((resolve) => one.on('error', (error) => resolve(error.message)));
    await one.connect();
    const revoked = await team.devin.hoopctl.json<{ cutSessions: number }>([
      'credential',
      '--revoke',
      made.id,
    ]);
    expect(revoked.cutSessions).toBe(1);
    expect(await ended).toMatch(/revoked|terminat/i);
    await expect(client({ user: made.user, password: made.password }).connect()).rejects.toThrow(/password/);
    const { credentials } = await team.devin.hoopctl.json<{ credentials: { id: string; status: string }[] }>([
      'credential',
      '--list',
    ]);
    expect(credentials.find(({ id }) => id === made.id)?.status).toBe('revoked');
  });

  test('ends its sessions when it expires', async () => {
    const made = await credential('--ttl', '2s');
    const one = client({ user: made.user, password: made.password });
    const ended = new Promise<string>((resolve) => one.on('error', (error) => resolve(error.message)));
    await one.connect();
    expect(await ended).toMatch(/expired|terminat/i);
    await expect(client({ user: made.user, password: made.password }).connect()).rejects.toThrow(/password/);
  });

  test('is made for connections one may open, by those who may, and no longer than half a day', async () => {
    expect((await team.ana.hoopctl.run(['credential', 'prod-db'])).code).toBe(5);
    expect((await team.devin.hoopctl.run(['credential', 'prod-db', '--ttl', '13h'])).code).toBe(5);
    expect((await team.devin.hoopctl.run(['credential', 'no-such'])).code).toBe(9);
    const made = await credential();
    expect((await team.ana.hoopctl.run(['credential', '--revoke', made.id])).code).toBe(9);
  });

  test('stands in the audit log by its id, never itself; so do failed logins', async () => {
    const made = await credential();
    await psql(url('mallory'), ['-c', 'select 1'], { env: env('hpt_guess') });
    const { stdout } = await team.shop.hoopctl.ok(['audit', 'export']);
    expect(stdout).toContain(`"password":"${made.id}"`);
    expect(stdout).not.toContain(made.password);
    expect(stdout).toContain('"native":"postgres"');
    expect(stdout).toContain('"user":"mallory"');
  });
});
