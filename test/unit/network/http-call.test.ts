import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type HttpCall, httpCalls } from '../../../src/network/http-call.ts';
import { type Certificate, issueCertificate, makeAuthority } from '../../servers/certificates.ts';
import { startTunnelProxy, type TunnelProxy } from '../../servers/tunnel-proxy.ts';

const GET: HttpCall = { method: 'GET', patience: 5000, largest: 1000 };
const authorities = getCACertificates('default');
let dir: string;
let authority: Certificate;
let proxy: TunnelProxy;
let server: Server;
let answer: RequestListener;
let hosts: (string | undefined)[];
const by = (more: Record<string, string> = {}) =>
  httpCalls({ HTTPS_PROXY: `http://corp:s3cret@127.0.0.1:${proxy.port}`, ...more });
const url = (host: string) => `https://${host}:${(server.address() as AddressInfo).port}/path?q`;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hoop-calls-'));
  authority = makeAuthority(dir);
  const names = ['DNS:idp.test', 'DNS:localhost', 'IP:192.0.2.1'];
  const { cert, key } = issueCertificate(dir, authority, 'idp.test', names);
  setDefaultCACertificates([...authorities, authority.cert]);
  proxy = await startTunnelProxy();
  server = createServer({ cert, key }, (request, response) => {
    hosts.push(request.headers.host);
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  setDefaultCACertificates(authorities);
  proxy.close();
  server.close();
  server.closeAllConnections();
  rmSync(dir, { recursive: true });
});
beforeEach(() => {
  (proxy.tunnels as unknown[]).length = 0;
  proxy.status = 200;
  hosts = [];
  answer = (_, response) => response.end('well');
});

describe('a call', () => {
  test.each(['idp.test', '192.0.2.1'])('goes through the tunnel of a proxy to %s itself', async (host) => {
    const { body, status } = await by()(url(host), GET);
    expect([status, String(body)]).toEqual([200, 'well']);
    const { port } = server.address() as AddressInfo;
    const authorization = `Basic ${Buffer.from('corp:s3cret').toString('base64')}`;
    expect(proxy.tunnels).toEqual([{ to: `${host}:${port}`, authorization }]);
    expect(hosts).toEqual([`${host}:${port}`]);
  });

  test('goes straight to this machine, and where NO_PROXY says so', async () => {
    expect((await by()(url('localhost'), GET)).status).toBe(200);
    // Nobody knows that name but the proxy.
    await expect(
      by({ NO_PROXY: '.test' })(url('idp.test'), { ...GET, patience: 2000 }),
    ).rejects.toMatchObject({
      code: 'no_answer',
    });
    expect(proxy.tunnels).toEqual([]);
  });

  test('by plain http goes through no proxy', async () => {
    const plain = createHttpServer((_, response) => response.end('plain'));
    plain.listen(0, '127.0.0.1');
    await once(plain, 'listening');
    const { port } = plain.address() as AddressInfo;
    const calls = by({ HTTP_PROXY: `http://127.0.0.1:${proxy.port}` });
    expect(String((await calls(`http://127.0.0.1:${port}/`, GET)).body)).toBe('plain');
    plain.close();
  });

  test('says nothing to a server inside the tunnel that is not the one it asked for', async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      await expect(
        by()(url('other.test'), { ...GET, headers: { authorization: 'Bearer x' } }),
      ).rejects.toMatchObject({
        code: 'no_answer',
        why: 'ERR_TLS_CERT_ALTNAME_INVALID',
      });
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    }
    expect(hosts).toEqual([]);
  });

  test('that the proxy refuses says so, without what it was asked with', async () => {
    proxy.status = 407;
    const refused = by()(url('idp.test'), GET);
    await expect(refused).rejects.toMatchObject({
      code: 'no_answer',
      why: expect.stringContaining(`the proxy 127.0.0.1:${proxy.port} opened no tunnel: it asks who you are`),
    });
    await expect(refused).rejects.not.toMatchObject({ why: expect.stringMatching(/s3cret|path/) });
  });

  test('takes no more than it asked for, nor for longer', async () => {
    answer = (_, response) => response.end('x'.repeat(1001));
    await expect(by()(url('idp.test'), GET)).rejects.toMatchObject({ why: 'its answer is too large' });
    answer = (_, response) => response.writeHead(401).end('x'.repeat(5000));
    expect((await by()(url('idp.test'), GET)).status).toBe(401);
    answer = () => {};
    await expect(by()(url('idp.test'), { ...GET, patience: 50 })).rejects.toMatchObject({
      why: 'no answer in 0.05 s',
    });
    answer = (_, response) => response.writeHead(200).write('half');
    await expect(by()(url('idp.test'), { ...GET, patience: 200 })).rejects.toMatchObject({
      code: 'no_answer',
    });
  });

  test('follows no redirect, and ends when it is told to', async () => {
    answer = (_, response) => response.writeHead(302, { location: url('localhost') }).end();
    expect((await by()(url('idp.test'), GET)).status).toBe(302);
    expect(hosts).toHaveLength(1);
    answer = () => {};
    const stop = new AbortController();
    const ended = by()(url('idp.test'), { ...GET, signal: stop.signal });
    stop.abort(new Error('told to'));
    await expect(ended).rejects.toThrow('told to');
  });
});
