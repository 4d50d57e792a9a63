import { mkdtempSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeAuthentication } from '../../src/protocols/postgres/codec/backend-messages.ts';
import { BackendFramer } from '../../src/protocols/postgres/codec/framer.ts';
import {
  queryMessage,
  saslInitialResponse,
  saslResponse,
} from '../../src/protocols/postgres/codec/frontend-builders.ts';
import {
  cancelRequest,
  PROTOCOL_3_2,
  startupMessage,
} from '../../src/protocols/postgres/codec/startup-packet.ts';
import { newNonce } from '../../src/protocols/postgres/scram.ts';
import { ScramClient } from '../../src/protocols/postgres/scram-client.ts';
import { makeAuthority } from '../servers/certificates.ts';
import { ALLOW_ALL } from '../servers/client-paths.ts';
import { Hoopctl, type Proxy as ServedProxy } from '../servers/hoopctl.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { psql } from '../servers/psql.ts';

let server: TestPostgres;
let hoopctl: Hoopctl;
let proxy: ServedProxy;
beforeAll(async () => {
  server = await startPostgres();
  hoopctl = await Hoopctl.initialised();
  await hoopctl.addConnection('prod-db', server.url(), server.password);
  const token = await hoopctl.createIdentity('devin', 'requester', 'agents');
  await hoopctl.applyPolicy(ALLOW_ALL);
  proxy = await hoopctl.proxy('prod-db', { token });
});
afterAll(async () => {
  await hoopctl?.close();
  await server?.stop();
});

const url = (parameters: string) => proxy.url.replace(/\?.*$/, parameters);

/** A client of the wire: what is sent byte by byte, and every message that comes, by its letter. */
class Wire {
  readonly socket: Socket;
  readonly #messages: { type: string; bytes: Buffer }[] = [];
  #wake = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    const framer = new BackendFramer();
    const message = (type: number, buffer: Buffer, start: number, end: number) => {
      this.#messages.push({
        type: String.fromCharCode(type),
        bytes: Buffer.from(buffer.subarray(start, end)),
      });
      return true;
    };
    socket.on('data', (chunk: Buffer) => {
      framer.push(chunk, { message, streams: () => false, piece: () => true });
      this.#wake();
    });
    socket.on('error', () => {});
  }

  /** The next message of that type; those before it are skipped. */
  async next(type: string): Promise<Buffer> {
    for (;;) {
      const message = this.#messages.shift();
      if (message?.type === type) return message.bytes;
      if (message?.type === 'E') throw new Error(message.bytes.toString('latin1'));
      if (message) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async login(code: number, parameters: readonly [string, string][] = []): Promise<void> {
    const { user, password, database } = proxy;
    this.socket.write(startupMessage(code, new Map([['user', user], ['database', database], ...parameters])));
    const scram = new ScramClient(password, { use: 'none' }, newNonce());
    for (;;) {
      const bytes = await this.next('R');
      const asked = decodeAuthentication(bytes, 0, bytes.length);
      if (asked.kind === 'ok') return;
      if (asked.kind === 'sasl') this.socket.write(saslInitialResponse(scram.mechanism, scram.first()));
      if (asked.kind === 'sasl-continue') this.socket.write(saslResponse(await scram.answer(asked.data)));
    }
  }
}

describe('protocol 3.2', () => {
  it('is spoken: a long cancel key, that cancels', async () => {
    const wire = new Wire(connect(proxy.port, proxy.host));
    await wire.login(PROTOCOL_3_2);
    const key = await wire.next('K');
    expect(key).toHaveLength(5 + 4 + 32);
    await wire.next('Z');
    wire.socket.write(queryMessage('SELECT pg_sleep(60)'));
    await expect
      .poll(() => server.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))
      .toHaveLength(1);
    const canceller = connect(proxy.port, proxy.host);
    canceller.end(cancelRequest(key.readInt32BE(5), key.subarray(9)));
    await expect(wire.next('Z')).rejects.toThrow('57014');
    wire.socket.write(queryMessage('SELECT 1'));
    expect((await wire.next('D')).toString('latin1')).toMatch(/1$/);
    wire.socket.destroy();
  });

  it('is what a newer client is answered with, and options nobody knows are named', async () => {
    const wire = new Wire(connect(proxy.port, proxy.host));
    const login = wire.login(0x0003_0009, [['_pq_.unheard_of', 'on']]);
    const answer = await wire.next('v');
    expect(answer.readInt32BE(5) & 0xffff).toBe(2);
    expect(answer.toString('latin1')).toContain('_pq_.unheard_of');
    wire.socket.destroy();
    login.catch(() => {});
  });
});

describe('TLS on the endpoint', () => {
  const certificate = () => join(hoopctl.home, 'tls', 'endpoint.pem');
  const inUse = ['-A', '-t', '-c', 'SELECT 1', '-c', '\\conninfo'];

  it.each(['prefer', 'require', 'verify-ca', 'verify-full'])(
    'psql connects with sslmode=%s',
    async (mode) => {
      const root = mode.startsWith('verify') ? `&sslrootcert=${encodeURIComponent(certificate())}` : '';
      const { code, stdout, stderr } = await psql(url(`?sslmode=${mode}${root}`), inUse);
      expect(stderr).toBe('');
      expect(code).toBe(0);
      expect(stdout).toMatch(/^1\n/);
      expect(stdout).toContain('SSL connection (protocol: TLSv1.3');
    },
  );

  it('psql does without it when told so, and does not trust another authority', async () => {
    const plain = await psql(url('?sslmode=disable'), inUse);
    expect(plain.stdout).not.toContain('SSL connection');
    const other = makeAuthority(mkdtempSync(join(hoopctl.home, '..', 'authority-')));
    const root = encodeURIComponent(other.certFile);
    const wrong = await psql(url(`?sslmode=verify-full&sslrootcert=${root}`), inUse);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('certificate verify failed');
  });

  it('takes direct TLS with ALPN, by hand and from node-postgres, and refuses it without', async () => {
    const direct = (protocols: string[]) =>
      connectTls({ port: proxy.port, host: proxy.host, ALPNProtocols: protocols, rejectUnauthorized: false });
    const socket = direct(['postgresql']);
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    expect(socket.alpnProtocol).toBe('postgresql');
    const wire = new Wire(socket);
    await wire.login(PROTOCOL_3_2);
    await wire.next('Z');
    socket.destroy();

    const { host, port, user, password, database } = proxy;
    const ssl = { rejectUnauthorized: false };
    const config = { host, port, user, password, database, ssl, sslnegotiation: 'direct' };
    const client = new pg.Client(config as pg.ClientConfig);
    await client.connect();
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await client.end();

    const without = direct([]);
    const closed = new Promise<string>((resolve) => {
      without.on('error', () => resolve('refused'));
      without.on('close', () => resolve('refused'));
      without.on('data', () => resolve('answered'));
    });
    without.on('secureConnect', () => without.write(startupMessage(PROTOCOL_3_2, new Map([['user', user]]))));
    expect(await closed).toBe('refused');
  });

  it('carries much data both ways', async () => {
    const script = `CREATE TEMP TABLE t (a text);
INSERT INTO t SELECT repeat('x', 1000) FROM generate_series(1, 20000);
COPY t TO STDOUT;
`;
    const { stdout, stderr } = await psql(url('?sslmode=require'), ['-q'], { stdin: script });
    expect(stderr).toBe('');
    expect(stdout).toHaveLength(20_000 * 1001);
  });
});
