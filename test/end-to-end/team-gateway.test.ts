import { request } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CARD_NUMBER, connectClient } from '../servers/governed-shop.ts';
import { psql } from '../servers/psql.ts';
import { openTeamGateway, type TeamGateway } from '../servers/team-gateway.ts';

/** For what takes a command line to see. */
const PATIENCE = { timeout: 20_000 };

let team: TeamGateway;

beforeAll(async () => {
  team = await openTeamGateway();
}, 60_000);
afterAll(() => team.stop());

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

function get(path: string, token?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: 'localhost',
        port: team.gateway.ports.api,
        path,
        ca: team.authority.cert,
        agent: false,
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      },
      (answer) => {
        let body = '';
        answer.setEncoding('utf8').on('data', (text) => {
          body += text;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body, headers: answer.headers }));
      },
    );
    call.on('error', reject);
    call.end();
  });
}

describe('from another machine', () => {
  test('exec runs through the gateway, masked as there', async () => {
    const { stdout } = await team.devin.hoopctl.ok([
      'exec',
      'prod-db',
      '-c',
      'select id, card_number from customers order by id',
    ]);
    expect(stdout).toContain('4242');
    expect(stdout).not.toContain(CARD_NUMBER);
    expect(await team.devin.hoopctl.daemonPid()).toBeUndefined();
  });

  test('connect opens psql through it', async () => {
    const { stdout, code } = await team.devin.hoopctl.run([
      'connect',
      'prod-db',
      '--',
      '-Atc',
      'select count(*) from customers',
    ]);
    expect({ stdout: stdout.trim(), code }).toEqual({ stdout: '2', code: 0 });
  });

  test('proxy serves any driver; what waits is decided on a third machine', async () => {
    const proxy = await team.devin.hoopctl.proxy('prod-db');
    const { client, nextApproval } = await connectClient(proxy.url);
    const update = client.query("update customers set plan = 'team' where id = 2");
    const id = await nextApproval();
    const approved = await team.ana.hoopctl.approve(id);
    expect(approved.code).toBe(0);
    expect((await update).rowCount).toBe(1);
    await client.end();
    expect(await proxy.stop()).toBe(130);
  });

  test('a denial ends exec with 7, a blocked statement with 6', async () => {
    const waiting = team.devin.hoopctl.run([
      'exec',
      'prod-db',
      '-c',
      "update customers set plan = 'x' where id = 1",
    ]);
    let id: string | undefined;
    await expect
      .poll(async () => {
        const { approvals } = await team.ana.hoopctl.json<{ approvals: { id: string }[] }>(['approvals']);
        id = approvals[0]?.id;
        return id;
      }, PATIENCE)
      .toMatch(/^ap-/);
    expect((await team.ana.hoopctl.deny(id ?? '', 'not today')).code).toBe(0);
    expect((await waiting).code).toBe(7);
    expect((await team.devin.hoopctl.run(['exec', 'prod-db', '-c', 'drop table customers'])).code).toBe(6);
  });

  test('large results come through whole, in both directions', async () => {
    const proxy = await team.devin.hoopctl.proxy('prod-db');
    const rows = await psql(proxy.url, ['-Atc', 'select md5(i::text) from generate_series(1, 300000) i']);
    expect(rows.stdout.length).toBe(300_000 * 33);
    await proxy.stop();
  });

  test('reading verbs answer as on the machine itself', async () => {
    const here = await team.shop.hoopctl.json<{ identity: { name: string } }>(['whoami'], {
      token: team.shop.devin,
    });
    const there = await team.devin.hoopctl.json<{ identity: { name: string } }>(['whoami']);
    expect(there.identity.name).toBe(here.identity.name);
    for (const args of [
      ['session', 'list'],
      ['connection', 'list'],
      ['approvals'],
      ['policy', 'explain', '--connection', 'prod-db', 'select 1'],
    ]) {
      expect((await team.devin.hoopctl.run([...args, '--json'])).code).toBe(0);
    }
    const { sessions } = await team.devin.hoopctl.json<{ sessions: { id: string }[] }>(['session', 'list']);
    const replay = await team.devin.hoopctl.ok(['replay', sessions[0]?.id ?? '', '--no-wait']);
    expect(replay.stdout.length).toBeGreaterThan(10);
  });

  test('names are completed from there', async () => {
    const { stdout } = await team.devin.hoopctl.ok(['__complete', 'connections']);
    expect(stdout).toMatch(/^prod-db\t/);
  });

  test('the address in a session is that of the other machine, not of a socket', async () => {
    const { sessions } = await team.devin.hoopctl.json<{ sessions: { client: string }[] }>([
      'session',
      'list',
    ]);
    expect(sessions.at(-1)?.client).toMatch(/^(::ffff:)?127\.0\.0\.1/);
  });

  test('nobody gets far without a token, with a wrong one, or with the one-time token of the machine', async () => {
    for (const token of [undefined, 'hpt_wrong', 'x'.repeat(43)]) {
      expect(await get('/v1/whoami', token)).toMatchObject({ status: 401 });
    }
    const { code, stderr } = await team.devin.hoopctl.run(['whoami'], { token: 'hpt_wrong' });
    expect(code).toBe(4);
    expect(stderr).toContain('token is not known');
  });

  test('an endpoint on the gateway’s own machine is not to be had', async () => {
    const { code, stderr } = await team.shop.hoopctl.run(['exec', 'prod-db', '-c', 'select 1'], {
      token: team.shop.devin,
    });
    expect({ code, stderr }).toMatchObject({ code: 0 });
  });
});

describe('what a gateway tells of itself', () => {
  test('is its health to everybody', async () => {
    expect(await get('/healthz')).toMatchObject({ status: 200, body: 'ok\n' });
    expect(await get('/readyz')).toMatchObject({ status: 200, body: 'ready\n' });
  });

  test('is its numbers to owners, operators and auditors, without names', async () => {
    expect((await get('/metrics')).status).toBe(401);
    expect((await get('/metrics', team.shop.devin)).status).toBe(403);
    const otto = await team.shop.hoopctl.createIdentity('otto', 'auditor');
    const { status, body } = await get('/metrics', otto);
    expect(status).toBe(200);
    expect(body).toMatch(/^hoopctl_sessions_total [1-9]/m);
    expect(body).toMatch(/^hoopctl_statements_total\{decision="blocked"\} [1-9]/m);
    expect(body).toMatch(/^hoopctl_api_calls_total\{route="whoami",status="2xx"\} [1-9]/m);
    for (const word of ['devin', 'prod-db', 'customers', team.shop.devin]) expect(body).not.toContain(word);
    const local = await fetch(`http://127.0.0.1:${team.gateway.ports.metrics}/metrics`);
    expect(await local.text()).toContain('hoopctl_sessions_open');
  });

  test('is its contract to every identity', async () => {
    expect((await get('/openapi.json')).status).toBe(401);
    const { body } = await get('/openapi.json', team.shop.devin);
    expect(JSON.parse(body)).toMatchObject({ openapi: '3.1.0', paths: { '/v1/whoami': {} } });
  });
});
