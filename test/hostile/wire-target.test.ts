import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  AUTHENTICATION_CLEARTEXT,
  AUTHENTICATION_OK,
  BIND_COMPLETE,
  backendKeyData,
  COPY_DONE,
  commandComplete,
  dataRow,
  errorResponse,
  negotiateProtocolVersion,
  notificationResponse,
  PARSE_COMPLETE,
  PORTAL_SUSPENDED,
  parameterStatus,
  readyForQuery,
  rowDescription,
} from '../../src/protocols/postgres/codec/backend-builders.ts';
import {
  bindMessage,
  copyDataMessage,
  executeMessage,
  parseMessage,
  queryMessage,
  SYNC,
} from '../../src/protocols/postgres/codec/frontend-builders.ts';
import { TestGateway } from '../servers/gateway.ts';
import { HostileTarget } from '../servers/hostile-target.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import {
  errorOf,
  errorsOf,
  loginOf,
  rawMessage,
  rowsOf,
  tagsOf,
  typesOf,
  WireClient,
} from '../servers/wire-client.ts';

/** What a target may do to the gateway in the middle of a session. Numbers are those of the abuse catalogue. */
const CARD = '4242424242424242';
const POLICY = `
version: 1
default: block
rules:
  - name: all
    effects: [read, write, session]
    decision: allow
masks:
  - name: cards
    columns: ["public.customers.card_number"]
    strategy: redact
`;

let server: TestPostgres;
let target: HostileTarget;
let gateway: TestGateway;
let client: WireClient;
let table: { oid: number; card: number };

beforeAll(async () => {
  server = await startPostgres();
  await server.createRole('app', 'app-password');
  await server.query(`CREATE TABLE customers (id int, card_number text); GRANT ALL ON customers TO app`);
  const [row] = await server.query("SELECT 'customers'::regclass::oid::int AS oid");
  table = { oid: Number(row?.oid), card: 2 };
  target = await HostileTarget.start(server);
});
afterAll(async () => {
  await target?.stop();
  await server?.stop();
});
beforeEach(async () => {
  const url = `postgres://app:app-password@127.0.0.1:${target.port}/postgres?sslmode=disable`;
  gateway = await TestGateway.start(url, { policy: POLICY });
  client = await login();
});
afterEach(async () => {
  client?.destroy();
  await gateway?.stop();
});

const login = () =>
  WireClient.login({ ...loginOf(gateway.url()), parameters: { application_name: 'session' } });
const answering = (...bytes: readonly Uint8Array[]) => {
  target.answer = (session: Socket) => void session.write(Buffer.concat(bytes));
};
/** One text column: the masked one, or one of nothing. */
const described = (origin = table, format: 0 | 1 = 0) =>
  rowDescription([
    {
      name: 'card_number',
      tableOid: origin.oid,
      columnNumber: origin.card,
      typeOid: 25,
      typeSize: -1,
      typeModifier: -1,
      format,
    },
  ]);
const evil = () => client.send(queryMessage('SELECT card_number AS evil FROM customers'));
const row = dataRow([CARD]);
const done = [commandComplete('SELECT 1'), readyForQuery('idle')];
const int32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

/** Both sides are closed, nothing that a mask covers was shown, and others are served. */
async function bothClosed(): Promise<void> {
  const ended = gateway.nextEnd();
  const answer = await client.untilClosed();
  expect(errorOf(answer.at(-1))).toMatchObject({ severity: 'FATAL', sqlstate: '08P01' });
  client.destroy();
  await ended;
  await expect.poll(() => target.sessions.size).toBe(0);
  expect(gateway.shown().includes(CARD)).toBe(false);
  const other = await login();
  expect(rowsOf(await other.send(queryMessage('SELECT 7')).untilReady())).toEqual([['7']]);
  other.destroy();
}

describe('an honest target', () => {
  it('is passed on, its masked column masked', async () => {
    answering(described(), row, ...done);
    const answer = await evil().untilReady();
    expect(typesOf(answer)).toBe('TDCZ');
    expect(gateway.shown().includes(CARD)).toBe(false);
  });
});

describe('closed at once is a target that sends', () => {
  it.each<[string, () => readonly Uint8Array[]]>([
    ['41: an unknown message', () => [rawMessage('!', CARD)]],
    ['41: a negative length', () => [described(), rawMessage('D', CARD, -5)]],
    ['41: a length of 2 GB', () => [described(), rawMessage('D', CARD, 0x7fffffff)]],
    ['41: more columns than it described', () => [described(), dataRow([null, CARD])]],
    ['41: fewer columns than it described', () => [described(), dataRow([]), row]],
    [
      '41: a column that is longer than its row',
      () => [described(), rawMessage('D', Buffer.concat([Buffer.of(0, 1), int32(99), Buffer.from(CARD)]))],
    ],
    [
      '41: a column of length -2',
      () => [described(), rawMessage('D', Buffer.concat([Buffer.of(0, 1), int32(-2), Buffer.from(CARD)]))],
    ],
    [
      '41: bytes behind the last column',
      () => [described(), rawMessage('D', Buffer.concat([Buffer.of(0, 1), int32(-1), Buffer.from(CARD)]))],
    ],
    ['41: two descriptions', () => [described(), described({ oid: 0, card: 0 }), row]],
    ['41: rows without description', () => [row]],
    ['41: a column in a format of its own', () => [described(table, 2 as 1), row]],
    ['41: a description that ends in a column', () => [rawMessage('T', Buffer.of(0, 9, 65, 0))]],
    ['42: an error without SQLSTATE', () => [rawMessage('E', `SERROR\0M${CARD}\0\0`)]],
    ['42: an error without terminator', () => [rawMessage('E', `SERROR\0C22012\0M${CARD}`)]],
    ['42: an error of 100 MB', () => [rawMessage('E', `SERROR\0M${CARD}`, 100_000_000)]],
    ['43: an unknown status', () => [...done.slice(0, 1), rawMessage('Z', 'X')]],
    ['43: ReadyForQuery twice', () => [readyForQuery('idle'), readyForQuery('idle')]],
    ['44: standard_conforming_strings off', () => [parameterStatus('standard_conforming_strings', 'off')]],
    ['44: another client_encoding', () => [parameterStatus('client_encoding', 'SJIS')]],
    ['46: another cancel key', () => [backendKeyData(1, Buffer.alloc(4))]],
    ['46: a cancel key of 3 bytes', () => [backendKeyData(1, Buffer.alloc(3))]],
    [
      '47: CopyOutResponse',
      () => [
        rawMessage('H', Buffer.of(0, 0, 1, 0, 0)),
        copyDataMessage(Buffer.from(`${CARD}\n`)),
        COPY_DONE,
        ...done,
      ],
    ],
    [
      '47: CopyBothResponse',
      () => [rawMessage('W', Buffer.of(0, 0, 1, 0, 0)), copyDataMessage(Buffer.from(CARD))],
    ],
    ['47: CopyInResponse', () => [rawMessage('G', Buffer.of(0, 0, 1, 0, 0))]],
    ['47: CopyData outside of COPY', () => [copyDataMessage(Buffer.from(CARD))]],
    ['50: a row after ReadyForQuery', () => [described(), ...done, row]],
    ['50: an answer nobody waits for', () => [...done, ...done]],
    ['the answer to a Parse', () => [PARSE_COMPLETE]],
    ['the answer to a Bind', () => [BIND_COMPLETE]],
    ['PortalSuspended', () => [PORTAL_SUSPENDED]],
    [
      'the answer to a function call',
      () => [rawMessage('V', Buffer.concat([int32(CARD.length), Buffer.from(CARD)]))],
    ],
    ['AuthenticationOk', () => [AUTHENTICATION_OK]],
    ['a question for the password', () => [AUTHENTICATION_CLEARTEXT]],
    ['NegotiateProtocolVersion', () => [negotiateProtocolVersion(0x30000, [])]],
  ])('%s', async (_, bytes) => {
    answering(...bytes());
    evil();
    await bothClosed();
  });

  it('41: text where the client asked for binary, or the other way: it is masked as described', async () => {
    answering(PARSE_COMPLETE, BIND_COMPLETE, described(table, 0), row, ...done);
    client.send(
      parseMessage('', 'SELECT card_number AS evil FROM customers'),
      bindMessage({ resultFormats: [1] }),
      executeMessage(''),
      SYNC,
    );
    await client.untilReady();
    expect(gateway.shown().includes(CARD)).toBe(false);
  });

  it('a row in the answer to Parse', async () => {
    answering(PARSE_COMPLETE, row);
    client.send(
      parseMessage('', 'SELECT card_number AS evil FROM customers'),
      bindMessage({}),
      executeMessage(''),
      SYNC,
    );
    await bothClosed();
  });
});

describe('44: ParameterStatus', () => {
  it('that makes the user another is followed: the state is asked for before the next statement', async () => {
    answering(parameterStatus('is_superuser', 'on'), described(), row, ...done);
    expect(typesOf(await evil().untilReady())).toBe('STDCZ');
    expect(tagsOf(await client.send(queryMessage('SELECT 1')).untilReady())).toEqual(['SELECT 1']);
  });
});

describe('45: floods', () => {
  it.each([
    ['notices', () => rawMessage('N', `SNOTICE\0C00000\0M${'x'.repeat(60_000)}\0\0`)],
    // A payload would be withheld, and next to nothing be left to hold back.
    ['notifications', () => notificationResponse(1, 'x'.repeat(60_000), '')],
  ])('of %s are held back by a client that does not read', async (_, message) => {
    const bytes = message();
    let written = 0;
    target.answer = (session) => {
      const more = () => {
        while (written < 1_000_000_000 && session.write(bytes)) written += bytes.length;
        if (written < 1_000_000_000) session.once('drain', more);
      };
      more();
    };
    client.socket.pause();
    client.send(queryMessage("SELECT 'evil'"));
    let before = -1;
    const settled = () => {
      const same = written > 0 && written === before;
      before = written;
      return same;
    };
    await expect.poll(settled, { interval: 300, timeout: 10_000 }).toBe(true);
    expect(written).toBeLessThan(60_000_000);
    expect(gateway.shown().length).toBeLessThan(60_000_000);
  });
});

describe('49: a target that closes', () => {
  it.each<[string, () => readonly Uint8Array[]]>([
    ['before it answers', () => []],
    ['in the middle of a result', () => [described(), row]],
    ['in the middle of a row', () => [described(), row, row.subarray(0, 9)]],
  ])('%s gives 08006, and the record says that it was lost', async (_, bytes) => {
    target.answer = (session) => session.end(Buffer.concat(bytes()));
    const ended = gateway.nextEnd();
    const answer = await evil().untilClosed();
    expect(errorsOf(answer)).toEqual(['08006']);
    client.destroy();
    await ended;
    expect(gateway.notes).toContain('target lost');
    expect(gateway.shown().includes(CARD)).toBe(false);
  });

  it('after a FATAL of its own has said why', async () => {
    const words = errorResponse({ severity: 'FATAL', sqlstate: '57P01', message: 'terminating connection' });
    target.answer = (session) => session.end(words);
    expect(errorsOf(await evil().untilClosed())).toEqual(['57P01']);
  });
});
