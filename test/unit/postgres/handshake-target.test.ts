import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { HoopError } from '../../../src/base/errors.ts';
import * as build from '../../../src/protocols/postgres/codec/backend-builders.ts';
import { PROTOCOL_3_0 } from '../../../src/protocols/postgres/codec/startup-packet.ts';
import { parseConnection } from '../../../src/protocols/postgres/connection-url.ts';
import { makeVerifier, ScramServer } from '../../../src/protocols/postgres/scram-server.ts';
import { connectTarget, type TargetConnection } from '../../../src/protocols/postgres/target-side.ts';
import { simpleQuery } from '../../../src/protocols/postgres/target-side-query.ts';

/** A target that answers as a test says, one answer for each piece the client sends. */
type Answer = Uint8Array | ((received: Buffer, socket: Socket) => Uint8Array);

let server: Server | undefined;
let connection: TargetConnection | undefined;
const sockets: Socket[] = [];
afterEach(async () => {
  connection?.socket.destroy();
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.close();
  if (server?.listening) await once(server, 'close');
});

async function target(answers: readonly Answer[]): Promise<number> {
  server = createServer((socket) => {
    sockets.push(socket);
    let at = 0;
    socket.on('error', () => {});
    socket.on('data', (received) => {
      const answer = answers[at++];
      if (answer !== undefined)
        socket.write(typeof answer === 'function' ? answer(received, socket) : answer);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function open(answers: readonly Answer[], query = 'sslmode=disable', secret = 'pencil') {
  const { settings } = parseConnection(`postgres://app@127.0.0.1:${await target(answers)}/shop?${query}`);
  connection = await connectTarget(settings, secret, { clock: systemClock });
  return connection;
}

const failure = async (answers: readonly Answer[], query?: string): Promise<HoopError> => {
  const error: unknown = await open(answers, query).then(
    () => new Error('the target was taken'),
    (caught: unknown) => caught,
  );
  if (!(error instanceof HoopError)) throw error;
  expect(`${error.message} ${error.why}`).not.toContain('pencil');
  return error;
};
const code = async (answers: readonly Answer[], query?: string) => (await failure(answers, query)).code;

/** Its code, where a protocol version would stand. */
const SSL_REQUEST = 80_877_103;

const greeting = [
  build.parameterStatus('server_version', '16.4 (Test)'),
  build.parameterStatus('client_encoding', 'UTF8'),
  build.parameterStatus('standard_conforming_strings', 'on'),
  build.backendKeyData(7, Buffer.from('abcd')),
];
const ready = build.readyForQuery('idle');
const start = Buffer.concat([build.AUTHENTICATION_OK, ...greeting, ready]);

const verifier = await makeVerifier('pencil');

/** The honest part of a SCRAM login, with what follows left to the test. */
function scram(after: (serverFinal: Buffer) => Uint8Array, first?: (honest: string) => string): Answer[] {
  let exchange: ScramServer;
  return [
    build.authenticationSasl(['SCRAM-SHA-256']),
    (received) => {
      exchange = new ScramServer(verifier, undefined);
      const data = received.subarray(received.indexOf('n,,'));
      const honest = exchange.begin('SCRAM-SHA-256', data).toString();
      return build.authenticationSaslContinue(Buffer.from(first?.(honest) ?? honest));
    },
    (received) => {
      const outcome = exchange.finish(received.subarray(5));
      return after(outcome.ok ? outcome.serverFinal : Buffer.from('e=invalid-proof'));
    },
  ];
}

describe('an honest target', () => {
  test('is taken by SCRAM', async () => {
    const one = await open(scram((final) => Buffer.concat([build.authenticationSaslFinal(final), start])));
    expect(one).toMatchObject({ serverVersion: '16.4', processId: 7, protocolMinor: 0, tls: null });
    expect(one.secretKey.toString()).toBe('abcd');
  });

  test('is understood when each of its bytes comes alone', async () => {
    const one = await open([
      (_received, socket) => {
        let at = 0;
        const next = () => {
          socket.write(start.subarray(at, at + 1));
          at += 1;
          if (at < start.length) setImmediate(next);
        };
        setImmediate(next);
        return Buffer.alloc(0);
      },
    ]);
    expect(one.serverVersion).toBe('16.4');
  });

  test('may send notices before it lets us in', async () => {
    const notice = build.noticeResponse({ severity: 'NOTICE', sqlstate: '00000', message: 'hello' });
    await expect(open([Buffer.concat([notice, start])])).resolves.toBeDefined();
  });
});

describe('a hostile target is refused when it', () => {
  test('40: ends the login before SCRAM’s proof', async () => {
    expect(await code(scram(() => start))).toBe('target_not_authentic');
    expect(await code([build.authenticationSasl(['SCRAM-SHA-256']), start])).toBe('target_not_authentic');
  });

  test('40: gives a wrong server signature', async () => {
    const wrong = Buffer.from(`v=${Buffer.alloc(32).toString('base64')}`);
    const answers = scram(() => Buffer.concat([build.authenticationSaslFinal(wrong), start]));
    expect(await code(answers)).toBe('target_not_authentic');
  });

  test('40: asks for few iterations, or millions', async () => {
    for (const count of ['1', '4095', '2000000000']) {
      const answers = scram(
        () => start,
        (honest) => honest.replace(/i=\d+/, `i=${count}`),
      );
      expect(await code(answers)).toBe('scram_iterations');
    }
  });

  test('does not carry on the nonce', async () => {
    const answers = scram(
      () => start,
      (honest) => honest.replace(/^r=[^,]+/, 'r=mine'),
    );
    expect(await code(answers)).toBe('bad_scram_message');
  });

  test('offers channel binding without TLS', async () => {
    expect(await code([build.authenticationSasl(['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'])])).toBe(
      'target_not_authentic',
    );
  });

  test.each([
    ['the password in clear without TLS', build.AUTHENTICATION_CLEARTEXT, '', 'target_authentication_weak'],
    [
      'md5 where SCRAM is required',
      build.authenticationMd5(Buffer.alloc(4)),
      '&require_auth=scram-sha-256',
      'target_authentication_weak',
    ],
    ['nothing where something is required', start, '&require_auth=!none', 'target_authentication_weak'],
    [
      'SCRAM unbound where binding is required',
      build.authenticationSasl(['SCRAM-SHA-256']),
      '&channel_binding=require',
      'target_authentication_weak',
    ],
    ['GSSAPI', Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 7]), '', 'target_authentication_unsupported'],
    ['SSPI', Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 9]), '', 'target_authentication_unsupported'],
    [
      'other SASL mechanisms',
      build.authenticationSasl(['OAUTHBEARER']),
      '',
      'target_authentication_unsupported',
    ],
    [
      'what nobody has defined',
      Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 42]),
      '',
      'bad_authentication_request',
    ],
  ])('40: asks for %s', async (_what, answer, query, expected) => {
    expect(await code([answer], `sslmode=disable${query}`)).toBe(expected);
  });

  test('asks for a password twice', async () => {
    const md5 = build.authenticationMd5(Buffer.alloc(4));
    expect(await code([md5, md5])).toBe('unexpected_message');
  });

  test.each([
    ['a message of the wrong phase', Buffer.concat([build.dataRow(['x'])]), 'unexpected_message'],
    ['a negative length', Buffer.from([0x52, 255, 255, 255, 255]), 'bad_message_length'],
    ['a length of 2 GB', Buffer.from([0x52, 127, 255, 255, 255]), 'message_too_large'],
    ['an error of 100 MB', Buffer.from([0x45, 6, 0, 0, 0]), 'message_too_large'],
    ['an error without SQLSTATE', Buffer.from('E\0\0\0\x0cSERROR\0\0'), 'bad_error_response'],
    [
      'notices without end',
      Buffer.concat(
        new Array<Buffer>(60).fill(
          build.noticeResponse({ severity: 'NOTICE', sqlstate: '00000', message: 'x' }),
        ),
      ),
      'handshake_flood',
    ],
    ['a flood', Buffer.alloc(1_000_000, 0x52), 'message_too_large'],
    [
      'protocol options nobody asked for',
      build.negotiateProtocolVersion(PROTOCOL_3_0, ['_pq_.x']),
      'bad_negotiation',
    ],
    [
      'a newer version than asked for',
      build.negotiateProtocolVersion(PROTOCOL_3_0 + 2, []),
      'bad_negotiation',
    ],
  ])('sends %s at once', async (_what, answer, expected) => {
    expect(await code([answer])).toBe(expected);
  });

  test.each([
    ['two cancel keys', [...greeting, build.backendKeyData(8, Buffer.from('efgh')), ready], 'repeated_key'],
    ['a cancel key of five bytes', [build.backendKeyData(8, Buffer.alloc(5)), ready], 'bad_cancel_key'],
    ['a row', [...greeting, build.dataRow(['x'])], 'unexpected_message'],
    ['ready inside a transaction', [...greeting, build.readyForQuery('open')], 'bad_transaction_status'],
    [
      'ready with an unknown status',
      [...greeting, Buffer.from([0x5a, 0, 0, 0, 5, 0x58])],
      'bad_transaction_status',
    ],
    ['ready twice', [...greeting, ready, ready], 'bytes_after_ready'],
    [
      'a query’s answer unasked',
      [...greeting, ready, build.commandComplete('DELETE 5')],
      'bytes_after_ready',
    ],
    [
      'parameters without end',
      new Array<Buffer>(300).fill(build.parameterStatus('a', 'b')),
      'handshake_flood',
    ],
    [
      'another encoding',
      [build.parameterStatus('client_encoding', 'SJIS'), ready],
      'target_session_unusable',
    ],
    [
      'strings of the old kind',
      [greeting[1], build.parameterStatus('standard_conforming_strings', 'off'), ready],
      'target_session_unusable',
    ],
    ['nothing of its encoding', [ready], 'target_session_unusable'],
  ])('sends %s after AuthenticationOk', async (_what, messages, expected) => {
    const bytes = Buffer.concat([build.AUTHENTICATION_OK, ...messages.map((one) => one ?? Buffer.alloc(0))]);
    expect(await code([bytes])).toBe(expected);
  });

  test('closes', async () => {
    const closing: Answer = (_received, socket) => {
      socket.end();
      return Buffer.alloc(0);
    };
    expect(await failure([closing])).toMatchObject({ kind: 'not-reachable', code: 'connection_closed' });
  });

  test('says nothing until the deadline', async () => {
    const { settings } = parseConnection(
      `postgres://app@127.0.0.1:${await target([])}/shop?connect_timeout=2`,
    );
    const deadlines: { ms: number; fire: () => void }[] = [];
    const clock = {
      ...systemClock,
      after(ms: number, fire: () => void) {
        deadlines.push({ ms, fire });
        return () => {};
      },
    };
    const ended = expect(connectTarget(settings, undefined, { clock })).rejects.toMatchObject({
      kind: 'not-reachable',
      code: 'target_timeout',
      why: expect.stringContaining('no answer in 2 s'),
    });
    await once(server as Server, 'connection');
    expect(deadlines.map(({ ms }) => ms)).toEqual([2000]);
    deadlines[0]?.fire();
    await ended;
  });
});

describe('TLS', () => {
  test('is not begun over bytes stuffed behind the answer', async () => {
    expect(await code([Buffer.from('S\x16\x03\x01')], 'sslmode=require')).toBe('bytes_too_early');
  });

  test('is not done without where it is required', async () => {
    expect(await failure([Buffer.from('N'), start], 'sslmode=require')).toMatchObject({
      code: 'target_no_tls',
      next: expect.stringContaining('sslmode=prefer'),
      retryable: false,
    });
  });

  test('is answered with neither S nor N', async () => {
    expect(await code([Buffer.from('X')], 'sslmode=prefer')).toBe('bad_tls_answer');
    expect(await code([Buffer.from('E')], 'sslmode=prefer')).toBe('bad_tls_answer');
  });

  test('is left out by prefer when the target has none', async () => {
    expect((await open([Buffer.from('N'), start], 'sslmode=prefer')).tls).toBeNull();
  });
});

describe('TLS that breaks', () => {
  /** Says yes to TLS and then speaks none; lets a plain startup packet in. */
  const broken: readonly Answer[] = [
    (received) => (received.readInt32BE(4) === SSL_REQUEST ? Buffer.from('S') : start),
    Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
  ];

  test('is given up by prefer and by nothing stricter', async () => {
    expect((await open(broken, 'sslmode=prefer')).tls).toBeNull();
    expect(await failure(broken, 'sslmode=require')).toMatchObject({
      kind: 'not-reachable',
      code: 'target_tls_failed',
    });
  });
});

describe('client certificates', () => {
  const dir = mkdtempSync(join(tmpdir(), 'hoopctl-keys-'));
  afterAll(() => rmSync(dir, { recursive: true }));
  const file = (name: string, mode: number) => {
    const path = join(dir, name);
    writeFileSync(path, 'x');
    chmodSync(path, mode);
    return path;
  };

  test('whose key others may read are not used', async () => {
    const query = `sslmode=require&sslcert=${file('crt', 0o644)}&sslkey=${file('key', 0o644)}`;
    expect(await failure([Buffer.from('S')], query)).toMatchObject({
      kind: 'usage',
      code: 'key_file_too_open',
    });
  });

  test('and authorities that are not there are named', async () => {
    const query = `sslmode=verify-ca&sslrootcert=${join(dir, 'missing.pem')}`;
    expect(await failure([Buffer.from('S')], query)).toMatchObject({
      kind: 'usage',
      code: 'file_not_readable',
      message: expect.stringContaining('missing.pem'),
    });
  });
});

test('a client that goes away ends the attempt', async () => {
  const { settings } = parseConnection(`postgres://app@127.0.0.1:${await target([])}/shop?sslmode=disable`);
  const gone = new AbortController();
  const attempt = connectTarget(settings, undefined, { clock: systemClock, signal: gone.signal });
  const ended = expect(attempt).rejects.toThrow('gone');
  await once(server as Server, 'connection');
  gone.abort(new Error('gone'));
  await ended;
});

describe('a query of our own', () => {
  const column = {
    name: 'x',
    tableOid: 0,
    columnNumber: 0,
    typeOid: 25,
    typeSize: -1,
    typeModifier: -1,
    format: 0,
  } as const;
  const ask = async (...messages: readonly Buffer[]) =>
    simpleQuery(await open([start, Buffer.concat(messages)]), 'select x', { mostBytes: 100 });

  test('gives the rows of the last statement that had any', async () => {
    const rows = await ask(
      build.rowDescription([column]),
      build.dataRow(['old']),
      build.commandComplete('SELECT 1'),
      build.rowDescription([column, column]),
      build.dataRow(['é', null]),
      build.commandComplete('SELECT 1'),
      build.commandComplete('SET'),
      ready,
    );
    expect(rows).toEqual([['é', null]]);
  });

  test('an error of the target is told with its SQLSTATE, and the connection stays usable', async () => {
    const refused = build.errorResponse({ severity: 'ERROR', sqlstate: '42P01', message: 'no table "x"' });
    const one = await open([
      start,
      Buffer.concat([refused, ready]),
      Buffer.concat([build.commandComplete('SET'), ready]),
    ]);
    await expect(simpleQuery(one, 'select x')).rejects.toMatchObject({
      code: 'target_query_failed',
      why: 'ERROR 42P01: no table "x"',
    });
    expect(await simpleQuery(one, 'set x')).toEqual([]);
  });

  test.each([
    ['a row without description', [build.dataRow(['x']), ready], 'bad_row'],
    [
      'a row with more columns',
      [build.rowDescription([column]), build.dataRow(['x', 'y']), ready],
      'bad_row',
    ],
    [
      'more bytes than taken',
      [build.rowDescription([column]), build.dataRow(['x'.repeat(200)]), ready],
      'answer_too_large',
    ],
    ['COPY', [build.copyResponse('out', 0, [0])], 'unexpected_message'],
    ['more after it is ready', [ready, ready], 'bytes_after_ready'],
    ['bytes after it is ready', [ready, Buffer.from('Z')], 'bytes_after_ready'],
    [
      'a value beyond the message',
      [build.rowDescription([column]), Buffer.from([0x44, 0, 0, 0, 10, 0, 1, 0, 0, 1, 0])],
      'message_too_short',
    ],
  ])('is ended by %s', async (_what, messages, expected) => {
    await expect(ask(...messages)).rejects.toMatchObject({ code: expected });
    expect(connection?.socket.destroyed).toBe(true);
  });

  test('is ended when the target closes', async () => {
    const closing: Answer = (_received, socket) => {
      socket.end();
      return Buffer.alloc(0);
    };
    const one = await open([start, closing]);
    await expect(simpleQuery(one, 'select x')).rejects.toMatchObject({ code: 'target_lost' });
  });
});
