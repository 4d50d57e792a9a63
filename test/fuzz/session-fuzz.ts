import { createSecretKey, randomBytes } from 'node:crypto';
import type { Policy } from '../../src/policy/decision.ts';
import { CatalogChanges } from '../../src/protocols/postgres/catalog-changes.ts';
import { PostgresSession } from '../../src/protocols/postgres/session.ts';
import { analyze, loadParser } from '../../src/sql/analyze.ts';
import type { TextFacts } from '../../src/sql/facts.ts';
import { makeCatalog } from '../../src/sql/memory-catalog.ts';
import { fuzzDesk, fuzzPolicies, turn } from './fuzz-desk.ts';
import { FuzzTarget, Passed, SECRET, Wire } from './fuzz-target.ts';
import { clientMessage, message, mutate, Random, serverMessage } from './mutations.ts';

/**
 * Mutated messages through a whole session, in both directions, over streams in this process: a client that sends
 * anything, and a target that answers anything. What must hold: nothing throws, every session answers or ends, no
 * byte reaches the target that no decision let through, and what the client reads are whole messages.
 */
export interface FuzzOptions {
  readonly direction: 'client' | 'target';
  /** How many mutated messages; those that stay as they are between them do not count. */
  readonly messages: number;
  readonly seed: number;
}

export interface FuzzReport {
  /** Mutated ones. */
  readonly messages: number;
  /** Both kinds. */
  readonly sent: number;
  readonly sessions: number;
  /** Statements that were let through to the target. */
  readonly ran: number;
  /** Ended by the gateway because of what came. */
  readonly closed: number;
  /** What reached the target though no decision let it through. */
  readonly unjudged: readonly string[];
  /** What was thrown past the session. */
  readonly crashes: readonly string[];
  /** Sessions that neither answered nor ended. */
  readonly hangs: number;
  /** Bytes for the client that are no messages. */
  readonly malformed: number;
  /** Sessions of an honest target in which a masked value came through. */
  readonly leaks: number;
}

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

type Tally = {
  -readonly [K in keyof FuzzReport]: FuzzReport[K] extends readonly string[] ? string[] : number;
};

/** Runs until so many mutated messages were sent, or something is wrong. The same seed gives the same messages. */
export async function runFuzz({ direction, messages, seed }: FuzzOptions): Promise<FuzzReport> {
  await loadParser();
  const random = new Random(seed);
  const policies = fuzzPolicies();
  const report: Tally = {
    messages: 0,
    sent: 0,
    sessions: 0,
    ran: 0,
    closed: 0,
    unjudged: [],
    crashes: [],
    hangs: 0,
    malformed: 0,
    leaks: 0,
  };
  const crashed = (failure: unknown) =>
    report.crashes.push(failure instanceof Error ? (failure.stack ?? failure.message) : String(failure));
  process.on('uncaughtException', crashed);
  process.on('unhandledRejection', crashed);
  try {
    while (report.messages < messages && report.crashes.length + report.unjudged.length === 0) {
      report.sessions++;
      await new FuzzedSession(direction, random, random.of(policies), report).run();
      if (report.sessions % 64 === 0) await loadParser();
    }
  } finally {
    process.off('uncaughtException', crashed);
    process.off('unhandledRejection', crashed);
  }
  return report;
}

const MESSAGES_A_SESSION = 400;
/** Messages that leave in one piece. */
const MESSAGES_A_PIECE = 8;
/** Turns of the event loop after which a session that says nothing is taken for one that hangs. */
const PATIENCE = 200;
const MASK_KEY = createSecretKey(randomBytes(32));

class FuzzedSession {
  readonly #direction: FuzzOptions['direction'];
  readonly #random: Random;
  readonly #report: Tally;
  readonly #client = new Wire((chunk) => this.#shown(chunk));
  readonly #passed = new Passed();
  readonly #target: FuzzTarget;
  readonly #session: PostgresSession;
  #shownRest: Buffer = Buffer.alloc(0);
  #ready = 0;
  #leaked = false;
  #malformed = false;
  #spoiling = false;
  #over = false;

  constructor(direction: FuzzOptions['direction'], random: Random, policy: Policy, report: Tally) {
    this.#direction = direction;
    this.#random = random;
    this.#report = report;
    this.#target = new FuzzTarget(this.#passed, direction === 'client', (answer) => this.#spoil(answer));
    const texts = new WeakMap<TextFacts, string>();
    this.#session = new PostgresSession({
      client: this.#client,
      target: this.#target.wire,
      desk: fuzzDesk(policy, this.#passed, random, (facts) => texts.get(facts)),
      analyst: {
        catalog: () => CATALOG,
        outdated: false,
        changes: new CatalogChanges(),
        analyze(sql, state, catalog) {
          const facts = analyze(sql, catalog, state);
          texts.set(facts, sql);
          return facts;
        },
        refresh: async () => {},
        refreshIfChanged: async () => {},
        catalogChanged: () => {},
      },
      maskKey: MASK_KEY,
      terms: {
        clientAddress: 'fuzz',
        target: 'fuzz',
        estimate: async () => '',
        locks: async () => [],
        rehearse: async () => [],
      },
      planRows: async () => [],
      cancelOnTarget: () => Promise.resolve(),
    });
    void this.#session.done.then(() => {
      this.#over = true;
    });
  }

  async run(): Promise<void> {
    await this.#session.begin();
    this.#session.serve();
    this.#spoiling = true;
    for (let i = 0; i < MESSAGES_A_SESSION / MESSAGES_A_PIECE && !this.#over; i++) {
      this.#sendPiece();
      await turn();
    }
    await this.#settle();
    this.#report.unjudged.push(...this.#target.unjudged);
    this.#report.ran += this.#passed.taken;
    if (this.#leaked) this.#report.leaks++;
    if (this.#malformed) this.#report.malformed++;
    if (this.#over) this.#report.closed++;
    else await this.#cut();
    this.#client.destroy();
    this.#target.wire.destroy();
  }

  #sendPiece(): void {
    const messages = Array.from({ length: MESSAGES_A_PIECE }, () => clientMessage(this.#random));
    const bytes = Buffer.concat(
      this.#direction === 'client' ? messages.map((one) => this.#perhaps(one)) : messages,
    );
    // Cut anywhere.
    const at = this.#random.below(bytes.length + 1);
    this.#client.push(bytes.subarray(0, at));
    this.#client.push(bytes.subarray(at));
  }

  #spoil(answer: Buffer): Buffer {
    if (this.#direction === 'client' || !this.#spoiling) return answer;
    // What nobody asked for.
    if (this.#random.below(32) === 0)
      return Buffer.concat([this.#perhaps(serverMessage(this.#random)), answer]);
    return this.#perhaps(answer);
  }

  #perhaps(bytes: Buffer): Buffer {
    this.#report.sent++;
    if (this.#random.below(2) > 0) return bytes;
    const mutated = mutate(bytes, this.#random);
    if (!mutated.equals(bytes)) this.#report.messages++;
    return mutated;
  }

  #shown(chunk: Buffer): void {
    let bytes = this.#shownRest.length === 0 ? chunk : Buffer.concat([this.#shownRest, chunk]);
    if (this.#direction === 'client' && !this.#target.hidesCatalog && bytes.includes(SECRET))
      this.#leaked = true;
    while (bytes.length >= 5) {
      const length = bytes.readInt32BE(1);
      if (length < 4 || !SAID.has(bytes[0] ?? 0)) {
        this.#malformed = true;
        return;
      }
      if (bytes.length < length + 1) break;
      if (bytes[0] === READY) this.#ready++;
      bytes = bytes.subarray(length + 1);
    }
    this.#shownRest = bytes;
  }

  /** Sync must be answered whatever is left; only a message cut short, which waits for its rest, may keep it open. */
  async #settle(): Promise<void> {
    const before = this.#ready;
    const answered = () => this.#over || this.#ready > before;
    if (!this.#over) this.#client.push(message('S'));
    for (let i = 0; i < PATIENCE && !answered(); i++) await turn();
    // A target may leave anything unanswered.
    if (answered() || this.#direction === 'target') return;
    // The peer's last message may be open still: its end is the end of the connection.
    this.#client.push(null);
    for (let i = 0; i < PATIENCE && !this.#over; i++) await turn();
    if (!this.#over) this.#report.hangs++;
  }

  /** Whatever state it is in, an operator can end it. */
  async #cut(): Promise<void> {
    this.#session.cut('the end');
    for (let i = 0; i < PATIENCE && !this.#over; i++) await turn();
    if (!this.#over) this.#report.hangs++;
  }
}

const READY = 0x5a;
/** What a server may say after the handshake, without COPY BOTH. */
const SAID: ReadonlySet<number> = new Set([...'123ACDEGHIKNRSTVZcdnst'].map((one) => one.charCodeAt(0)));
