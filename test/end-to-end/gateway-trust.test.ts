import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { issueCertificate } from '../servers/certificates.ts';
import { connectClient } from '../servers/governed-shop.ts';
import { Hoopctl } from '../servers/hoopctl.ts';
import { openTeamGateway, startGateway, type TeamGateway } from '../servers/team-gateway.ts';
import { startTunnelProxy, type TunnelProxy } from '../servers/tunnel-proxy.ts';
import { startWorkloadIssuer } from '../servers/workload-issuer.ts';

let team: TeamGateway;
let proxy: TunnelProxy;

beforeAll(async () => {
  proxy = await startTunnelProxy();
  const way = { HTTPS_PROXY: `http://user:secret@127.0.0.1:${proxy.port}` };
  team = await openTeamGateway(undefined, {}, ({ certFile }) => ({ ...way, NODE_EXTRA_CA_CERTS: certFile }));
}, 60_000);
afterAll(async () => {
  proxy.close();
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
  const authorization = `Basic ${Buffer.from('user:secret').toString('base64')}`;
  const env = () => ({ HTTPS_PROXY: `http://user:secret@127.0.0.1:${proxy.port}` });
  const since = (before: number) => new Set(proxy.tunnels.slice(before).map(({ to }) => to));

  test('to a gateway an HTTP proxy is used, unless it is excepted or on this machine', async () => {
    const devin = team.machine();
    const { port } = { port: team.gateway.ports.api };
    // A name that only the proxy knows.
    const login = ['login', `https://gateway.test:${port}`, '--ca', team.authority.certFile, '--token-stdin'];
    await devin.ok(login, { stdin: `${team.shop.devin}\n`, env: env() });
    const before = proxy.tunnels.length;
    expect((await devin.run(['exec', 'prod-db', '-c', 'select 1'], { env: env() })).code).toBe(0);
    // One for each call, one for the connection to the database.
    expect(proxy.tunnels.length).toBeGreaterThanOrEqual(before + 2);
    expect(new Set(proxy.tunnels.map(({ authorization: shown }) => shown))).toEqual(new Set([authorization]));
    expect(since(before)).toEqual(new Set([`gateway.test:${port}`]));
    const later = proxy.tunnels.length;
    expect((await devin.run(['whoami'], { env: { ...env(), NO_PROXY: 'a.example,.test' } })).code).toBe(3);
    expect((await team.devin.hoopctl.run(['whoami'], { env: env() })).code).toBe(0);
    expect(proxy.tunnels.length).toBe(later);
    const gone = await devin.run(['whoami'], { env: { HTTPS_PROXY: 'http://user:secret@127.0.0.1:1' } });
    expect(gone.code).toBe(3);
    expect(gone.stderr).not.toContain('secret');
  });

  test('to issuers and webhooks a gateway uses it as well, and so does who signs in there', async () => {
    const { cert, key } = issueCertificate(dirname(team.config), team.authority, 'ci.test', ['DNS:ci.test']);
    const issuer = await startWorkloadIssuer({ tls: { host: 'ci.test', cert, key } });
    const { hoopctl } = team.shop;
    await hoopctl.applyPolicy(`version: 1
identity:
  issuers:
    - name: ci
      issuer: ${issuer.issuer}
      domain: ci
      audiences: [hoopctl]
      identities: [{match: {job: deploy}, kind: machine, name: deploy@ci, subject: "{job}"}]
rules: [{name: reads, effects: [read], decision: allow}]
`);
    const place = new URL(issuer.issuer).host;
    try {
      const before = proxy.tunnels.length;
      const job = team.machine();
      const token = await issuer.token({ sub: 'job 1', job: 'deploy' }, 'hoopctl');
      await job.ok(['login', team.url, '--ca', team.authority.certFile, '--token-stdin'], {
        stdin: `${token}\n`,
      });
      expect(since(before)).toEqual(new Set([place]));

      const middle = proxy.tunnels.length;
      await hoopctl.ok(['webhook', 'add', 'far', '--url-stdin'], { stdin: `${issuer.issuer}/hook\n` });
      expect((await hoopctl.run(['webhook', 'test', 'far'])).stderr).toContain('it answered 401');
      expect(since(middle)).toEqual(new Set([place]));

      const late = proxy.tunnels.length;
      const words = ['login', '--issuer', 'ci', '--client-id', 'job', '--client-secret-stdin'];
      const more = { ...env(), NODE_EXTRA_CA_CERTS: team.authority.certFile };
      const refused = await job.run(words, { stdin: 'a secret\n', env: more });
      expect(refused.code).not.toBe(0);
      expect(since(late)).toEqual(new Set([place]));
    } finally {
      issuer.close();
    }
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
