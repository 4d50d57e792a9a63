import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tls from 'node:tls';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../../src/base/clock.ts';
import type { HoopError } from '../../../src/base/errors.ts';
import {
  type AcceptedClient,
  acceptClient,
  type ClientSideOptions,
  endpointLogin,
} from '../../../src/protocols/postgres/client-side.ts';
import { selfSignedCertificate } from '../../../src/protocols/postgres/client-side-certificate.ts';
import { LoginGuard } from '../../../src/protocols/postgres/client-side-guard.ts';
import {
  backendKeyData,
  commandComplete,
  dataRow,
  parameterStatus,
  readyForQuery,
  rowDescription,
} from '../../../src/protocols/postgres/codec/backend-builders.ts';
import { decodeResponseFields } from '../../../src/protocols/postgres/codec/backend-messages.ts';
import { type FrameSink, FrontendFramer } from '../../../src/protocols/postgres/codec/framer.ts';
import {
  passwordMessage,
  queryMessage,
  saslInitialResponse,
  saslResponse,
} from '../../../src/protocols/postgres/codec/frontend-builders.ts';
import { FRONTEND } from '../../../src/protocols/postgres/codec/message-types.ts';
import {
  cancelRequest,
  gssEncRequest,
  PROTOCOL_3_0,
  sslRequest,
  startupMessage,
} from '../../../src/protocols/postgres/codec/startup-packet.ts';
import { newNonce } from '../../../src/protocols/postgres/scram.ts';
import { ScramClient } from '../../../src/protocols/postgres/scram-client.ts';
import { psql } from '../../servers/psql.ts';

const credentials = { user: 'app', password: 'pass-word', database: 'shop' };
const dir = mkdtempSync(join(tmpdir(), 'hoopctl-endpoint-'));
let certificate: { key: string; cert: string };
beforeAll(async () => {
  certificate = await selfSignedCertificate(dir);
});
afterAll(() => rmSync(dir, { recursive: true }));

/** An endpoint on a free port; what became of its clients is written down. */
class Endpoint {
  readonly refused: HoopError[] = [];
  readonly cancelled: { processId: number; secret: string }[] = [];
  readonly accepted: AcceptedClient[] = [];
  readonly outcomes: Promise<AcceptedClient | undefined>[] = [];
  readonly server: Server;
  readonly sockets: Socket[] = [];

  constructor(options: Partial<ClientSideOptions> = {}, serve: (client: AcceptedClient) => void = () => {}) {
    this.server = createServer((socket) => {
      const outcome = acceptClient(socket, {
        logIn: endpointLogin(credentials),
        tls: certificate,
        clock: systemClock,
        cancel: (processId, secret) =>
          this.cancelled.push({ processId, secret: Buffer.from(secret).toString('latin1') }),
        refused: (error) => this.refused.push(error),
        guard: new LoginGuard(),
        ...options,
      });
      this.outcomes.push(outcome);
      void outcome.then((client) => {
        if (client === undefined) return;
        this.accepted.push(client);
        serve(client);
      });
    });
  }

  get port(): number {
    const address = this.server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async start(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  /** A raw client. */
  async dial(): Promise<RawClient> {
    const socket = connect(this.port, '127.0.0.1');
    this.sockets.push(socket);
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    for (const client of this.accepted) client.socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

class RawClient {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  readonly closed: Promise<unknown>;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      socket.emit('more');
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.once('close', resolve));
  }

  send(...bytes: readonly Uint8Array[]): this {
    this.socket.write(Buffer.concat(bytes));
    return this;
  }

  async receive(length: number): Promise<Buffer> {
    while (this.#received.length < length) await once(this.socket, 'more');
    const bytes = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return bytes;
  }

  /** A typed message's body, or the whole message. */
  async message(): Promise<Buffer> {
    const head = await this.receive(5);
    return Buffer.concat([head, await this.receive(head.readInt32BE(1) - 4)]);
  }

  /** Everything up to the end. */
  async rest(): Promise<Buffer> {
    await this.closed;
    return this.#received;
  }

  /** The error the connection ends with. */
  async error() {
    const rest = await this.rest();
    const at = rest.lastIndexOf(0x45, 0) === 0 ? 0 : rest.indexOf(Buffer.from('SFATAL')) - 5;
    return decodeResponseFields(rest, at, rest.length);
  }

  /** Startup and SCRAM up to client-final, which is sent as `change` leaves it. */
  async logIn(password = credentials.password, change: (final: Buffer) => Buffer = (final) => final) {
    this.send(hello());
    await this.message();
    const scram = new ScramClient(password, { use: 'none' }, newNonce());
    this.send(saslInitialResponse('SCRAM-SHA-256', scram.first()));
    const first = await this.message();
    this.send(saslResponse(change(await scram.answer(first.subarray(9)))));
    return scram;
  }
}

const hello = (...more: readonly (readonly [string, string])[]) =>
  startupMessage(PROTOCOL_3_0, [['user', 'app'], ['database', 'shop'], ...more]);

/** Says hello as a server would and answers every query with one row. */
function serveOneRow(client: AcceptedClient): void {
  client.welcome();
  const { socket } = client;
  const key = backendKeyData(7, Buffer.alloc(client.protocolMinor === 2 ? 32 : 4, 1));
  socket.write(Buffer.concat([parameterStatus('server_version', '16.4'), key, readyForQuery('idle')]));
  const column = {
    name: 'tls',
    tableOid: 0,
    columnNumber: 0,
    typeOid: 25,
    typeSize: -1,
    typeModifier: -1,
    format: 0,
  } as const;
  const rows = [rowDescription([column]), dataRow([String(client.tls)]), commandComplete('SELECT 1')];
  const framer = new FrontendFramer();
  const sink: FrameSink = {
    message(type) {
      if (type === FRONTEND.query) socket.write(Buffer.concat([...rows, readyForQuery('idle')]));
      if (type === FRONTEND.terminate) socket.end();
      return true;
    },
    streams: () => false,
    piece: () => true,
  };
  socket.on('data', (chunk: Buffer) => framer.push(chunk, sink));
  socket.resume();
}

/** Time that stands still until a test moves it. */
class StillClock implements Clock {
  #at = 0;
  #timers: { at: number; fire: () => void }[] = [];
  now = () => this.#at;
  monotonic = () => this.#at;
  after(ms: number, fire: () => void): () => void {
    const timer = { at: this.#at + ms, fire };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }
  pass(ms: number): void {
    this.#at += ms;
    const due = this.#timers.filter((timer) => timer.at <= this.#at);
    this.#timers = this.#timers.filter((timer) => timer.at > this.#at);
    for (const timer of due) timer.fire();
  }
  get pending(): readonly number[] {
    return this.#timers.map((timer) => timer.at - this.#at);
  }
}

let endpoint: Endpoint;
afterEach(() => endpoint.close());

describe('real clients', () => {
  const url = (query: string, password = credentials.password) =>
    `postgres://app:${password}@127.0.0.1:${endpoint.port}/shop?${query}`;

  test('psql comes in with and without TLS, and bound to the channel', async () => {
    endpoint = await new Endpoint({}, serveOneRow).start();
    for (const [query, encrypted] of [
      ['sslmode=disable', 'false'],
      ['sslmode=require', 'true'],
      ['sslmode=require&channel_binding=require', 'true'],
      ['sslmode=require&channel_binding=disable', 'true'],
      ['gssencmode=prefer', 'true'],
    ] as const) {
      const { code, stdout, stderr } = await psql(url(query), ['-At', '-c', 'select 1']);
      expect({ query, code, stdout, stderr }).toEqual({
        query,
        code: 0,
        stdout: `${encrypted}\n`,
        stderr: '',
      });
    }
    expect(endpoint.accepted[0]?.applicationName).toBe('psql');
  });

  test('psql is told why it may not come in', async () => {
    endpoint = await new Endpoint({ guard: new LoginGuard(), tls: undefined }, serveOneRow).start();
    const wrong = await psql(url('', 'wrong'), ['-c', 'select 1']);
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('password authentication failed'),
    });
    const role = await psql(url(''), ['-c', 'select 1'], { env: { PGOPTIONS: '-c role=boss' } });
    expect(role.stderr).toContain('startup parameter "role" is not allowed');
    const latin = await psql(url('client_encoding=latin1'), ['-c', 'select 1']);
    expect(latin.stderr).toContain('"latin1" is not supported');
  });

  test('node-postgres comes in', async () => {
    endpoint = await new Endpoint({}, serveOneRow).start();
    const client = new pg.Client({ connectionString: url(''), ssl: { ca: certificate.cert } });
    await client.connect();
    expect((await client.query('select 1')).rows).toEqual([{ tls: 'true' }]);
    await client.end();
  });

  test('7: direct TLS with the right ALPN name works, the handshake cut at every byte', async () => {
    endpoint = await new Endpoint({}, serveOneRow).start();
    const secure = tls.connect({
      port: endpoint.port,
      host: '127.0.0.1',
      ca: certificate.cert,
      ALPNProtocols: ['postgresql'],
    });
    endpoint.sockets.push(secure);
    await once(secure, 'secureConnect');
    const client = new RawClient(secure);
    for (const byte of hello()) client.send(Buffer.from([byte]));
    const mechanisms = await client.message();
    expect(mechanisms.toString('latin1')).toContain('SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0');
  });
});

describe('before startup', () => {
  test('1, 2: a client that says nothing, or too little, is closed at the deadline', async () => {
    const clock = new StillClock();
    endpoint = await new Endpoint({ clock }).start();
    const silent = await endpoint.dial();
    const slow = (await endpoint.dial()).send(hello().subarray(0, 9));
    while (endpoint.outcomes.length < 2) await once(endpoint.server, 'connection');
    clock.pass(9_999);
    expect(endpoint.refused).toEqual([]);
    clock.pass(1);
    expect([await silent.rest(), await slow.rest()]).toEqual([Buffer.alloc(0), Buffer.alloc(0)]);
    await Promise.all(endpoint.outcomes);
    expect(endpoint.refused.map((error) => error.code)).toEqual(['handshake_timeout', 'handshake_timeout']);
    expect(clock.pending).toEqual([]);
  });

  test.each([0, 3, 7, -1, -(2 ** 31), 2 ** 31 - 1, 10_001])(
    '3: a first length of %i closes without a word',
    async (length) => {
      endpoint = await new Endpoint().start();
      const bytes = Buffer.alloc(8);
      bytes.writeInt32BE(length, 0);
      expect(await (await endpoint.dial()).send(bytes).rest()).toHaveLength(0);
      expect(endpoint.refused[0]?.code).toBe('bad_startup_length');
    },
  );

  test.each([
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['zeros', Buffer.alloc(100)],
    ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n')],
  ])('4: %s closes without a word', async (_what, bytes) => {
    endpoint = await new Endpoint().start();
    expect(await (await endpoint.dial()).send(bytes).rest()).toHaveLength(0);
  });

  test.each([
    ['another ALPN name', ['http/1.1']],
    ['no ALPN name', undefined],
  ])('4: direct TLS with %s is closed', async (_what, names) => {
    endpoint = await new Endpoint().start();
    const secure = tls.connect({
      port: endpoint.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ...(names === undefined ? {} : { ALPNProtocols: names }),
    });
    endpoint.sockets.push(secure);
    const client = new RawClient(secure);
    await client.closed;
    await Promise.all(endpoint.outcomes);
    expect(endpoint.refused[0]?.code).toMatch(/^(alpn_missing|tls_failed)$/);
  });

  test('5: plaintext in the segment of the SSLRequest drops the connection', async () => {
    endpoint = await new Endpoint().start();
    const client = (await endpoint.dial()).send(sslRequest(), hello());
    expect(await client.rest()).toHaveLength(0);
    expect(endpoint.refused[0]?.code).toBe('bytes_too_early');
  });

  test('6: SSLRequest and GSSENCRequest are answered once each, in either order', async () => {
    endpoint = await new Endpoint({ tls: undefined }).start();
    for (const [one, other] of [
      [sslRequest(), gssEncRequest()],
      [gssEncRequest(), sslRequest()],
    ] as const) {
      const client = (await endpoint.dial()).send(one);
      expect((await client.receive(1)).toString()).toBe('N');
      expect((await client.send(other).receive(1)).toString()).toBe('N');
      expect((await client.send(hello()).message())[0]).toBe(0x52);
    }
    for (const request of [sslRequest(), gssEncRequest()]) {
      const client = (await endpoint.dial()).send(request);
      await client.receive(1);
      expect(await client.send(request).rest()).toHaveLength(0);
    }
    expect(endpoint.refused.map((error) => error.code)).toEqual(['repeated_request', 'repeated_request']);
  });

  test('17: a cancel request calls back with its key and is closed without a word', async () => {
    endpoint = await new Endpoint().start();
    for (const secret of ['abcd', 'x'.repeat(32)]) {
      const client = (await endpoint.dial()).send(cancelRequest(77, Buffer.from(secret)));
      expect(await client.rest()).toHaveLength(0);
    }
    expect(endpoint.cancelled).toEqual([
      { processId: 77, secret: 'abcd' },
      { processId: 77, secret: 'x'.repeat(32) },
    ]);
  });

  test('17: a cancel request whose key is too short or too long is closed without a word', async () => {
    endpoint = await new Endpoint().start();
    for (const length of [0, 2, 4, 7, 261]) {
      const packet = Buffer.alloc(8 + length);
      packet.writeInt32BE(packet.length, 0);
      packet.writeInt32BE(80877102, 4);
      expect(await (await endpoint.dial()).send(packet).rest()).toHaveLength(0);
    }
    await Promise.all(endpoint.outcomes);
    expect(new Set(endpoint.refused.map((error) => error.code))).toEqual(new Set(['bad_cancel_request']));
  });

  test('8: protocol 2.0 is refused in its own form, 4.0 in the new one', async () => {
    endpoint = await new Endpoint().start();
    const old = Buffer.alloc(296);
    old.writeInt32BE(296, 0);
    old.writeInt32BE(0x0002_0000, 4);
    const answer = (await (await endpoint.dial()).send(old).rest()).toString();
    expect(answer).toBe('EFATAL:  unsupported frontend protocol 2.0: hoopctl supports 3.0 and 3.2\n\0');
    const next = (await endpoint.dial()).send(startupMessage(0x0004_0000, []));
    expect(await next.error()).toMatchObject({ severity: 'FATAL', sqlstate: '0A000' });
  });

  test.each([
    [0x0003_0001, [], 0, []],
    [0x0003_0002, ['_pq_.x', '_pq_.y'], 2, ['_pq_.x', '_pq_.y']],
    [0x0003_0009, [], 2, []],
  ] as const)('8, 9: version %i with options %j is negotiated', async (version, options, minor, unknown) => {
    endpoint = await new Endpoint().start();
    const words = [['user', 'app'], ...options.map((name) => [name, '1'])] as [string, string][];
    const answer = await (await endpoint.dial()).send(startupMessage(version, words)).message();
    expect(answer[0]).toBe(0x76);
    expect(answer.readInt32BE(5)).toBe(0x0003_0000 + minor);
    expect(answer.subarray(13).toString()).toBe(unknown.map((name) => `${name}\0`).join(''));
  });

  test.each([0x0003_0000, 0x0003_0002])('8: version %i is taken as it is', async (version) => {
    endpoint = await new Endpoint().start();
    expect(
      (await (await endpoint.dial()).send(startupMessage(version, [['user', 'app']])).message())[0],
    ).toBe(0x52);
  });

  test('18: when too many wait, the one that has waited longest goes and the next is served', async () => {
    endpoint = await new Endpoint({ guard: new LoginGuard(3) }).start();
    const waiting = await Promise.all([endpoint.dial(), endpoint.dial(), endpoint.dial()]);
    const next = (await endpoint.dial()).send(hello());
    expect((await next.message())[0]).toBe(0x52);
    await Promise.race(waiting.map((client) => client.closed));
    expect(endpoint.refused.map((error) => error.code)).toEqual(['too_many_handshakes']);
  });
});

describe('startup parameters', () => {
  const refusal = async (...more: readonly (readonly [string, string])[]) => {
    endpoint = await new Endpoint().start();
    const { sqlstate, message } = await (await endpoint.dial()).send(hello(...more)).error();
    return `${sqlstate} ${message}`;
  };

  test.each([
    ['replication', 'database'],
    ['replication', 'true'],
    ['replication', '1'],
    ['replication', 'on'],
    ['Replication', 'yes'],
    ['role', 'boss'],
    ['ROLE', 'boss'],
    ['session_authorization', 'boss'],
    ['session_replication_role', 'replica'],
    ['standard_conforming_strings', 'off'],
    ['backslash_quote', 'on'],
    ['local_preload_libraries', 'x'],
    ['default_transaction_read_only', 'off'],
    ['USER', 'boss'],
    ['something.else', '1'],
  ])('12, 13: %s=%s is refused by name', async (name, value) => {
    expect(await refusal([name, value])).toMatch(new RegExp(`^42501 .*"${name}`, 'i'));
  });

  test.each([
    ['-c search_path=evil -c role=x', /^42501 .*"role"/],
    ['-crole=x', /^42501 .*"role"/],
    ['--session-authorization=x', /^42501 .*"session_authorization"/],
    ['-c\tR\\ole=x', /^42501 .*"Role"/],
    ['-E', /^42501 .*options: -E/],
    ['-c', /^42601 /],
    ['-c =', /^42601 /],
    ['-c =x', /^42601 /],
    ['--', /^42601 /],
    ['-c name', /^42601 /],
    ['=', /^42501 /],
  ])('13, 14: options "%s" are refused', async (options, words) => {
    expect(await refusal(['options', options])).toMatch(words);
  });

  test('the allowed ones are passed on, options before what is named itself', async () => {
    endpoint = await new Endpoint({ tls: undefined }).start();
    const client = await endpoint.dial();
    client.send(
      hello(
        ['options', '-c statement_timeout=5s --search-path=a\\ b -c TimeZone=UTC'],
        ['timezone', 'Asia/Tokyo'],
        ['client_encoding', "'utf-8'"],
        ['application_name', 'träger\u202e'],
        ['standard_conforming_strings', 'on'],
        ['replication', 'off'],
      ),
    );
    await client.message();
    const scram = new ScramClient(credentials.password, { use: 'none' }, newNonce());
    client.send(saslInitialResponse('SCRAM-SHA-256', scram.first()));
    client.send(saslResponse(await scram.answer((await client.message()).subarray(9))));
    await client.message();
    const accepted = await endpoint.outcomes[0];
    expect(Object.fromEntries(accepted?.parameters ?? [])).toEqual({
      statement_timeout: '5s',
      search_path: 'a b',
      TimeZone: 'Asia/Tokyo',
      client_encoding: 'UTF8',
      application_name: 'träger\u202e',
      standard_conforming_strings: 'on',
    });
    expect(accepted?.applicationName).toBe('tr?ger?');
  });

  test.each(['SQL_ASCII', 'UNICODE', 'UTF8', 'utf-8'])('client_encoding %s is UTF8', async (encoding) => {
    endpoint = await new Endpoint().start();
    expect((await (await endpoint.dial()).send(hello(['client_encoding', encoding])).message())[0]).toBe(
      0x52,
    );
  });

  test.each(['LATIN1', 'SJIS', 'GB18030', ''])('client_encoding "%s" is refused', async (encoding) => {
    expect(await refusal(['client_encoding', encoding])).toMatch(/^0A000 .*client_encoding/);
  });

  test('11: no user is 28000', async () => {
    endpoint = await new Endpoint().start();
    const client = (await endpoint.dial()).send(startupMessage(PROTOCOL_3_0, [['database', 'shop']]));
    expect(await client.error()).toMatchObject({ sqlstate: '28000' });
  });

  test.each([
    ['no terminator', hello().subarray(0, -1)],
    ['an empty name inside', Buffer.concat([hello(), Buffer.from('a\0b\0\0')])],
    ['a NUL inside a name', Buffer.concat([hello().subarray(0, -1), Buffer.from('a\0b\0c\0\0')])],
    [
      'a thousand pairs',
      Buffer.concat([hello().subarray(0, -1), Buffer.from('a\0b\0'.repeat(1000)), Buffer.of(0)]),
    ],
  ])('10: a list with %s is closed with 08P01', async (_what, bytes) => {
    endpoint = await new Endpoint().start();
    const packet = Buffer.from(bytes);
    packet.writeInt32BE(packet.length, 0);
    expect(await (await endpoint.dial()).send(packet).error()).toMatchObject({ sqlstate: '08P01' });
  });
});

describe('authentication', () => {
  test('AuthenticationOk comes with welcome, not before', async () => {
    endpoint = await new Endpoint().start();
    const client = await endpoint.dial();
    const scram = await client.logIn();
    const final = await client.message();
    scram.verify(final.subarray(9));
    const accepted = await endpoint.outcomes[0];
    expect(accepted).toMatchObject({ protocolMinor: 0, tls: false });
    accepted?.welcome();
    expect(await client.message()).toEqual(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0]));
    client.send(queryMessage('select 1'));
    accepted?.socket.resume();
    expect(await once(accepted?.socket ?? client.socket, 'data')).toEqual([queryMessage('select 1')]);
  });

  test('every byte of the handshake may come alone', async () => {
    endpoint = await new Endpoint().start();
    const client = await endpoint.dial();
    client.socket.setNoDelay(true);
    for (const byte of hello()) client.send(Buffer.from([byte]));
    await client.message();
    const scram = new ScramClient(credentials.password, { use: 'none' }, newNonce());
    for (const byte of saslInitialResponse('SCRAM-SHA-256', scram.first())) client.send(Buffer.from([byte]));
    const final = await scram.answer((await client.message()).subarray(9));
    for (const byte of saslResponse(final)) client.send(Buffer.from([byte]));
    scram.verify((await client.message()).subarray(9));
    expect(await endpoint.outcomes[0]).toBeDefined();
  });

  test('reject tells the client and closes', async () => {
    endpoint = await new Endpoint().start();
    const client = await endpoint.dial();
    await client.logIn();
    await client.message();
    (await endpoint.outcomes[0])?.reject({ sqlstate: '08001', message: 'the target is not reachable' });
    expect(await client.error()).toMatchObject({ severity: 'FATAL', sqlstate: '08001' });
  });

  test('a wrong password and an unknown user get the same answer', async () => {
    endpoint = await new Endpoint().start();
    const wrong = await endpoint.dial();
    await wrong.logIn('wrong');
    const { fields: one } = await wrong.error();
    const unknown = await endpoint.dial();
    unknown.send(startupMessage(PROTOCOL_3_0, [['user', 'ghost']]));
    await unknown.message();
    const scram = new ScramClient(credentials.password, { use: 'none' }, newNonce());
    unknown.send(saslInitialResponse('SCRAM-SHA-256', scram.first()));
    unknown.send(saslResponse(await scram.answer((await unknown.message()).subarray(9))));
    const { fields: other } = await unknown.error();
    expect(one.get('C')).toBe('28P01');
    expect(other.get('M')).toBe(one.get('M')?.replace('app', 'ghost'));
    expect([...other].filter(([letter]) => letter !== 'M')).toEqual(
      [...one].filter(([letter]) => letter !== 'M'),
    );
  });

  test('another database is 3D000, told only to who knows the password', async () => {
    endpoint = await new Endpoint().start();
    const client = await endpoint.dial();
    client.send(hello(['database', 'other']));
    await client.message();
    const scram = new ScramClient(credentials.password, { use: 'none' }, newNonce());
    client.send(saslInitialResponse('SCRAM-SHA-256', scram.first()));
    client.send(saslResponse(await scram.answer((await client.message()).subarray(9))));
    expect(await client.error()).toMatchObject({ sqlstate: '3D000' });
  });

  test('16: each failure in a row waits longer for its answer', async () => {
    const clock = new StillClock();
    const guard = new LoginGuard();
    endpoint = await new Endpoint({ clock, guard }).start();
    const waits: number[] = [];
    for (let i = 0; i < 3; i++) {
      const client = await endpoint.dial();
      await client.logIn('wrong');
      // The handshake's deadline is the other timer.
      while (clock.pending.length < 2) await new Promise((resolve) => setImmediate(resolve));
      const wait = Math.min(...clock.pending);
      waits.push(wait);
      clock.pass(wait);
      expect((await client.error()).sqlstate).toBe('28P01');
      clock.pass(60_000);
    }
    expect(waits).toEqual([50, 100, 200]);
    for (let i = 0; i < 40; i++) guard.failed();
    expect(guard.failed()).toBe(5000);
    guard.succeeded();
    expect(guard.failed()).toBe(50);
  });

  test.each([
    ['a second startup packet', () => hello()],
    ['a request for TLS', () => sslRequest()],
    ['a query', () => queryMessage('select 1')],
    ['a password in clear', () => passwordMessage(credentials.password)],
    ['a password message of 2 GB', () => Buffer.from([0x70, 0x7f, 0xff, 0xff, 0xff])],
    ['a password message of length 3', () => Buffer.from([0x70, 0, 0, 0, 3])],
    ['an unknown mechanism', () => saslInitialResponse('PLAIN', Buffer.from('\0app\0pass-word'))],
  ])('15, 16: %s in place of the SASL answer is closed with 08P01', async (_what, bytes) => {
    endpoint = await new Endpoint().start();
    const client = (await endpoint.dial()).send(hello());
    await client.message();
    expect(await client.send(bytes()).error()).toMatchObject({ sqlstate: '08P01' });
    expect(await endpoint.outcomes[0]).toBeUndefined();
  });

  test('15: a second startup packet in place of the proof is closed', async () => {
    endpoint = await new Endpoint().start();
    const client = (await endpoint.dial()).send(hello());
    await client.message();
    const scram = new ScramClient(credentials.password, { use: 'none' }, newNonce());
    client.send(saslInitialResponse('SCRAM-SHA-256', scram.first()));
    await client.message();
    expect(await client.send(hello()).error()).toMatchObject({ sqlstate: '08P01' });
  });

  test('16: a password sent before it was asked for drops the connection', async () => {
    endpoint = await new Endpoint().start();
    const client = (await endpoint.dial()).send(hello(), passwordMessage('x'));
    expect(await client.rest()).toHaveLength(0);
    expect(endpoint.refused[0]?.code).toBe('bytes_too_early');
  });

  test('a query sent before AuthenticationOk drops the connection', async () => {
    endpoint = await new Endpoint().start();
    const client = await endpoint.dial();
    await client.logIn();
    await client.message();
    const accepted = await endpoint.outcomes[0];
    client.send(queryMessage('select 1'));
    await client.closed;
    expect(accepted?.signal.reason).toMatchObject({ code: 'bytes_too_early' });
    expect(() => accepted?.welcome()).toThrow(expect.objectContaining({ code: 'bytes_too_early' }));
  });

  test('a client that goes away before it is welcomed is told by the signal', async () => {
    endpoint = await new Endpoint().start();
    const client = await endpoint.dial();
    await client.logIn();
    await client.message();
    const accepted = await endpoint.outcomes[0];
    client.socket.destroy();
    if (!accepted?.signal.aborted) await once(accepted?.signal as unknown as EventTarget, 'abort');
    expect(accepted?.signal.reason).toMatchObject({ code: 'client_gone' });
  });

  test('16: a downgrade of channel binding is refused', async () => {
    endpoint = await new Endpoint().start();
    const client = (await endpoint.dial()).send(sslRequest());
    expect((await client.receive(1)).toString()).toBe('S');
    client.socket.removeAllListeners('data');
    const secure = tls.connect({ socket: client.socket, rejectUnauthorized: false });
    await once(secure, 'secureConnect');
    const inside = new RawClient(secure).send(hello());
    await inside.message();
    const scram = new ScramClient(credentials.password, { use: 'not-offered' }, newNonce());
    inside.send(saslInitialResponse('SCRAM-SHA-256', scram.first()));
    expect(await inside.error()).toMatchObject({ sqlstate: '08P01' });
  });
});

test('the certificate is kept, used again, and made anew when others could have read it or it ends', async () => {
  endpoint = await new Endpoint().start();
  const again = await selfSignedCertificate(dir);
  expect(again).toEqual(certificate);
  expect(statSync(join(dir, 'endpoint.pem')).mode & 0o777).toBe(0o600);
  const later = await selfSignedCertificate(dir, Date.now() + 350 * 86_400_000);
  expect(later.cert).not.toBe(certificate.cert);
});
