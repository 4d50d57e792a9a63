import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectClient } from '../servers/governed-shop.ts';
import { Hoopctl } from '../servers/hoopctl.ts';
import { openTeamGateway, startGateway, type TeamGateway } from '../servers/team-gateway.ts';

let team: TeamGateway;

beforeAll(async () => {
  team = await openTeamGateway();
}, 60_000);
afterAll(async () => {
  await team.stop();
});

describe('trust in a gateway', () => {
  test('is not given to an unknown certificate: its fingerprint is shown, nothing is sent', async () => {
    const { code, stderr } = await team.machine().run(['login', team.url, '--token-stdin'], {
      stdin: `${team.shop.devin}\n`,
    });
    expect(code).toBe(3);
    expect(stderr).toContain(team.gateway.fingerprint.replaceAll(/(..)(?!$)/g, '$1:').toUpperCase());
  });

  test('by fingerprint holds for that certificate alone', async () => {
    const devin = team.machine();
    const wrong = await devin.run(['login', team.url, '--fingerprint', 'ab'.repeat(32), '--token-stdin'], {
      stdin: `${team.shop.devin}\n`,
    });
    expect(wrong.code).toBe(3);
    expect(wrong.stderr).toContain('another certificate');
    await devin.ok(['login', team.url, '--fingerprint', team.gateway.fingerprint, '--token-stdin'], {
      stdin: `${team.shop.devin}\n`,
    });
    expect((await devin.run(['exec', 'prod-db', '-c', 'select 1'])).code).toBe(0);
  });

  test('by an authority does not hold for another host', async () => {
    const { code, stderr } = await team
      .machine()
      .run(
        [
          'login',
          team.url.replace('localhost', '127.0.0.2'),
          '--ca',
          team.authority.certFile,
          '--token-stdin',
        ],
        { stdin: `${team.shop.devin}\n` },
      );
    expect(code).toBe(3);
    expect(stderr).toMatch(/another host|ECONNREFUSED/);
  });

  test('may come from the environment, for jobs that keep nothing', async () => {
    const env = { HOOPCTL_GATEWAY: team.url, HOOPCTL_GATEWAY_CA: team.authority.certFile };
    const job = team.machine();
    const { code, stdout } = await job.run(['exec', 'prod-db', '-c', 'select 41 + 1 as n'], {
      env,
      token: team.shop.devin,
    });
    expect({ code, has: stdout.includes('42') }).toEqual({ code: 0, has: true });
    expect((await job.run(['whoami'], { env })).code).toBe(4);
    expect((await job.run(['whoami'], { env: { HOOPCTL_GATEWAY: 'nowhere' } })).code).toBe(9);
  });
});

describe('contexts', () => {
  test('are chosen, listed and removed; local is always there', async () => {
    const devin = team.machine();
    const login = ['--ca', team.authority.certFile, '--token-stdin'];
    await devin.ok(['login', team.url, '--name', 'team', ...login], { stdin: `${team.shop.devin}\n` });
    await devin.ok(['context', 'use', 'local']);
    const names = async () =>
      (await devin.json<{ contexts: { name: string; inUse: boolean }[] }>(['context', 'list'])).contexts.map(
        ({ name, inUse }) => (inUse ? `*${name}` : name),
      );
    expect(await names()).toEqual(['*local', 'team']);
    await devin.ok(['context', 'use', 'team']);
    expect((await devin.run(['whoami'])).code).toBe(0);
    await devin.ok(['context', 'remove', 'team', '--yes']);
    expect(await names()).toEqual(['*local']);
    expect((await devin.run(['context', 'use', 'team'])).code).toBe(9);
    expect((await devin.run(['context', 'remove', 'local', '--yes'])).code).toBe(2);
  });
});

describe('on the way', () => {
  test('an HTTP proxy is used, unless it is excepted', async () => {
    const tunnels: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (asked, socket, head: Buffer) => {
      tunnels.push(`${asked.url} ${asked.headers['proxy-authorization'] ?? ''}`.trim());
      const [host = '', port] = (asked.url ?? '').split(':');
      const onward = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        onward.write(head);
        onward.pipe(socket).pipe(onward);
      });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const { port } = proxy.address() as AddressInfo;
    const env = { HTTPS_PROXY: `http://user:secret@127.0.0.1:${port}` };
    const through = await team.devin.hoopctl.run(['exec', 'prod-db', '-c', 'select 1'], { env });
    expect(through.code).toBe(0);
    // One for each call, one for the connection to the database.
    expect(tunnels.length).toBeGreaterThanOrEqual(2);
    expect(new Set(tunnels)).toEqual(
      new Set([`localhost:${team.gateway.ports.api} Basic ${Buffer.from('user:secret').toString('base64')}`]),
    );
    const before = tunnels.length;
    expect(
      (await team.devin.hoopctl.run(['whoami'], { env: { ...env, NO_PROXY: 'example.com,localhost' } })).code,
    ).toBe(0);
    expect(tunnels.length).toBe(before);
    proxy.close();
    proxy.closeAllConnections();
    const gone = await team.devin.hoopctl.run(['whoami'], { env });
    expect(gone.code).toBe(3);
    expect(gone.stderr).not.toContain('secret');
  });
});

describe('a gateway that is told to stop', () => {
  test('lets open sessions end, takes no new ones, says so, and ends in time', async () => {
    const hoopctl = await Hoopctl.initialised();
    const config = join(hoopctl.home, '..', 'gateway.yaml');
    writeFileSync(
      config,
      readFileSync(team.config, 'utf8').replace(
        'key: localhost.key',
        `key: ${join(team.config, '..', 'localhost.key')}`,
      ),
    );
    await hoopctl.ok(['daemon', 'stop']);
    const served = await startGateway(hoopctl, config);
    expect(await served.stop()).toBe(0);
    await hoopctl.close();
  });

  test('keeps a session that is open until its client ends it', async () => {
    let said = '';
    const printed = Promise.withResolvers<string>();
    const proxy = team.devin.hoopctl.run(['proxy', 'prod-db'], {
      onOutput(stream, text) {
        said += text;
        if (stream === 'stdout') printed.resolve(text.trim());
      },
    });
    const { client } = await connectClient(await printed.promise);
    team.gateway.child.kill('SIGTERM');
    await team.gateway.logged('gateway.draining');
    await expect.poll(() => said, { timeout: 10_000 }).toContain('the gateway stops');
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    const ready = await new Promise<number>((resolve) => {
      request({ host: '127.0.0.1', port: team.gateway.ports.metrics, path: '/readyz' }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      })
        .on('error', () => resolve(0))
        .end();
    });
    // Its loopback listener is closed already, or says that it is not ready.
    expect([0, 503]).toContain(ready);
    const late = await team.devin.hoopctl.run(['exec', 'prod-db', '-c', 'select 1']);
    // As one that cannot be reached: a pipeline may try again.
    expect(late.code).toBe(3);
    expect(late.stderr).toMatch(/stopping and takes no new sessions/);
    await client.end();
    expect(await team.gateway.ended).toBe(0);
    expect((await proxy).code).toBe(3);
  });
});
