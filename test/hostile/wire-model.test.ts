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
import { errorOf, loginOf, WireClient, type WireMessage } from '../servers/wire-client.ts';

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
];
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
    if (model.transaction === 'E' && !/COMMIT|ROLLBACK/.test(this.text)) expect(status).toBe('E');
    model.transaction = status as Model['transaction'];
  }
  toString = () => `Query(${JSON.stringify(this.text)})`;
}

type Step =
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
      ],
      { maxCommands: 30 },
    );
    await fc.assert(
      fc.asyncProperty(commands, async (list) => {
        for (const database of ['one', 'two']) await server.query('TRUNCATE items', database);
        await paired((pair) =>
          fc.asyncModelRun(() => ({ model: { transaction: 'I' as const }, real: pair }), list),
        );
      }),
      { numRuns: Number(process.env.MODEL_RUNS ?? 20) },
    );
  });
});
