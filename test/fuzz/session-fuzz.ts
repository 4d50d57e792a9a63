import { createSecretKey, randomBytes } from 'node:crypto';
import { Duplex } from 'node:stream';
import { compilePolicy } from '../../src/policy/compile.ts';
import { parsePolicy, policyHash } from '../../src/policy/parse.ts';
import { BackendFramer, FrontendFramer } from '../../src/protocols/postgres/codec/framer.ts';
import { PostgresSession } from '../../src/protocols/postgres/session.ts';
import type { InternedStatement, SessionDesk } from '../../src/session/desk.ts';
import { cutKey } from '../../src/session/judged.ts';
import { TurnEnd } from '../../src/session/turn-end.ts';
import { analyze, loadParser } from '../../src/sql/analyze.ts';
import { makeCatalog } from '../../src/sql/memory-catalog.ts';
import { clientMessage, int16, int32, message, mutate, Random, row, text } from './mutations.ts';

/**
 * Mutated messages through a whole session, in both directions, without sockets: a client that sends anything, and
 * a target that answers anything. What must hold: nothing throws, every session comes to an end or answers, and no
 * text that was not let through reaches the target.
 */
export interface FuzzOptions {
  readonly direction: 'client' | 'target';
  /** How many mutated messages. */
  readonly messages: number;
  readonly seed: number;
}

export interface FuzzReport {
  readonly messages: number;
  readonly sessions: number;
  /** Ended by the gateway because of what came. */
  readonly closed: number;
  /** Texts that reached the target though no decision let them through. */
  readonly unjudged: readonly string[];
  /** What was thrown past the session. */
  readonly crashes: readonly string[];
  /** Sessions that neither answered nor ended. */
  readonly hangs: number;
  /** Bytes for the client that are no messages. */
  readonly malformed: number;
}

const POLICY = `version: 1
rules:
  - {name: read, effects: [read, session], decision: allow}
masks:
  - {name: m, columns: ["public.people.email"], strategy: redact}
`;

const CATALOG = makeCatalog({
  version: 'fuzz',
  definitionPath: ['pg_catalog'],
  schemas: ['public', 'pg_catalog'],
  relations: [
    {
      oid: 20000,
      schema: 'public',
      name: 'people',
      kind: 'table',
      columns: ['id', 'email', 'name'].map((name, i) => ({ number: i + 1, name, typeOid: 25 })),
      rules: [],
      parents: [],
      rowEstimate: 10,
    },
  ],
  builtins: { stable: ['now', 'lower'], immutable: ['upper', 'length'] },
});

/** One end of a connection whose other end is this program. */
class Wire extends Duplex {
  readonly #take: (chunk: Buffer) => void;
  constructor(take: (chunk: Buffer) => void) {
    super({ allowHalfOpen: true });
    this.#take = take;
  }
  override _read(): void {}
  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.#take(chunk);
    done();
  }
}

/** Answers as a server does; `spoil` changes what it says. */
class FakeTarget {
  readonly wire: Wire;
  readonly received: string[] = [];
  readonly #framer = new FrontendFramer();
  readonly #spoil: (answer: Buffer) => Buffer;
  #skipping = false;

  constructor(spoil: (answer: Buffer) => Buffer) {
    this.#spoil = spoil;
    this.wire = new Wire((chunk) => this.#framer.push(chunk, this));
  }

  streams(): boolean {
    return false;
  }
  piece(): boolean {
    return true;
  }

  message(type: number, buffer: Buffer, start: number, end: number): boolean {
    const body = buffer.toString('utf8', start + 5, end);
    const kind = String.fromCharCode(type);
    if (this.#skipping && kind !== 'S' && kind !== 'Q') return true;
    switch (kind) {
      case 'Q':
        this.received.push(body.slice(0, -1));
        this.#skipping = false;
        this.#answerRows(body.startsWith('SELECT id'), true);
        return this.#say(message('Z', Buffer.from('I')));
      case 'P': {
        const [name = '', sql = ''] = body.split('\0');
        if (!name.startsWith('hoopctl_') || name === 'hoopctl_x') this.received.push(sql);
        return this.#say(message('1'));
      }
      case 'B':
        return this.#say(message('2'));
      case 'D':
        return this.#say(
          body.startsWith('S') ? Buffer.concat([message('t', int16(0)), message('n')]) : message('n'),
        );
      case 'C':
        return this.#say(message('3'));
      case 'E':
        if (body.startsWith('hoopctl_refused_')) {
          this.#skipping = true;
          return this.#say(error('34000'));
        }
        if (/^hoopctl_[0-9a-f]{24}\0/.test(body)) {
          // What the gateway asks of its own is answered rightly, else no session would begin.
          this.wire.push(row('["pg_catalog","public"]', null, 'app', 'on', 'UTF8', '0', '4711'));
          this.wire.push(message('C', text('SELECT 1')));
          return true;
        }
        return this.#say(message('C', text('SELECT 0')));
      case 'S':
        this.#skipping = false;
        return this.#say(message('Z', Buffer.from('I')));
      default:
        return true;
    }
  }

  #answerRows(people: boolean, simple: boolean): void {
    if (people && simple) {
      const column = (name: string, i: number) =>
        Buffer.concat([text(name), int32(20000), int16(i), int32(25), int16(-1), int32(-1), int16(0)]);
      this.#say(message('T', int16(3), column('id', 1), column('email', 2), column('name', 3)));
      this.#say(row('1', 'secret@x.test', 'n'));
    }
    this.#say(message('C', text('SELECT 1')));
  }

  #say(answer: Buffer): boolean {
    if (!this.wire.destroyed) this.wire.push(this.#spoil(answer));
    return true;
  }
}

const error = (code: string) => message('E', Buffer.from(`SERROR\0VERROR\0C${code}\0Mrefused\0\0`));

/** Runs until so many messages were sent. Deterministic but for the order of ticks. */
export async function runFuzz({ direction, messages, seed }: FuzzOptions): Promise<FuzzReport> {
  await loadParser();
  const random = new Random(seed);
  const file = parsePolicy(POLICY, 'fuzz').policy;
  if (file === undefined) throw new Error('the policy of the fuzz harness does not parse');
  const policy = compilePolicy(file, policyHash(POLICY));
  const report = {
    messages: 0,
    sessions: 0,
    closed: 0,
    unjudged: [] as string[],
    crashes: [] as string[],
    hangs: 0,
    malformed: 0,
  };
  const crashed = (failure: unknown) =>
    report.crashes.push(failure instanceof Error ? (failure.stack ?? failure.message) : String(failure));
  process.on('uncaughtException', crashed);
  process.on('unhandledRejection', crashed);
  try {
    while (report.messages < messages && report.crashes.length === 0) {
      report.sessions++;
      await oneSession(direction, random, policy, report);
      if (report.sessions % 64 === 0) await loadParser();
    }
  } finally {
    process.off('uncaughtException', crashed);
    process.off('unhandledRejection', crashed);
  }
  return report;
}

type Tally = {
  -readonly [K in keyof FuzzReport]: FuzzReport[K] extends readonly string[] ? string[] : number;
};

const MESSAGES_A_SESSION = 200;
/** Turns of the event loop after which a session that says nothing is taken for one that hangs. */
const PATIENCE = 200;
const MASK_KEY = createSecretKey(randomBytes(32));

async function oneSession(
  direction: FuzzOptions['direction'],
  random: Random,
  policy: ReturnType<typeof compilePolicy>,
  report: Tally,
): Promise<void> {
  let spoiling = false;
  const spoil = (answer: Buffer) => {
    if (direction === 'client' || !spoiling) return answer;
    report.messages++;
    return mutate(answer, random);
  };
  const target = new FakeTarget(spoil);
  const allowed = new Set<string>();
  let ready = 0;
  const framer = new BackendFramer();
  const sink = {
    message(type: number) {
      if (type === 0x5a) ready++;
      return true;
    },
    streams: () => true,
    piece: () => true,
  };
  const client = new Wire((chunk) => {
    try {
      framer.push(chunk, sink);
    } catch {
      report.malformed++;
    }
  });
  const session = new PostgresSession({
    client,
    target: target.wire,
    desk: deskOf(policy, allowed),
    analyst: {
      catalog: () => CATALOG,
      outdated: false,
      analyze: (sql, state, catalog) => analyze(sql, catalog, state),
      refresh: async () => {},
      refreshIfChanged: async () => {},
      catalogChanged: () => {},
    },
    maskKey: MASK_KEY,
    terms: { clientAddress: 'fuzz', target: 'fuzz', estimate: async () => '', rehearse: async () => [] },
    planRows: async () => [],
    cancelOnTarget: () => {},
  });
  let over = false;
  void session.done.then(() => {
    over = true;
  });
  await session.begin();
  session.serve();
  spoiling = true;
  for (let i = 0; i < MESSAGES_A_SESSION && !over; i++) {
    const plain = clientMessage(random);
    const bytes = direction === 'client' ? mutate(plain, random) : plain;
    if (direction === 'client') report.messages++;
    // Cut anywhere.
    const at = random.below(4) === 0 ? random.below(bytes.length + 1) : bytes.length;
    client.push(bytes.subarray(0, at));
    if (at < bytes.length) client.push(bytes.subarray(at));
    if (i % 16 === 15) await turn();
  }
  await ending(
    client,
    () => over,
    () => ready,
    report,
    direction,
  );
  for (const sql of target.received) if (!allowed.has(sql)) report.unjudged.push(sql);
  if (over) report.closed++;
  else session.cut('the end');
  client.destroy();
  target.wire.destroy();
}

/** Terminate must end whatever is left; only a message cut short, which waits for its rest, may keep it open. */
async function ending(
  client: Wire,
  over: () => boolean,
  ready: () => number,
  report: Tally,
  direction: FuzzOptions['direction'],
): Promise<void> {
  const before = ready();
  if (!over()) client.push(message('S'));
  for (let i = 0; i < PATIENCE && !over() && ready() === before; i++) await turn();
  if (over() || ready() > before) return;
  // The peer's last message may be open still: its end is the end of the connection.
  client.push(null);
  if (direction === 'client') for (let i = 0; i < PATIENCE && !over(); i++) await turn();
  if (direction === 'client' && !over()) report.hangs++;
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const turnEnd = new TurnEnd(() => {}, setImmediate);

function deskOf(policy: ReturnType<typeof compilePolicy>, allowed: Set<string>): SessionDesk {
  const requester = { id: 'i', name: 'fuzz', groups: [] };
  const target = { connection: 'c', labels: {}, protocol: 'postgres' };
  const pass = (statement: { readonly text: string; readonly decision: Parameters<typeof cutKey>[0] }) => {
    allowed.add(statement.text);
    return cutKey(statement.decision);
  };
  return {
    id: 's',
    requester,
    requesterKind: 'machine',
    target,
    stage: 1,
    metered: false,
    spend: () => undefined,
    renew: () => {},
    guard: () => undefined,
    policy: () => policy,
    masks: () => policy.masksFor(requester, target),
    decide: (facts) => {
      const decision = policy.decide(requester, target, facts);
      return decision;
    },
    pass,
    // A Parse is sent when its text is not blocked; interning is the desk's say that it is not.
    intern: (statement) => {
      allowed.add(statement.text);
      return { statement } as unknown as InternedStatement;
    },
    passAgain: ({ statement }) => pass(statement),
    refuse: () => {},
    hold: () => Promise.reject(new Error('nothing is held')),
    commit: () => {},
    prepare: () => {},
    atTurnEnd: (step) => turnEnd.add(step),
    record: () => {},
    note: () => {},
    onCut: () => {},
    close: async () => {},
  };
}
