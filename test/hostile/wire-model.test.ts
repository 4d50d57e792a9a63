import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bindMessage,
  closeMessage,
  describeMessage,
  executeMessage,
  FLUSH,
  parseMessage,
  queryMessage,
  SYNC,
} from '../../src/protocols/postgres/codec/frontend-builders.ts';
import { TestGateway } from '../servers/gateway.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { errorOf, loginOf, rawMessage, WireClient, type WireMessage } from '../servers/wire-client.ts';

const EVERYTHING = `version: 1
rules:
  - {name: all, effects: [read, write, ddl, admin, session, unknown], decision: allow}
`;

/** The state of the session as the protocol has it (SECURITY.md, "The protocol's states"). */
interface Model {
  transaction: 'I' | 'T' | 'E';
}

interface Pair {
  readonly direct: WireClient;
  readonly gateway: WireClient;
}

/** What must be the same on both ways: types and bytes, errors by their SQLSTATE. */
function comparable(messages: readonly WireMessage[]): readonly string[] {
  return messages.map((message) => {
    if (message.type === 'E' || message.type === 'N') return `${message.type} ${errorOf(message)?.sqlstate}`;
    // The process that sent a notification is each server's own.
    if (message.type === 'A') return `A ${message.bytes.toString('latin1', 9)}`;
    if (message.type === 'T') return `T ${message.bytes.readInt16BE(5)}`;
    return `${message.type} ${message.bytes.toString('latin1', 5)}`;
  });
}

async function both(pair: Pair, bytes: Buffer): Promise<string> {
  pair.direct.send(bytes);
  pair.gateway.send(bytes);
  const [direct, gateway] = await Promise.all([pair.direct.untilReady(), pair.gateway.untilReady()]);
  expect(comparable(gateway)).toEqual(comparable(direct));
  return direct.at(-1)?.bytes.toString('latin1', 5, 6) ?? '';
}

/** The tables as they are before each run. */
const FRESH = 'DROP TABLE IF EXISTS made, items; CREATE TABLE items (id int)';

/** Who gives no name is `hoopctl` to the target, and reads that again when a transaction takes its own name back. */
const NAMED = { application_name: 'model' };

const TEXTS = [
  'SELECT 1',
  'SELECT 1, NULL, $$x$$',
  'SELECT 1/0',
  'SELECT * FROM items ORDER BY id',
  'INSERT INTO items VALUES (1)',
  'INSERT INTO items VALUES (2) RETURNING id',
  'DELETE FROM items',
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  'SAVEPOINT s',
  'ROLLBACK TO s',
  'SELECT nonsense FROM items',
  'SELEC',
  '',
  'SELECT 1; SELECT 2',
  'SELECT 1; SELECT 1/0; SELECT 3',
  'BEGIN; INSERT INTO items VALUES (3); COMMIT',
  'SET application_name = $$x$$',
  'SHOW search_path',
  'PREPARE a AS SELECT 5',
  'EXECUTE a',
  'DEALLOCATE ALL',
  'DECLARE c CURSOR FOR SELECT generate_series(1, 9)',
  'FETCH 2 FROM c',
  'CLOSE ALL',
  'SET search_path = public',
  'CREATE TEMP TABLE IF NOT EXISTS tt (id int)',
  'SELECT * FROM tt',
  'SELECT generate_series(1, 9) AS n',
  'VALUES (1), (2)',
  'TABLE items',
  'EXPLAIN SELECT 1',
  '-- nothing',
  ';;',
  'SELECT $1',
  'START TRANSACTION READ ONLY',
  'BEGIN ISOLATION LEVEL SERIALIZABLE',
  'SET TRANSACTION READ ONLY',
  'SET LOCAL search_path = pg_catalog',
  'SET LOCAL statement_timeout = 10000',
  'SET statement_timeout = 20000',
  'COMMIT AND CHAIN',
  'ROLLBACK AND CHAIN',
  'ABORT',
  'SAVEPOINT t',
  'RELEASE s',
  'ROLLBACK TO t',
  'PREPARE a AS SELECT 7, 8',
  'PREPARE b AS INSERT INTO items VALUES (4) RETURNING id',
  'EXECUTE b',
  'DEALLOCATE a',
  'DISCARD ALL',
  'DISCARD PLANS',
  'DISCARD TEMP',
  'RESET ALL',
  'DECLARE h CURSOR WITH HOLD FOR SELECT * FROM items ORDER BY id',
  'FETCH ALL FROM h',
  'MOVE 1 IN c',
  'CLOSE c',
  'FETCH 1 FROM a',
  'DO $$BEGIN PERFORM 1; END$$',
  "DO $$BEGIN RAISE NOTICE 'n'; END$$",
  "DO $$BEGIN RAISE EXCEPTION 'e'; END$$",
  'LISTEN ch',
  "NOTIFY ch, 'x'",
  'UNLISTEN *',
  "SELECT pg_notify('ch', 'y')",
  'COPY items TO STDOUT',
  'COPY (SELECT 1/(2 - n) FROM generate_series(1, 3) n) TO STDOUT',
  'LOCK TABLE items',
  'VACUUM items',
  'CREATE TABLE IF NOT EXISTS made (id int)',
  'DROP TABLE IF EXISTS made',
  'SELECT * FROM made',
  'ALTER TABLE items ADD COLUMN IF NOT EXISTS more int',
  'ALTER TABLE items DROP COLUMN IF EXISTS more',
  'BEGIN; SELECT 1/0; COMMIT; SELECT 2',
  'COMMIT; BEGIN; SELECT 3',
  'ROLLBACK; SELECT 4; BEGIN',
  'INSERT INTO items VALUES (5); SAVEPOINT s; SELECT 1',
  'PREPARE a AS SELECT 1; EXECUTE a; DEALLOCATE a',
  "SELECT 'caf\u00e9', E'\\n'",
];
/** COPY FROM STDIN and what the client sends behind it. */
const COPIES = [
  ['7\n8\n', 'done'],
  ['7\nx\n', 'done'],
  ['', 'done'],
  ['9\n', 'fail'],
  ['1\t2\n', 'done'],
] as const;
/** Values for `SELECT $1::int + $2::int`: as text, or in four bytes. */
const VALUES = [['1', '2'], ['1', 'x'], ['1'], [null, '2']] as const;
const SINGLE = TEXTS.filter((text) => !text.includes(';'));

class Query implements fc.AsyncCommand<Model, Pair> {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  check = () => true;
  async run(model: Model, pair: Pair): Promise<void> {
    const status = await both(pair, queryMessage(this.text));
    if (/^BEGIN$/.test(this.text) && model.transaction !== 'E') expect(status).toBe('T');
    if (/^(COMMIT|ROLLBACK)$/.test(this.text)) expect(status).toBe('I');
    // Only the end of a transaction, or going back in it, leads out of a failed one.
    if (model.transaction === 'E' && !/COMMIT|ROLLBACK|ABORT/.test(this.text)) expect(status).toBe('E');
    model.transaction = status as Model['transaction'];
  }
  toString = () => `Query(${JSON.stringify(this.text)})`;
}

/** A simple query that copies in, its data sent along with it. */
class CopyIn implements fc.AsyncCommand<Model, Pair> {
  readonly data: string;
  readonly end: 'done' | 'fail';
  constructor(data: string, end: 'done' | 'fail') {
    this.data = data;
    this.end = end;
  }
  check = () => true;
  async run(model: Model, pair: Pair): Promise<void> {
    const rest = [
      rawMessage('d', this.data),
      this.end === 'done' ? rawMessage('c') : rawMessage('f', 'no\0'),
    ];
    const status = await both(pair, Buffer.concat([queryMessage('COPY items (id) FROM STDIN'), ...rest]));
    model.transaction = status as Model['transaction'];
  }
  toString = () => `CopyIn(${JSON.stringify([this.data, this.end])})`;
}

type Step =
  | {
      readonly kind: 'values';
      readonly portal: string;
      readonly name: string;
      readonly values: readonly (string | null)[];
      readonly binary: boolean;
    }
  | { readonly kind: 'parse'; readonly name: string; readonly text: string }
  | { readonly kind: 'bind'; readonly portal: string; readonly name: string }
  | { readonly kind: 'execute'; readonly portal: string; readonly rows: number }
  | { readonly kind: 'describe' | 'close'; readonly what: 'statement' | 'portal'; readonly name: string }
  | { readonly kind: 'flush' };

function bytesOf(step: Step): Buffer {
  switch (step.kind) {
    case 'parse':
      return parseMessage(step.name, step.text);
    case 'bind':
      return bindMessage({ portal: step.portal, statement: step.name });
    case 'values':
      return bindMessage({
        portal: step.portal,
        statement: step.name,
        parameters: step.values,
        resultFormats: step.binary ? [1] : [],
      });
    case 'execute':
      return executeMessage(step.portal, step.rows);
    case 'describe':
      return describeMessage(step.what, step.name);
    case 'close':
      return closeMessage(step.what, step.name);
    default:
      return FLUSH;
  }
}

/** Messages of the extended protocol up to their Sync. */
class Segment implements fc.AsyncCommand<Model, Pair> {
  readonly steps: readonly Step[];
  constructor(steps: readonly Step[]) {
    this.steps = steps;
  }
  check = () => true;
  async run(model: Model, pair: Pair): Promise<void> {
    model.transaction = (await both(
      pair,
      Buffer.concat([...this.steps.map(bytesOf), SYNC]),
    )) as Model['transaction'];
  }
  toString = () => `Segment(${JSON.stringify(this.steps)})`;
}

const name = fc.constantFrom('', 'a', 'b');
const what = fc.constantFrom('statement' as const, 'portal' as const);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('parse' as const), name, text: fc.constantFrom(...SINGLE) }),
  fc.record({ kind: fc.constant('bind' as const), portal: name, name }),
  fc.record({ kind: fc.constant('execute' as const), portal: name, rows: fc.constantFrom(0, 1, 5) }),
  fc.record({ kind: fc.constantFrom('describe' as const, 'close' as const), what, name }),
  fc.record({ kind: fc.constant('flush' as const) }),
  fc.record({
    kind: fc.constant('values' as const),
    portal: name,
    name,
    values: fc.constantFrom(...VALUES),
    binary: fc.boolean(),
  }),
);
/** A whole execution, so that not all segments fail at their first name. */
const execution = fc
  .record({ name, portal: name, text: fc.constantFrom(...SINGLE), rows: fc.constantFrom(0, 1) })
  .map(({ name: statement, portal, text, rows }): Step[] => [
    { kind: 'close', what: 'statement', name: statement },
    { kind: 'parse', name: statement, text },
    { kind: 'bind', portal, name: statement },
    { kind: 'describe', what: 'portal', name: portal },
    { kind: 'execute', portal, rows },
  ]);

/** The same with parameters, and executed twice: the second time it goes on where the first stopped. */
const added = fc
  .record({ name, portal: name, values: fc.constantFrom(...VALUES), binary: fc.boolean() })
  .map(({ name: statement, portal, values, binary }): Step[] => [
    { kind: 'close', what: 'statement', name: statement },
    { kind: 'parse', name: statement, text: 'SELECT $1::int + $2::int AS n FROM generate_series(1, 3)' },
    { kind: 'describe', what: 'statement', name: statement },
    { kind: 'values', portal, name: statement, values, binary },
    { kind: 'execute', portal, rows: 1 },
    { kind: 'execute', portal, rows: 0 },
    { kind: 'close', what: 'portal', name: portal },
  ]);

describe('the protocol through the gateway, where policy allows everything', () => {
  let server: TestPostgres;
  let gateway: TestGateway;

  beforeAll(async () => {
    server = await startPostgres();
    for (const database of ['one', 'two']) {
      await server.query(`CREATE DATABASE ${database}`);
      await server.query('CREATE TABLE items (id int)', database);
    }
    gateway = await TestGateway.start(server.url('postgres', server.password, 'two'), { policy: EVERYTHING });
  });
  afterAll(async () => {
    await gateway?.stop();
    await server?.stop();
  });

  async function paired(use: (pair: Pair) => Promise<void>): Promise<void> {
    const direct = await WireClient.login({
      ...loginOf(server.url('postgres', server.password, 'one')),
      parameters: NAMED,
    });
    const through = await WireClient.login({ ...loginOf(gateway.url()), parameters: NAMED });
    try {
      await use({ direct, gateway: through });
    } finally {
      direct.socket.destroy();
      through.socket.destroy();
    }
  }

  it('reads a text before it looks at the failed transaction, also where the state is not known yet', async () => {
    await paired(async (pair) => {
      const begin = [
        parseMessage('', 'BEGIN'),
        bindMessage({ portal: '', statement: '' }),
        executeMessage('', 0),
      ];
      expect(await both(pair, Buffer.concat([...begin, SYNC]))).toBe('T');
      for (const text of ['SELEC', 'SELEC', '', 'SELECT 1', 'SELECT nonsense FROM items', 'ROLLBACK TO s']) {
        expect(await both(pair, queryMessage(text))).toBe('E');
      }
      expect(await both(pair, queryMessage('ROLLBACK'))).toBe('I');
    });
  });

  it('answers like the server itself, whatever the order of messages', { timeout: 300_000 }, async () => {
    const commands = fc.commands(
      [
        fc.constantFrom(...TEXTS).map((text) => new Query(text)),
        fc.array(step, { maxLength: 6 }).map((steps) => new Segment(steps)),
        fc.array(execution, { minLength: 1, maxLength: 3 }).map((runs) => new Segment(runs.flat())),
        added.map((steps) => new Segment(steps)),
        fc.constantFrom(...COPIES).map(([data, end]) => new CopyIn(data, end)),
      ],
      { maxCommands: 30 },
    );
    await fc.assert(
      fc.asyncProperty(commands, async (list) => {
        for (const database of ['one', 'two']) await server.query(FRESH, database);
        await paired((pair) =>
          fc.asyncModelRun(() => ({ model: { transaction: 'I' as const }, real: pair }), list),
        );
      }),
      { numRuns: Number(process.env.MODEL_RUNS ?? 20) },
    );
  });
});
