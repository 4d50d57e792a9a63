import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  bindMessage,
  closeMessage,
  copyDataMessage,
  copyFailMessage,
  describeMessage,
  executeMessage,
  FLUSH,
  FRONTEND_COPY_DONE,
  parseMessage,
  passwordMessage,
  queryMessage,
  SYNC,
  TERMINATE,
} from '../../src/protocols/postgres/codec/frontend-builders.ts';
import { cancelRequest, sslRequest } from '../../src/protocols/postgres/codec/startup-packet.ts';
import { TestGateway } from '../servers/gateway.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import {
  errorOf,
  errorsOf,
  loginOf,
  rawMessage,
  rowsOf,
  statusOf,
  tagsOf,
  typesOf,
  WireClient,
} from '../servers/wire-client.ts';

/** What a client may do to the gateway once it is logged in. Numbers are those of the abuse catalogue. */
const POLICY = `
version: 1
default: block
rules:
  - name: no-forbidden
    tables: ["public.forbidden"]
    decision: block
  - name: deletes
    commands: [DELETE]
    decision: approve
  - name: rest
    effects: [read, write, session]
    decision: allow
`;

let server: TestPostgres;
let gateway: TestGateway;
let client: WireClient;

beforeAll(async () => {
  server = await startPostgres();
  await server.createRole('app', 'app-password');
  await server.query(`
    CREATE TABLE lines (n int); INSERT INTO lines SELECT generate_series(1, 3);
    CREATE TABLE forbidden (n int);
    GRANT ALL ON ALL TABLES IN SCHEMA public TO app`);
});
afterAll(() => server?.stop());
beforeEach(async () => {
  gateway = await TestGateway.start(server.url('app', 'app-password'), { policy: POLICY });
  client = await WireClient.login(loginOf(gateway.url()));
});
afterEach(async () => {
  client?.destroy();
  await gateway?.stop();
});

const query = (sql: string) => client.send(queryMessage(sql)).untilReady();
const extended = (sql: string) => [parseMessage('', sql), bindMessage({}), executeMessage('')];
const lines = async () => (await server.query('SELECT count(*)::int AS n FROM lines'))[0]?.n;
const stillServes = async () => expect(rowsOf(await query('SELECT 7'))).toEqual([['7']]);

/** The session ends with these last words, another session is served, nothing of this one is left at the target. */
async function closedWith(sqlstate: string): Promise<void> {
  const ended = gateway.nextEnd();
  const answer = await client.untilClosed();
  expect(errorsOf(answer)).toEqual([sqlstate]);
  expect(errorOf(answer.at(-1))?.severity).toBe('FATAL');
  client.destroy();
  await ended;
  const other = await WireClient.login(loginOf(gateway.url()));
  expect(rowsOf(await other.send(queryMessage('SELECT 7')).untilReady())).toEqual([['7']]);
  other.destroy();
  expect(gateway.decisions.map(({ text }) => text)).toEqual(['SELECT 7']);
}

describe('a message that is none', () => {
  const nul = '\0';
  it.each<[string, Buffer]>([
    ['19: of type !', rawMessage('!')],
    ['19: of type 0', rawMessage(0)],
    ['19: of type z', rawMessage('z', 'abc')],
    ['20: of length 3', rawMessage('Q', '', 3)],
    ['20: of length 0', rawMessage('Q', '', 0)],
    ['20: of length -1', rawMessage('Q', '', -1)],
    ['20: over the limit', rawMessage('Q', '', 0x7fffffff)],
    ['20: a Sync that is longer', rawMessage('S', 'x')],
    ['20: that ends inside its string', rawMessage('P', 'abc')],
    ['21: Query without terminator', rawMessage('Q', 'SELECT 1')],
    ['21: Query with a NUL inside', rawMessage('Q', `SELECT 1${nul}; DROP TABLE lines${nul}`)],
    [
      '22: Parse with 65,535 parameters (or -1) and no types',
      rawMessage('P', Buffer.concat([Buffer.from(`${nul}SELECT 1${nul}`), Buffer.of(0xff, 0xff)])),
    ],
    [
      '23: Bind with two formats for one parameter',
      rawMessage(
        'B',
        Buffer.concat([Buffer.from(nul + nul), Buffer.of(0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)]),
      ),
    ],
    [
      '23: Bind with a parameter of length -2',
      rawMessage(
        'B',
        Buffer.concat([Buffer.from(nul + nul), Buffer.of(0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe, 0, 0)]),
      ),
    ],
    [
      '23: Bind with an unknown format',
      rawMessage('B', Buffer.concat([Buffer.from(nul + nul), Buffer.of(0, 0, 0, 0, 0, 1, 0, 7)])),
    ],
    ['24: Execute of a negative number of rows', executeMessage('', -1)],
    ['25: Describe of neither S nor P', rawMessage('D', `X${nul}`)],
    ['25: Close of neither S nor P', rawMessage('C', `X${nul}`)],
    ['29: a password after authentication', passwordMessage('again')],
    ['30: SSLRequest in mid-session', sslRequest()],
  ])('%s: close', async (_, message) => {
    client.send(message);
    await closedWith('08P01');
  });
});

describe('a text that cannot be read', () => {
  it('21: invalid UTF-8 is 22021 and the session lives on', async () => {
    const answer = await client.send(rawMessage('Q', Buffer.from([0xff, 0xfe, 0]))).untilReady();
    expect(errorsOf(answer)).toEqual(['22021']);
    await stillServes();
  });

  it('21: an empty one is answered as such', async () => {
    expect(typesOf(await query(''))).toBe('IZ');
    expect(typesOf(await query(' ; -- nothing'))).toBe('IZ');
  });

  it('21: 16 MB are refused, and nothing of them reaches the target', async () => {
    const answer = await client
      .send(queryMessage(`SELECT '${'x'.repeat(16 * 1024 * 1024 - 100)}'`))
      .untilReady();
    expect(errorsOf(answer)).toEqual(['42501']);
    expect(gateway.decisions).toMatchObject([{ outcome: 'block' }]);
    await stillServes();
  });
});

describe('a name that nothing has', () => {
  it.each<[string, string, Buffer]>([
    ['23: Bind to an unknown statement', '26000', bindMessage({ statement: 'none' })],
    ['24: Execute of an unknown portal', '34000', executeMessage('none')],
    ['Describe of an unknown statement', '26000', describeMessage('statement', 'none')],
    ['Describe of an unknown portal', '34000', describeMessage('portal', 'none')],
  ])('%s is %s', async (_, sqlstate, message) => {
    const answer = await client.send(message, SYNC).untilReady();
    expect(errorsOf(answer)).toEqual([sqlstate]);
    await stillServes();
  });

  it('24: a closed portal has none either', async () => {
    const answer = await client
      .send(
        parseMessage('', 'SELECT 1'),
        bindMessage({ portal: 'p' }),
        closeMessage('portal', 'p'),
        executeMessage('p'),
        SYNC,
      )
      .untilReady();
    expect(typesOf(answer)).toBe('123EZ');
    await stillServes();
  });

  it('23: more result formats than columns is the target’s error', async () => {
    const answer = await client
      .send(parseMessage('', 'SELECT 1'), bindMessage({ resultFormats: [0, 1] }), executeMessage(''), SYNC)
      .untilReady();
    expect(errorsOf(answer)).toEqual(['08P01']);
    expect(statusOf(answer)).toBe('idle');
    await stillServes();
  });
});

describe('COPY', () => {
  it('26: its messages outside of it are dropped, as PostgreSQL drops them', async () => {
    client.send(copyDataMessage(Buffer.from('9\n')), FRONTEND_COPY_DONE, copyFailMessage('no'));
    await stillServes();
    expect(await lines()).toBe(3);
  });

  it('26: other messages inside of it: close, nothing copied', async () => {
    client.send(queryMessage('COPY lines FROM STDIN'));
    await client.until((one) => one.type === 'G');
    client.send(copyDataMessage(Buffer.from('9\n')), queryMessage('DELETE FROM lines'));
    const answer = await client.untilClosed();
    expect(errorsOf(answer)).toEqual(['08P01']);
    expect(await lines()).toBe(3);
    expect(gateway.decisions).toHaveLength(1);
  });

  it('may be sent with everything behind it, and is over when the client says so', async () => {
    const answer = await client
      .send(
        queryMessage('COPY lines FROM STDIN'),
        copyDataMessage(Buffer.from('8\n')),
        copyFailMessage('thought better'),
        queryMessage('SELECT 1'),
      )
      .untilReady();
    expect(typesOf(answer)).toBe('GEZ');
    expect(tagsOf(await client.untilReady())).toEqual(['SELECT 1']);
    expect(await lines()).toBe(3);
  });

  it('takes a Sync right behind its Query, before it began, as PostgreSQL does', async () => {
    client.send(queryMessage('COPY lines FROM STDIN'), SYNC);
    await client.until((one) => one.type === 'G');
    const answer = await client.send(FRONTEND_COPY_DONE).untilReady();
    expect(tagsOf(answer)).toEqual(['COPY 0']);
    await stillServes();
  });

  it('26: what is sent behind it as if it were none waits for it to begin, and then ends the session', async () => {
    client.send(
      queryMessage('COPY lines FROM STDIN'),
      queryMessage('SELECT 1'),
      closeMessage('statement', 'x'),
    );
    const answer = await client.untilClosed();
    expect(errorsOf(answer)).toEqual(['08P01']);
    expect(await lines()).toBe(3);
  });

  it('by Execute ignores the Sync that was sent before it began', async () => {
    client.send(...extended('COPY lines FROM STDIN'), SYNC);
    await client.until((one) => one.type === 'G');
    const answer = await client
      .send(copyDataMessage(Buffer.from('8\n')), FRONTEND_COPY_DONE, SYNC)
      .untilReady();
    expect(tagsOf(answer)).toEqual(['COPY 1']);
    await stillServes();
    await server.query('DELETE FROM lines WHERE n = 8');
  });
});

describe('a pipeline', () => {
  it('27: a FunctionCall is refused unless it is one of the large objects', async () => {
    const body = Buffer.alloc(10);
    body.writeUInt32BE(2026, 0); // pg_backend_pid
    const answer = await client.send(rawMessage('F', body)).untilReady();
    expect(errorsOf(answer)).toEqual(['0A000']);
    await stillServes();
  });

  it('28: a flood of Syncs is answered one by one', async () => {
    const count = 30_000;
    client.send(Buffer.concat(Array.from({ length: count }, () => SYNC)));
    let ready = 0;
    await client.until((one) => one.type === 'Z' && ++ready === count);
    await stillServes();
  });

  it('28: Flush without Sync brings the answers', async () => {
    const answer = await client.send(...extended('SELECT 1'), FLUSH).until((one) => one.type === 'C');
    expect(typesOf(answer)).toBe('12DC');
    expect(typesOf(await client.send(SYNC).untilReady())).toBe('Z');
  });

  it('31: with a forbidden statement in the middle runs what is before it, and one ReadyForQuery', async () => {
    const answer = await client
      .send(
        ...extended('INSERT INTO lines VALUES (4)'),
        ...extended('SELECT * FROM forbidden'),
        ...extended('INSERT INTO lines VALUES (5)'),
        SYNC,
      )
      .untilReady();
    expect(typesOf(answer)).toBe('12CEZ');
    expect(errorsOf(answer)).toEqual(['42501']);
    // One implicit transaction: PostgreSQL takes the first back as well.
    expect(await lines()).toBe(3);
    await stillServes();
  });

  it('32: with a statement that waits gives out what is before it, and nothing overtakes', async () => {
    client.send(
      ...extended('SELECT 1'),
      ...extended('DELETE FROM lines WHERE n = 99'),
      ...extended('SELECT 2'),
      SYNC,
    );
    const hold = await gateway.nextHold();
    expect(typesOf(await client.until((one) => one.type === 'N'))).toBe('12DC1N');
    expect(client.pending).toEqual([]);
    hold.approve();
    expect(typesOf(await client.untilReady())).toBe('N2C12DCZ');
  });

  it('33: a statement name given a new text is judged by it', async () => {
    await client.send(parseMessage('s', 'SELECT 1'), SYNC).untilReady();
    const answer = await client
      .send(
        closeMessage('statement', 's'),
        parseMessage('s', 'SELECT * FROM forbidden'),
        bindMessage({ statement: 's' }),
        executeMessage(''),
        SYNC,
      )
      .untilReady();
    expect(typesOf(answer)).toBe('3EZ');
    expect(errorsOf(answer)).toEqual(['42501']);
    expect(errorsOf(await client.send(bindMessage({ statement: 's' }), SYNC).untilReady())).toEqual([
      '26000',
    ]);
  });

  it('34: an error skips to its own Sync, and what was sent for the next one runs', async () => {
    const first = await client
      .send(
        ...extended('SELECT 1/(random() * 0)::int'),
        ...extended('INSERT INTO lines VALUES (4)'),
        SYNC,
        ...extended('SELECT 2'),
        SYNC,
      )
      .untilReady();
    expect(typesOf(first)).toBe('12EZ');
    expect(rowsOf(await client.untilReady())).toEqual([['2']]);
    expect(await lines()).toBe(3);
  });
});

describe('a statement that waits', () => {
  it('35: is withdrawn by CancelRequest, and the session goes on', async () => {
    client.send(queryMessage('DELETE FROM lines'));
    await gateway.nextHold();
    await client.until((one) => one.type === 'N');
    const canceller = new WireClient(gateway.port);
    canceller.send(cancelRequest(client.key.processId, client.key.secret));
    expect(errorsOf(await client.untilReady())).toEqual(['57014']);
    expect(await lines()).toBe(3);
    await stillServes();
    canceller.destroy();
  });

  it('17: is not touched by a CancelRequest with another key', async () => {
    client.send(queryMessage('DELETE FROM lines WHERE n = 99'));
    const hold = await gateway.nextHold();
    const wrong = Buffer.from(client.key.secret);
    wrong[0] = (wrong[0] ?? 0) ^ 1;
    for (const [processId, key] of [
      [client.key.processId, wrong],
      [client.key.processId + 1, client.key.secret],
      [client.key.processId, Buffer.concat([client.key.secret, Buffer.alloc(28)])],
    ] as const) {
      const canceller = new WireClient(gateway.port);
      await canceller.send(cancelRequest(processId, key)).untilClosed();
      canceller.destroy();
    }
    hold.approve();
    expect(tagsOf(await client.untilReady())).toEqual(['DELETE 0']);
  });

  it.each<[string, () => unknown]>([
    ['36: Terminate', () => client.send(TERMINATE)],
    ['36: Terminate behind other messages', () => client.send(queryMessage('SELECT 1'), SYNC, TERMINATE)],
    ['a closed connection', () => client.destroy()],
  ])('%s withdraws it, and approval comes too late', async (_, leave) => {
    client.send(queryMessage('DELETE FROM lines'));
    const hold = await gateway.nextHold();
    const ended = gateway.nextEnd();
    leave();
    await ended;
    hold.approve();
    expect(await lines()).toBe(3);
  });
});

describe('a connection', () => {
  it('37: closed by the client for writing is served what it asked before', async () => {
    client.send(queryMessage('SELECT pg_sleep(0.05), 1'), ...extended('SELECT 2'), SYNC);
    client.socket.end();
    expect(tagsOf(await client.untilReady())).toEqual(['SELECT 1']);
    expect(rowsOf(await client.untilReady())).toEqual([['2']]);
    expect(await client.untilClosed()).toEqual([]);
  });

  it('38: that never reads holds back the target, not the memory', async () => {
    client.socket.pause();
    client.send(queryMessage("SELECT repeat('x', 1000000) FROM generate_series(1, 120)"));
    let shown = -1;
    await expect
      .poll(
        () => {
          const before = shown;
          shown = gateway.shown().length;
          return shown > 0 && shown === before;
        },
        { interval: 300, timeout: 10_000 },
      )
      .toBe(true);
    expect(shown).toBeLessThan(60_000_000);
    client.socket.resume();
    expect(rowsOf(await client.untilReady())).toHaveLength(120);
  });

  it('39: cut at every byte gives the same outcome', async () => {
    const script = Buffer.concat([
      queryMessage('SELECT n FROM lines ORDER BY n'),
      ...extended("SELECT 'ä', 1/(random() * 0)::int"),
      SYNC,
      parseMessage('s', 'SELECT $1::int + n FROM lines ORDER BY n'),
      describeMessage('statement', 's'),
      bindMessage({ statement: 's', parameters: ['40'], resultFormats: [1] }),
      executeMessage('', 2),
      executeMessage('', 2),
      closeMessage('statement', 's'),
      SYNC,
      queryMessage('SELECT * FROM forbidden'),
    ]);
    const outcome = async (pieces: Iterable<Buffer>) => {
      const one = await WireClient.login(loginOf(gateway.url()));
      for (const piece of pieces) {
        one.send(piece);
        // Lets the piece leave by itself.
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      const answers = [await one.untilReady(), await one.untilReady(), await one.untilReady()];
      one.destroy();
      return answers.map((answer) => [typesOf(answer), errorsOf(answer), rowsOf(answer)]);
    };
    const whole = await outcome([script]);
    expect(whole.map(([types]) => types)).toEqual(['TDDDCZ', '12EZ', '1tT2DDsDC3Z']);
    expect(await outcome(Array.from(script, (byte) => Buffer.of(byte)))).toEqual(whole);
    for (const at of [1, 4, 5, 6, 40, 63, 90, 120]) {
      expect(await outcome([script.subarray(0, at), script.subarray(at)])).toEqual(whole);
    }
  });
});
