import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as server from '../../../src/protocols/postgres/codec/backend-builders.ts';
import type { ColumnDescription } from '../../../src/protocols/postgres/codec/backend-messages.ts';
import * as client from '../../../src/protocols/postgres/codec/frontend-builders.ts';
import { replayPostgres } from '../../../src/protocols/postgres/replay.ts';
import { FRAME, type Frame, type FrameKind, type ReplayEvent } from '../../../src/recording/events.ts';

type Step = readonly [FrameKind, Buffer];
const json = (kind: FrameKind, value: object): Step => [kind, Buffer.from(JSON.stringify(value))];
const fromClient = (...messages: Buffer[]): Step => [FRAME.client, Buffer.concat(messages)];
const fromServer = (...messages: Buffer[]): Step => [FRAME.server, Buffer.concat(messages)];
const decided = (text: string, more: object = {}): Step =>
  json(FRAME.decision, { text, outcome: 'allow', rule: 'reads', effects: ['read: t'], ...more });

const INT4 = 23;
const INT8 = 20;
const TEXT = 25;
const column = (name: string, typeOid: number, format: 0 | 1 = 0): ColumnDescription => ({
  name,
  tableOid: 0,
  columnNumber: 0,
  typeOid,
  typeSize: -1,
  typeModifier: -1,
  format,
});
const int4 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const READY = server.readyForQuery('idle');

async function* framesOf(steps: readonly Step[]): AsyncGenerator<Frame> {
  let at = 0;
  for (const [kind, payload] of steps) {
    at += 1500;
    yield { kind, at, payload };
  }
}

async function eventsOf(...steps: readonly Step[]): Promise<ReplayEvent[]> {
  const events: ReplayEvent[] = [];
  for await (const event of replayPostgres(framesOf(steps))) events.push(event);
  return events;
}

/** Without times and without the end. */
async function told(...steps: readonly Step[]): Promise<object[]> {
  const events = await eventsOf(...steps, json(FRAME.close, { reason: 'over' }));
  return events.slice(0, -1).map(({ at: _, ...event }) => event);
}

describe('replaying a session', () => {
  it('begins with who and where, ends with why, and tells milliseconds', async () => {
    const opened = {
      session: 's-1',
      connection: 'prod-db',
      identity: 'devin',
      protocol: 'postgres',
      startedAt: '2026-01-01T00:00:00.000Z',
    };

    expect(
      await eventsOf(
        json(FRAME.open, { ...opened, target: 't', policy: 'p' }),
        json(FRAME.note, { message: 'policy changed' }),
        json(FRAME.close, { reason: 'closed by the client' }),
      ),
    ).toEqual([
      { type: 'start', at: 1.5, ...opened },
      { type: 'note', at: 3, message: 'policy changed' },
      { type: 'end', at: 4.5, reason: 'closed by the client' },
    ]);
  });

  it('says so when the recording has no end', async () => {
    expect(await eventsOf()).toEqual([
      { type: 'end', at: 0, reason: expect.stringMatching(/still open|interrupted/) },
    ]);
  });

  it('shows approvals', async () => {
    expect(
      await told(
        json(FRAME.approval, { id: 'ap-1', status: 'pending', by: null, reason: null }),
        json(FRAME.approval, { id: 'ap-1', status: 'denied', by: 'ana', reason: 'no' }),
      ),
    ).toEqual([
      { type: 'approval', id: 'ap-1', status: 'pending', by: null, reason: null },
      { type: 'approval', id: 'ap-1', status: 'denied', by: 'ana', reason: 'no' },
    ]);
  });

  it('notes an entry that cannot be read, and goes on', async () => {
    expect(
      await told(
        [FRAME.decision, Buffer.from('{')],
        json(FRAME.approval, {}),
        json(FRAME.note, { message: 'x' }),
      ),
    ).toEqual([
      { type: 'note', message: 'an entry that cannot be read' },
      { type: 'note', message: 'an entry that cannot be read' },
      { type: 'note', message: 'x' },
    ]);
  });
});

describe('the simple protocol', () => {
  it('shows statement, columns, rows and tag', async () => {
    expect(
      await told(
        fromClient(client.queryMessage('select id, name from t')),
        decided('select id, name from t'),
        fromServer(
          server.rowDescription([column('id', INT4), column('name', TEXT)]),
          server.dataRow(['1', 'žluť']),
          server.dataRow(['2', null]),
          server.commandComplete('SELECT 2'),
          READY,
        ),
      ),
    ).toEqual([
      {
        type: 'statement',
        text: 'select id, name from t',
        parameters: [],
        decision: 'allow',
        rule: 'reads',
        effects: ['read: t'],
      },
      { type: 'columns', names: ['id', 'name'], rightAligned: [true, false] },
      { type: 'row', values: ['1', 'žluť'] },
      { type: 'row', values: ['2', null] },
      { type: 'complete', tag: 'SELECT 2' },
    ]);
  });

  it('shows several results of one text, each with its columns', async () => {
    const events = await told(
      fromClient(client.queryMessage('select 1; select 2')),
      fromServer(
        server.rowDescription([column('a', INT4)]),
        server.dataRow(['1']),
        server.commandComplete('SELECT 1'),
        server.rowDescription([column('b', INT4)]),
        server.commandComplete('SELECT 0'),
        READY,
      ),
    );

    expect(
      events.map((event) => ('names' in event ? event.names : 'tag' in event ? event.tag : '-')),
    ).toEqual([['a'], '-', 'SELECT 1', ['b'], 'SELECT 0']);
  });

  it('shows errors, notices and notifications whole', async () => {
    expect(
      await told(
        fromServer(
          server.noticeResponse({ severity: 'NOTICE', sqlstate: '00000', message: 'held', hint: 'wait' }),
          server.errorResponse({ severity: 'ERROR', sqlstate: '42501', message: 'blocked', detail: 'd' }),
          server.notificationResponse(1, 'jobs', 'payload'),
        ),
      ),
    ).toEqual([
      { type: 'notice', severity: 'NOTICE', message: 'held', detail: null, hint: 'wait' },
      { type: 'error', severity: 'ERROR', sqlstate: '42501', message: 'blocked', detail: 'd', hint: null },
      { type: 'notification', channel: 'jobs', payload: 'payload' },
    ]);
  });

  it('shows COPY data of both directions', async () => {
    expect(
      await told(
        fromClient(client.queryMessage('copy t from stdin')),
        fromServer(server.copyResponse('in', 0, [0])),
        fromClient(client.copyDataMessage(Buffer.from('1\n')), client.FRONTEND_COPY_DONE),
        fromServer(server.commandComplete('COPY 1'), READY),
        fromClient(client.queryMessage('copy t to stdout')),
        fromServer(
          server.copyResponse('out', 1, [1]),
          client.copyDataMessage(Buffer.from([0, 255])),
          server.COPY_DONE,
          server.commandComplete('COPY 1'),
          READY,
        ),
      ),
    ).toEqual([
      { type: 'copy', direction: 'in', data: '1\n' },
      { type: 'complete', tag: 'COPY 1' },
      { type: 'copy', direction: 'out', data: '\\x00ff' },
      { type: 'complete', tag: 'COPY 1' },
    ]);
  });
});

const bind = (
  statement: string,
  parameters: (Buffer | string | null)[] = [],
  resultFormats: (0 | 1)[] = [],
) => client.bindMessage({ statement, parameters, resultFormats });

describe('the extended protocol', () => {
  const describedOnce: readonly Step[] = [
    fromClient(
      client.parseMessage('s1', 'select id from t where n = $1', [TEXT]),
      client.describeMessage('statement', 's1'),
      client.SYNC,
    ),
    fromServer(
      server.PARSE_COMPLETE,
      server.parameterDescription([TEXT]),
      server.rowDescription([column('id', INT4)]),
      READY,
    ),
  ];
  const executed = (parameter: string): readonly Step[] => [
    fromClient(bind('s1', [parameter], [1]), client.executeMessage(''), client.SYNC),
    decided('select id from t where n = $1'),
    fromServer(server.BIND_COMPLETE, server.dataRow([int4(7)]), server.commandComplete('SELECT 1'), READY),
  ];

  it('keeps the columns of a statement that was described once, and reads binary values by their type', async () => {
    const events = await told(...describedOnce, ...executed('x'), ...executed('y'));

    expect(events.filter((event) => !('text' in event))).toEqual([
      { type: 'columns', names: ['id'], rightAligned: [true] },
      { type: 'row', values: ['7'] },
      { type: 'complete', tag: 'SELECT 1' },
      { type: 'columns', names: ['id'], rightAligned: [true] },
      { type: 'row', values: ['7'] },
      { type: 'complete', tag: 'SELECT 1' },
    ]);
  });

  it('takes parameters from Bind where the decision leaves them out', async () => {
    const events = await told(...describedOnce, ...executed('x'), ...executed('y'));

    expect(events.flatMap((event) => ('parameters' in event ? [event.parameters] : []))).toEqual([
      ['x'],
      ['y'],
    ]);
  });

  it('gives each of several pipelined executions its own parameters, in order', async () => {
    const text = 'select id from t where n = $1';
    const events = await told(
      ...describedOnce,
      fromClient(
        bind('s1', ['first']),
        client.executeMessage(''),
        bind('s1', ['second']),
        client.executeMessage(''),
        client.SYNC,
      ),
      decided(text),
      decided(text),
    );

    expect(events.flatMap((event) => ('parameters' in event ? [event.parameters] : []))).toEqual([
      ['first'],
      ['second'],
    ]);
  });

  it('does not show parameters of a Bind that never ran', async () => {
    const text = 'select id from t where n = $1';
    const events = await told(
      ...describedOnce,
      fromClient(bind('s1', ['never decided']), client.SYNC),
      fromServer(server.errorResponse({ severity: 'ERROR', sqlstate: '26000', message: 'no' }), READY),
      fromClient(bind('s1', ['decided']), client.executeMessage(''), client.SYNC),
      decided(text),
    );

    expect(events.flatMap((event) => ('parameters' in event ? [event.parameters] : []))).toEqual([
      ['decided'],
    ]);
  });

  it('prefers the parameters of the decision', async () => {
    const events = await told(
      ...describedOnce,
      decided('select id from t where n = $1', { parameters: ['z', null] }),
    );

    expect(events).toContainEqual(expect.objectContaining({ parameters: ['z', null] }));
  });

  it('repeats the text of a statement that a later decision refers to', async () => {
    expect(
      await told(
        decided('select 1', { id: 4 }),
        json(FRAME.decision, { ref: 4 }),
        json(FRAME.decision, { ref: 5 }),
      ),
    ).toEqual([
      expect.objectContaining({ text: 'select 1', rule: 'reads', effects: ['read: t'] }),
      expect.objectContaining({ text: 'select 1', rule: 'reads', effects: ['read: t'] }),
      expect.objectContaining({ text: '(statement 5, shown further up)' }),
    ]);
  });

  it('calls columns ?column? when nobody described them', async () => {
    const events = await told(
      fromClient(client.parseMessage('', 'select 1, 2'), bind(''), client.executeMessage(''), client.SYNC),
      fromServer(
        server.PARSE_COMPLETE,
        server.BIND_COMPLETE,
        server.dataRow(['1', '2']),
        server.commandComplete('SELECT 1'),
        READY,
      ),
    );

    expect(events).toEqual([
      { type: 'columns', names: ['?column?', '?column?'], rightAligned: [false, false] },
      { type: 'row', values: ['1', '2'] },
      { type: 'complete', tag: 'SELECT 1' },
    ]);
  });

  it('shows the columns of a result without rows', async () => {
    const events = await told(
      fromClient(
        client.parseMessage('', 'select id from t'),
        bind(''),
        client.describeMessage('portal', ''),
        client.executeMessage(''),
        client.SYNC,
      ),
      fromServer(
        server.PARSE_COMPLETE,
        server.BIND_COMPLETE,
        server.rowDescription([column('id', INT8)]),
        server.commandComplete('SELECT 0'),
        READY,
      ),
    );

    expect(events).toEqual([
      { type: 'columns', names: ['id'], rightAligned: [true] },
      { type: 'complete', tag: 'SELECT 0' },
    ]);
  });

  it('shows no columns for a statement that has none', async () => {
    const events = await told(
      fromClient(
        client.parseMessage('', 'delete from t'),
        bind(''),
        client.describeMessage('portal', ''),
        client.executeMessage(''),
        client.SYNC,
      ),
      fromServer(
        server.PARSE_COMPLETE,
        server.BIND_COMPLETE,
        server.NO_DATA,
        server.commandComplete('DELETE 3'),
        READY,
      ),
    );

    expect(events).toEqual([{ type: 'complete', tag: 'DELETE 3' }]);
  });

  it('goes on with a portal that was suspended', async () => {
    const events = await told(
      ...describedOnce,
      fromClient(bind('s1', ['x']), client.executeMessage('', 1), client.executeMessage('', 1), client.SYNC),
      fromServer(
        server.BIND_COMPLETE,
        server.dataRow(['1']),
        server.PORTAL_SUSPENDED,
        server.commandComplete('SELECT 0'),
        READY,
      ),
    );

    expect(events.filter((event) => 'names' in event)).toHaveLength(1);
  });

  it('knows where it is after an error that skipped to Sync', async () => {
    const events = await told(
      ...describedOnce,
      fromClient(
        client.parseMessage('bad', 'selec'),
        client.describeMessage('statement', 'bad'),
        bind('bad'),
        client.executeMessage(''),
        client.SYNC,
        bind('s1', ['x']),
        client.executeMessage(''),
        client.SYNC,
      ),
      fromServer(
        server.errorResponse({ severity: 'ERROR', sqlstate: '42601', message: 'syntax error' }),
        READY,
        server.BIND_COMPLETE,
        server.dataRow(['7']),
        server.commandComplete('SELECT 1'),
        READY,
      ),
    );

    expect(events.slice(1)).toEqual([
      { type: 'columns', names: ['id'], rightAligned: [true] },
      { type: 'row', values: ['7'] },
      { type: 'complete', tag: 'SELECT 1' },
    ]);
  });
});

describe('bytes as they come', () => {
  const whole: readonly Step[] = [
    fromClient(client.parseMessage('s', 'select $1', [TEXT]), client.describeMessage('statement', 's')),
    fromClient(bind('s', ['päram']), client.executeMessage(''), client.SYNC),
    decided('select $1'),
    fromServer(
      server.PARSE_COMPLETE,
      server.parameterDescription([TEXT]),
      server.rowDescription([column('a', TEXT)]),
      server.BIND_COMPLETE,
      server.dataRow(['päram']),
      server.commandComplete('SELECT 1'),
      READY,
    ),
  ];

  it('mean the same wherever they are cut into frames', async () => {
    const expected = await told(...whole);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), async (size) => {
        const cut = whole.flatMap(([kind, payload]): Step[] =>
          kind === FRAME.decision
            ? [[kind, payload]]
            : Array.from({ length: Math.ceil(payload.length / size) }, (_, i) => [
                kind,
                payload.subarray(i * size, (i + 1) * size),
              ]),
        );
        expect(await told(...cut)).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  it('never make replay throw, and leave the other direction readable', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(...Object.values(FRAME)), fc.uint8Array({ maxLength: 60 })), {
          maxLength: 20,
        }),
        async (steps) => {
          const events = await eventsOf(...steps.map(([kind, bytes]): Step => [kind, Buffer.from(bytes)]));
          expect(events.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 300 },
    );
    expect(
      await told(
        [FRAME.client, Buffer.from('garbage from the client')],
        [FRAME.client, Buffer.from('more')],
        fromServer(server.commandComplete('SELECT 1')),
      ),
    ).toEqual([
      { type: 'note', message: expect.stringMatching(/what the client sent cannot be read/) },
      { type: 'complete', tag: 'SELECT 1' },
    ]);
  });

  it('of a message too long to be held are counted, not shown', async () => {
    const header = Buffer.from([0x44, 0, 0, 0, 0]);
    const length = 17 * 1024 * 1024;
    header.writeInt32BE(length, 1);
    const pieces = Array.from({ length: 17 }, (): Step => [FRAME.server, Buffer.alloc(1024 * 1024)]);
    pieces[16] = [FRAME.server, Buffer.alloc(1024 * 1024 - 4)];

    expect(
      await told([FRAME.server, header], ...pieces, fromServer(server.commandComplete('SELECT 1'))),
    ).toEqual([
      { type: 'note', message: `a row of ${length + 1} bytes, too long to be shown` },
      { type: 'complete', tag: 'SELECT 1' },
    ]);
  });
});
