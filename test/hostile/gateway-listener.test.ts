import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Client, openClient } from '../../src/api/client.ts';
import { openRelay } from '../../src/api/client-relay.ts';
import { requireGatewayConfig } from '../../src/api/gateway-config.ts';
import { relayPath } from '../../src/api/relay-path.ts';
import type { Gateway } from '../../src/daemon/gateway/gateway.ts';
import { type Cast, castOf, type Running, startDaemon } from '../unit/daemon/running.ts';

const CONFIG = `version: 1
url: https://localhost
listen: 127.0.0.1:0
tls: {self_signed: true}
drain: 1s
metrics: {listen: 127.0.0.1:0}
limits: {unauthenticated: 8, failed_logins: 1000}
`;

let running: Running;
let cast: Cast;
let gateway: Gateway;
let bootstrap: string;
/** What the one-time token got over the network while it was good. */
let early: string;
const tokens = new Map<string, string>();
const dir = mkdtempSync(join(tmpdir(), 'hoop-listener-'));

beforeAll(async () => {
  running = await startDaemon({
    home: join(dir, 'state'),
    gateway: { config: requireGatewayConfig(CONFIG, 'gateway.yaml'), base: dir },
  });
  if (running.daemon.gateway === undefined) throw new Error('no gateway');
  gateway = running.daemon.gateway;
  bootstrap = readFileSync(join(dir, 'state', 'bootstrap.token'), 'utf8').trim();
  early = await call(`GET /v1/status HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer ${bootstrap}\r\n\r\n`);
  cast = await castOf(running);
  for (const name of ['eve', 'devin-2']) {
    const { token } = await cast.owner.call('identityCreate', {
      body: { name, roles: ['requester'], groups: ['agents'] },
    });
    tokens.set(name, token);
  }
});
afterAll(async () => {
  await running.end();
  rmSync(dir, { recursive: true, force: true });
});

async function dial(): Promise<TLSSocket> {
  const socket = connectTls({ host: '127.0.0.1', port: gateway.ports.api, rejectUnauthorized: false });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}

/** Everything a connection hears until it is closed. */
async function heard(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  await once(socket, 'close');
  return text;
}

async function call(bytes: string): Promise<string> {
  const socket = await dial();
  const answer = heard(socket);
  socket.write(bytes);
  socket.on('data', () => socket.end());
  return answer;
}

const address = () => ({
  url: `https://127.0.0.1:${gateway.ports.api}`,
  trust: { kind: 'fingerprint', sha256: gateway.fingerprint } as const,
  environment: {},
});
const clientOf = (name: string): Client => openClient({ gateway: address(), token: tokens.get(name) ?? '' });

/** A relayed endpoint; its id. */
async function openRelayed(client: Client) {
  const gone = new AbortController();
  const stream = client.stream('endpointOpen', {
    body: { connection: 'prod-db', listen: { kind: 'relay', host: '127.0.0.1', port: 1 } },
    signal: gone.signal,
  });
  const first = await stream.next();
  if (first.done || first.value.type !== 'ready') throw new Error('not ready');
  return { ...first.value, close: () => gone.abort() };
}

describe('before authentication', () => {
  test('plain HTTP gets no answer of the API', async () => {
    const socket = connectTcp(gateway.ports.api, '127.0.0.1');
    socket.on('error', () => {});
    const answer = heard(socket);
    socket.write('GET /v1/whoami HTTP/1.1\r\nHost: g\r\n\r\n');
    expect(await answer).not.toContain('HTTP/1.1 200');
  });

  test('headers over 16 KiB end the connection', async () => {
    expect(await call(`GET /v1/whoami HTTP/1.1\r\nHost: g\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 /,
    );
  });

  test('a body is not waited for', async () => {
    const answer = await call(
      'POST /v1/connections HTTP/1.1\r\nHost: g\r\nContent-Length: 1000000000\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer.toLowerCase()).toContain('connection: close');
  });

  test('the body of a public call is small', async () => {
    const body = JSON.stringify({ token: 'x'.repeat(40_000) });
    const head = `POST /v1/token-exchange HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    expect(await call(head + body)).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('two framings of one request are refused', async () => {
    const answer = await call(
      'POST /v1/token-exchange HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/whoami HTTP/1.1\r\nHost: g\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  test('a path that is none is not found, and no failure of the gateway', async () => {
    for (const path of ['//[', 'http://[', '//', '/%', 'http:///v1/whoami']) {
      const asked = `GET ${path} HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer ${tokens.get('eve')}\r\n\r\n`;
      expect(await call(asked), path).toMatch(/^HTTP\/1\.1 40[04] /);
    }
    expect(readFileSync(join(dir, 'state', 'logs', 'daemon.log'), 'utf8')).not.toContain('api.failed');
  });

  test('a page of another site in somebody’s browser gets nothing, with a token or without', async () => {
    const marks = ['Origin: https://evil.example', 'Sec-Fetch-Site: cross-site', 'Origin: null'];
    const paths = ['/v1/whoami', '/v1/sign-in', '/openapi.json', '/metrics', relayPath('ep-1')];
    for (const [i, path] of paths.entries()) {
      const upgrade = path.includes('ep-1') ? 'Upgrade: websocket\r\nConnection: Upgrade\r\n' : '';
      const head = `GET ${path} HTTP/1.1\r\nHost: g\r\n${upgrade}${marks[i % 3]}\r\n`;
      const answer = await call(`${head}Authorization: Bearer ${tokens.get('eve')}\r\n\r\n`);
      expect(answer, path).toMatch(/^HTTP\/1\.1 403 /);
      expect(answer).toContain('"cross_site"');
    }
  });

  test('but a SAML provider’s answer comes from its site, by somebody’s browser', async () => {
    const form =
      'POST /v1/saml/corp/acs HTTP/1.1\r\nHost: g\r\nOrigin: https://idp.example\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 14\r\n\r\nSAMLResponse=x';
    expect(await call(form)).toContain('hoopctl: not signed in');
  });

  test('the one-time token of a new machine opens nothing', () => {
    expect(early).toMatch(/^HTTP\/1\.1 401 /);
  });
});

describe('a relayed endpoint', () => {
  test('is its owner’s alone', async () => {
    const endpoint = await openRelayed(clientOf('devin-2'));
    await expect(openRelay(address(), tokens.get('eve') ?? '', endpoint.endpoint)).rejects.toMatchObject({
      kind: 'not-found',
    });
    await expect(openRelay(address(), 'hpt_wrong', endpoint.endpoint)).rejects.toMatchObject({
      kind: 'login-needed',
    });
    await expect(openRelay(address(), bootstrap, endpoint.endpoint)).rejects.toMatchObject({
      kind: 'login-needed',
    });
    await expect(openRelay(address(), tokens.get('devin-2') ?? '', 'ep-none')).rejects.toMatchObject({
      kind: 'not-found',
    });
    endpoint.close();
  });

  test('does not open with the token alone: its password is asked for as well', async () => {
    const endpoint = await openRelayed(clientOf('devin-2'));
    const stream = await openRelay(address(), tokens.get('devin-2') ?? '', endpoint.endpoint);
    stream.on('error', () => {});
    stream.write('not-the-password\n');
    stream.resume();
    await once(stream, 'close');
    expect(running.protocol.executed).toEqual([]);
    endpoint.close();
  });

  test('works for who has both, and goes with its stream', async () => {
    const endpoint = await openRelayed(clientOf('devin-2'));
    const stream = await openRelay(address(), tokens.get('devin-2') ?? '', endpoint.endpoint);
    stream.on('error', () => {});
    stream.write(`${endpoint.password}\n`);
    const [hello] = (await once(stream, 'data')) as [Buffer];
    expect(hello.toString()).toContain('s-');
    const closed = once(stream, 'close');
    endpoint.close();
    stream.resume();
    await closed;
    await expect(openRelay(address(), tokens.get('devin-2') ?? '', endpoint.endpoint)).rejects.toMatchObject({
      kind: 'not-found',
    });
  });

  test('drops bytes that came before the upgrade, and text, and frames that are too large', async () => {
    const endpoint = await openRelayed(clientOf('devin-2'));
    const path = relayPath(endpoint.endpoint);
    const head = `GET ${path} HTTP/1.1\r\nHost: g\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer ${tokens.get('devin-2')}\r\n\r\n`;
    expect(await call(`${head}early`)).not.toMatch(/^HTTP\/1\.1 101 /);
    for (const message of ['text', Buffer.alloc(300 * 1024)]) {
      const socket = await dial();
      const client = new WebSocket(`ws://g${path}`, {
        createConnection: () => socket,
        headers: { authorization: `Bearer ${tokens.get('devin-2')}` },
      });
      client.on('error', () => {});
      await once(client, 'open');
      client.send(message);
      await once(client, 'close');
    }
    endpoint.close();
  });
});

describe('over the network', () => {
  test('endpoints on the gateway’s own machine are refused', async () => {
    for (const listen of [{ kind: 'tcp', port: 0 }, { kind: 'unix' }] as const) {
      const stream = clientOf('devin-2').stream('endpointOpen', { body: { connection: 'prod-db', listen } });
      await expect(stream.next()).rejects.toMatchObject({ code: 'bad_listen' });
    }
  });

  test('an owner may not make the machine run commands or send its files', async () => {
    const owner = openClient({ gateway: address(), token: cast.ownerToken });
    for (const secretRef of ['exec:/bin/cat /etc/passwd', 'file:/etc/passwd', 'env:PATH']) {
      const body = { name: 'evil', url: 'line://app@host/x', secretRef, test: false };
      await expect(owner.call('connectionAdd', { body })).rejects.toMatchObject({ code: 'host_reference' });
      await expect(
        owner.call('connectionEdit', { params: { name: 'prod-db' }, body: { secretRef, test: false } }),
      ).rejects.toMatchObject({ code: 'host_reference' });
    }
  });
});

describe('metrics on loopback', () => {
  test('are not for pages that a name leads there', async () => {
    const ask = async (host: string) => {
      const socket = connectTcp(gateway.ports.metrics ?? 0, '127.0.0.1');
      socket.on('error', () => {});
      const answer = heard(socket);
      socket.write(`GET /metrics HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      return answer;
    };
    expect(await ask('rebound.evil.example:9464')).toMatch(/^HTTP\/1\.1 403 /);
    for (const host of ['127.0.0.1:9464', 'localhost', '[::1]:9464'])
      expect(await ask(host)).toMatch(/^HTTP\/1\.1 200 /);
  });
});

// Last: what it opens counts until the gateway has seen it closed.
describe('strangers', () => {
  test('one address has so many connections and no more; who has authenticated does not count', async () => {
    const strangers = await Promise.all(Array.from({ length: 8 }, () => dial()));
    const refused = connectTcp(gateway.ports.api, '127.0.0.1');
    refused.on('error', () => {});
    await heard(refused);
    const [known, ...others] = strangers;
    known?.write(`GET /v1/whoami HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer ${tokens.get('eve')}\r\n\r\n`);
    await once(known as TLSSocket, 'data');
    const next = await dial();
    for (const socket of [known, next, ...others]) socket?.destroy();
    await Promise.all(
      [known, next, ...others].map((socket) => socket?.closed || once(socket as TLSSocket, 'close')),
    );
  });
});

describe('an address that has failed too often', () => {
  test('waits on every way in, streams included', async () => {
    const home = join(dir, 'throttled');
    const config = CONFIG.replace('failed_logins: 1000', 'failed_logins: 3').replace(/metrics.*\n/, '');
    const own = await startDaemon({
      home: join(home, 'state'),
      gateway: { config: requireGatewayConfig(config, 'gateway.yaml'), base: home },
    });
    const port = own.daemon.gateway?.ports.api ?? 0;
    const said = async (path: string, more: string) => {
      const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
      socket.on('error', () => {});
      const answer = heard(socket);
      socket.write(`GET ${path} HTTP/1.1\r\nHost: g\r\nConnection: close\r\n${more}\r\n`);
      return (await answer).slice(0, 12);
    };
    const upgrade = 'Upgrade: websocket\r\nConnection: Upgrade\r\nAuthorization: Bearer hpt_wrong\r\n';
    const answers: string[] = [];
    for (let i = 0; i < 4; i++) answers.push(await said(relayPath('ep-1'), upgrade));
    expect(answers.map((line) => line.slice(9))).toEqual(['401', '401', '401', '429']);
    expect((await said('/v1/whoami', '')).slice(9)).toBe('429');
    expect((await said('/healthz', '')).slice(9)).toBe('200');
    await own.daemon.stop('the test ended');
  });
});
