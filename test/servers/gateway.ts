import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { ApprovalCard } from '../../src/approval/request.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { Conflict } from '../../src/base/errors.ts';
import { compilePolicy } from '../../src/policy/compile.ts';
import type { Policy, Requester } from '../../src/policy/decision.ts';
import { parsePolicy, policyHash } from '../../src/policy/parse.ts';
import { postgres } from '../../src/protocols/postgres/postgres.ts';
import type { CancelKeys, Means, Target } from '../../src/protocols/protocol.ts';
import type { FrameKind } from '../../src/recording/events.ts';
import type {
  HoldOutcome,
  InternedStatement,
  SessionDesk,
  StatementToRecord,
} from '../../src/session/desk.ts';
import { cutKey } from '../../src/session/judged.ts';
import { SessionMeter } from '../../src/session/session-meter.ts';
import { TurnEnd } from '../../src/session/turn-end.ts';

/** For connections that stand alone. */
export const NO_MEANS: Means = {
  readPassphrase: async () => undefined,
  through: () => Promise.reject(new Error('there are no other connections')),
};

/** A statement the gateway holds, for the test to decide. */
export interface TestHold {
  readonly id: string;
  readonly card: ApprovalCard;
  readonly statement: StatementToRecord;
  approve(by?: string): void;
  deny(reason: string, by?: string): void;
  expire(): void;
}

export interface GatewayOptions {
  readonly policy: string;
  readonly requester?: Partial<Requester>;
  readonly connection?: string;
  /** Key and certificate in PEM: the gateway then speaks TLS to who asks for it. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/**
 * A gateway for one target with books in memory instead of a daemon's: the protocol's folder by itself, real
 * sockets on both sides.
 */
export class TestGateway {
  readonly password = randomBytes(12).toString('hex');
  readonly user = 'devin';
  readonly decisions: { text: string; outcome: string; rule: string | undefined }[] = [];
  readonly frames: { kind: FrameKind; payload: Buffer }[] = [];
  readonly notes: string[] = [];
  readonly ended: string[] = [];
  /** Makes every record fail, as a full disk would. */
  recordingFails: Error | undefined;
  /** Time of the sessions' limits. */
  clock: Clock = systemClock;
  port = 0;
  #policy: Policy;
  #server: Server | undefined;
  #target: Target | undefined;
  readonly #cuts = new Set<(reason: string) => void>();
  readonly #sockets = new Set<Socket>();
  readonly #holds: TestHold[] = [];
  readonly #holdWaiters: ((hold: TestHold) => void)[] = [];
  readonly #endWaiters: (() => void)[] = [];
  readonly #requester: Requester;
  readonly #connection: string;
  #database = '';
  readonly #turnEnd = new TurnEnd(() => {}, setImmediate);

  private constructor(options: GatewayOptions) {
    this.#policy = readPolicy(options.policy);
    this.#requester = { id: 'id-devin', name: 'devin', groups: ['agents'], ...options.requester };
    this.#connection = options.connection ?? 'prod-db';
  }

  static async start(url: string, options: GatewayOptions): Promise<TestGateway> {
    const gateway = new TestGateway(options);
    const { settings, secret } = postgres.parseUrl(url);
    const target = postgres.openTarget(settings, async () => secret, randomBytes(32), NO_MEANS);
    gateway.#target = target;
    gateway.#database = target.database;
    const credentials = { user: gateway.user, password: gateway.password, database: target.database };
    const endpoint = {
      credentials,
      tls: options.tls,
      cancelKeys: cancelKeys(),
      loginFailed: () => {},
      authenticated: () => {},
      openDesk: async () => gateway.#openDesk(),
    };
    const server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      gateway.#sockets.add(socket);
      socket.once('close', () => gateway.#sockets.delete(socket));
      void target.serve(socket, endpoint);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    gateway.port = typeof address === 'object' && address ? address.port : 0;
    gateway.#server = server;
    return gateway;
  }

  get target(): Target {
    return this.#target!;
  }

  url(parameters = ''): string {
    return `postgresql://${this.user}:${this.password}@127.0.0.1:${this.port}/${this.#database}${parameters}`;
  }

  applyPolicy(text: string): void {
    this.#policy = readPolicy(text);
  }

  /** The next statement that is held; each is given out once. */
  nextHold(): Promise<TestHold> {
    const hold = this.#holds.shift();
    if (hold) return Promise.resolve(hold);
    return new Promise((resolve) => this.#holdWaiters.push(resolve));
  }

  /** Resolves when a session has closed its books. */
  nextEnd(): Promise<void> {
    return new Promise((resolve) => this.#endWaiters.push(resolve));
  }

  cut(reason: string): void {
    for (const cut of [...this.#cuts]) cut(reason);
  }

  /** All bytes that the client was shown, as recorded. */
  shown(): Buffer {
    return Buffer.concat(this.frames.filter((frame) => frame.kind === 3).map((frame) => frame.payload));
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server?.close(() => resolve()));
    await this.#target?.close();
  }

  #openDesk(): SessionDesk {
    const gateway = this;
    const requester = this.#requester;
    const target = { connection: this.#connection, labels: {}, protocol: 'postgres' };
    let cut: ((reason: string) => void) | undefined;
    const write = (statement: StatementToRecord) => {
      if (gateway.recordingFails) throw gateway.recordingFails;
      const { outcome, rule } = statement.decision;
      gateway.decisions.push({ text: statement.text, outcome, rule });
      meter.add('statements', 1);
      if (outcome === 'block') meter.add('denied', 1);
    };
    const current = (statement: StatementToRecord) => {
      if (statement.decision.policy !== gateway.#policy.hash)
        throw new Conflict('policy_changed', 'policy changed');
    };
    const meter = new SessionMeter({
      policy: () => gateway.#policy,
      requester: () => requester,
      target,
      monotonic: () => gateway.clock.monotonic(),
      after: (ms, run) => gateway.clock.after(ms, run),
      openSessions: () => gateway.#cuts.size,
      cut: (reason) => queueMicrotask(() => cut?.(reason)),
    });
    return {
      get stage() {
        return meter.stage;
      },
      get metered() {
        return meter.metered;
      },
      spend: (kind, count) => meter.spend(kind, count),
      renew: (limit) => meter.renew(limit),
      guard: () => gateway.#policy.guardFor(requester, target),
      id: `s-${randomBytes(4).toString('hex')}`,
      requester,
      requesterKind: 'machine',
      ahead: undefined,
      state: () => {},
      target,
      policy: () => gateway.#policy,
      masks: () => gateway.#policy.masksFor(requester, target),
      decide: (facts) => meter.decide(facts),
      pass(statement) {
        current(statement);
        write(statement);
        return cutKey(statement.decision);
      },
      intern: (statement) => ({ statement }) as unknown as InternedStatement,
      passAgain({ statement }) {
        current(statement);
        write(statement);
        return cutKey(statement.decision);
      },
      commit() {
        if (gateway.recordingFails) throw gateway.recordingFails;
      },
      prepare() {
        if (gateway.recordingFails) throw gateway.recordingFails;
      },
      atTurnEnd: (step) => gateway.#turnEnd.add(step),
      refuse: write,
      async hold(statement, card) {
        write(statement);
        const id = `ap-${randomBytes(3).toString('hex').slice(0, 5)}`;
        const { promise, resolve } = Promise.withResolvers<HoldOutcome>();
        gateway.#offer({
          id,
          card,
          statement,
          approve: (by = 'ana') => {
            if (statement.decision.limit !== undefined) meter.renew(statement.decision.limit);
            resolve({ outcome: 'approved', by, judged: cutKey(statement.decision) });
          },
          deny: (reason, by = 'ana') => resolve({ outcome: 'denied', by, reason }),
          expire: () => resolve({ outcome: 'expired' }),
        });
        return {
          id,
          rule: statement.decision.rule ?? '',
          approvers: statement.decision.outcome === 'approve' ? statement.decision.terms.approvers : [],
          expiresIn: 900_000,
          outcome: promise,
          onComment: () => {},
          withdraw: (reason) => resolve({ outcome: 'withdrawn', reason }),
        };
      },
      record: (kind, ...parts) => gateway.#record(kind, parts),
      recordStaged: (kind, parts) => gateway.#record(kind, parts),
      note: (message) => void gateway.notes.push(message),
      connecting: (connect) => connect(),
      onCut(listener) {
        cut = listener;
        gateway.#cuts.add(listener);
      },
      async close(reason) {
        meter.close();
        if (cut) gateway.#cuts.delete(cut);
        gateway.ended.push(reason);
        for (const wake of gateway.#endWaiters.splice(0)) wake();
      },
    };
  }

  #record(kind: FrameKind, parts: readonly Uint8Array[]): void {
    if (this.recordingFails) throw this.recordingFails;
    this.frames.push({ kind, payload: Buffer.concat(parts) });
  }

  #offer(hold: TestHold): void {
    const waiter = this.#holdWaiters.shift();
    if (waiter) waiter(hold);
    else this.#holds.push(hold);
  }
}

function readPolicy(text: string): Policy {
  const { policy, problems } = parsePolicy(text, 'test.yaml');
  if (policy === undefined) throw new Error(problems.map((one) => one.message).join('; '));
  return compilePolicy(policy, policyHash(text));
}

function cancelKeys(): CancelKeys {
  const known = new Map<number, { secret: Buffer; cancel: () => void }>();
  let next = 1;
  return {
    register(cancel, length) {
      const processId = next++;
      const secret = randomBytes(length);
      known.set(processId, { secret, cancel });
      return { processId, secret, release: () => void known.delete(processId) };
    },
    find(processId, secret) {
      const entry = known.get(processId);
      return entry?.secret.equals(secret) ? entry.cancel : undefined;
    },
  };
}
