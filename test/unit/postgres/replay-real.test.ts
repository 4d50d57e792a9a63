import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { replayPostgres } from '../../../src/protocols/postgres/replay.ts';
import { FRAME, type Frame, type ReplayEvent } from '../../../src/recording/events.ts';
import { startPostgres, type TestPostgres } from '../../servers/postgres.ts';

let target: TestPostgres;
let tee: Server;
let frames: Frame[] = [];

const READY = Buffer.from('5a0000000549', 'hex');

/** Passes bytes on unchanged and keeps those after the first ReadyForQuery, as a recording does. */
beforeAll(async () => {
  target = await startPostgres();
  tee = createServer((client) => {
    const server = connect(target.port, target.host);
    let recording = false;
    client.on('data', (payload) => {
      if (recording) frames.push({ kind: FRAME.client, at: 0, payload });
      server.write(payload);
    });
    server.on('data', (payload) => {
      if (recording) frames.push({ kind: FRAME.server, at: 0, payload });
      recording ||= payload.subarray(-READY.length).equals(READY);
      client.write(payload);
    });
    client.on('close', () => server.destroy());
    client.on('error', () => server.destroy());
    server.on('error', () => client.destroy());
    server.on('close', () => client.destroy());
  });
  tee.listen(0, '127.0.0.1');
  await once(tee, 'listening');
});
afterAll(async () => {
  tee.close();
  await target.stop();
});

/** What replay shows of the queries that `run` makes. */
async function replayed(
  options: pg.ClientConfig,
  run: (client: pg.Client) => Promise<unknown>,
): Promise<ReplayEvent[]> {
  frames = [];
  const { port } = tee.address() as AddressInfo;
  const client = new pg.Client({
    ...options,
    host: '127.0.0.1',
    port,
    user: target.superuser,
    password: target.password,
    database: 'postgres',
    options: '-c timezone=UTC -c intervalstyle=postgres -c datestyle=ISO',
  });
  await client.connect();
  await run(client);
  await client.end();
  const events: ReplayEvent[] = [];
  for await (const event of replayPostgres(toAsync(frames))) events.push(event);
  return events;
}

async function* toAsync<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

const rowsOf = (events: readonly ReplayEvent[]) =>
  events.flatMap((event) => (event.type === 'row' ? [event.values] : []));

const VALUES = [
  'true, false, null::int, 1::int2, (-32768)::int2, 2147483647, (-9223372036854775808)::int8',
  "4294967295::oid, 'x'::\"char\", 'name'::name, 'ž'::varchar(3), 'ab'::char(4), '{\"a\": 1}'::json, '[1, null]'::jsonb",
  '0::float8, (-0.0)::float8, 1.5::float8, 1e15::float8, 1e14::float8, 123456789012345.6::float8, 1e-4::float8, 1e-5::float8',
  "'NaN'::float8, 'infinity'::float8, '-infinity'::float8, 0.1::float8, 1.7976931348623157e308::float8, 5e-324::float8",
  '0.1::float4, 1e6::float4, 1e5::float4, 123456.7::float4, 3.4028235e38::float4, 1e-45::float4, (-2.5)::float4',
  "0::numeric, 0.00::numeric, 1::numeric, -12345678901234567890.000123::numeric, 0.0001::numeric, 10000::numeric, 1e30::numeric, 'NaN'::numeric, 'infinity'::numeric, '-infinity'::numeric, 100.50::numeric(10,4)",
  "'6f1c4cb5-9d4a-4b0e-8f0a-0123456789ab'::uuid",
  "date '2000-01-01', date '1999-12-31', date '2024-02-29', date '1900-03-01', date '0001-01-01', date '0044-03-15 BC', date 'infinity', date '-infinity', date '5874897-12-31'",
  "timestamp '2024-02-29 12:34:56.789', timestamp '1999-12-31 23:59:59.999999', timestamp '0044-03-15 10:00 BC', timestamp 'infinity'",
  "timestamptz '2024-06-01 00:00:00+02', timestamptz '-infinity', time '24:00', time '01:02:03.4'",
  "interval '1 year -2 mons 3 days', interval '-1 day +02:00:00.5', interval '0', interval '-00:00:01', interval '25 mons', interval '-1 mon', interval '1000 hours'",
];

describe('values of a real server', () => {
  it.each(VALUES)('read the same in binary as the server prints them: %s', async (list) => {
    const events = await replayed({}, async (client) => {
      await client.query({ text: `select ${list}`, values: [] });
      await client.query({ name: 'again', text: `select ${list}`, binary: true } as pg.QueryConfig);
    });

    const [text, binary] = rowsOf(events);
    expect(binary).toEqual(text);
    expect(text?.length).toBeGreaterThan(0);
  });

  it('of other types are shown as bytes', async () => {
    const events = await replayed({}, (client) =>
      client.query({
        text: `select '\\x00ff'::bytea, point '(1,2)'`,
        binary: true,
        name: 'b',
      } as pg.QueryConfig),
    );

    expect(rowsOf(events)).toEqual([['\\x00ff', expect.stringMatching(/^\\x[0-9a-f]{32}$/)]]);
  });
});

describe('a session of a real driver', () => {
  it('shows columns again when a prepared statement runs again', async () => {
    const query = { name: 'twice', text: 'select $1::int as n, $2::text as t', values: [1, 'a'] };
    const events = await replayed({}, async (client) => {
      await client.query(query);
      await client.query({ ...query, values: [2, 'b'] });
    });

    expect(events.map(({ at: _, ...event }) => event).slice(0, -1)).toEqual([
      { type: 'columns', names: ['n', 't'], rightAligned: [true, false] },
      { type: 'row', values: ['1', 'a'] },
      { type: 'complete', tag: 'SELECT 1' },
      { type: 'columns', names: ['n', 't'], rightAligned: [true, false] },
      { type: 'row', values: ['2', 'b'] },
      { type: 'complete', tag: 'SELECT 1' },
    ]);
  });

  it('shows errors and what comes after them', async () => {
    const events = await replayed({}, async (client) => {
      await client.query({ text: 'select 1/$1::int', values: [0] }).catch(() => {});
      await client.query("do $$ begin raise notice 'seen' using hint = 'h'; end $$");
      await client.query('listen jobs; notify jobs, $$now$$');
    });

    expect(events).toEqual([
      expect.objectContaining({ type: 'error', sqlstate: '22012', message: 'division by zero' }),
      expect.objectContaining({ type: 'notice', message: 'seen', hint: 'h' }),
      expect.objectContaining({ type: 'complete', tag: 'DO' }),
      expect.objectContaining({ type: 'complete', tag: 'LISTEN' }),
      expect.objectContaining({ type: 'complete', tag: 'NOTIFY' }),
      expect.objectContaining({ type: 'notification', channel: 'jobs', payload: 'now' }),
      expect.objectContaining({ type: 'end' }),
    ]);
  });
});
