import type { ApprovalCard } from '../approval/request.ts';
import { Internal } from '../base/errors.ts';
import type {
  ActiveMask,
  Decision,
  Policy,
  PolicyTarget,
  Requester,
  SessionGuard,
  Stated,
} from '../policy/decision.ts';
import { FRAME, type FrameKind } from '../recording/events.ts';
import type { TextFacts } from '../sql/facts.ts';
import type { IdentityRow, SessionRow } from '../store/store.ts';
import { AheadRun, type AheadRunDeps } from './ahead-run.ts';
import type { CountedKind } from './budget.ts';
import { closeBooks } from './close-books.ts';
import { DecisionBook } from './decision-book.ts';
import type { Hold, InternedStatement, Judged, SessionDesk, StatementToRecord } from './desk.ts';
import { HeldStatements } from './held-statements.ts';
import { cutKey } from './judged.ts';
import type { LiveDeskDeps, OpenedSession } from './live-desk-parts.ts';
import type { LiveSession } from './live-sessions.ts';
import { requesterOf, statedWords } from './requester.ts';
import { type Counts, SessionCounts } from './session-counts.ts';
import { SessionLife } from './session-life.ts';
import { type PassedLimit, SessionMeter } from './session-meter.ts';
import { StatedWork } from './stated-work.ts';
import type { TurnStep } from './turn-end.ts';

/** One session's desk over real books: see `SessionDesk`. Mutable: its counters and its end. */
export class LiveDesk implements SessionDesk, LiveSession {
  readonly id: string;
  readonly identity: IdentityRow;
  readonly identityId: string;
  readonly connectionId: string;
  readonly requesterKind: 'person' | 'machine';
  readonly target: PolicyTarget;
  readonly closed: Promise<void>;
  readonly ahead: AheadRun | undefined;
  readonly #deps: LiveDeskDeps;
  readonly #opened: OpenedSession;
  readonly #book: DecisionBook;
  readonly #held: HeldStatements;
  readonly #counts = new SessionCounts();
  readonly #meter: SessionMeter;
  readonly #life: SessionLife;
  #masks: { readonly policy: string; readonly masks: readonly ActiveMask[] } | undefined;
  readonly #requester: Requester;
  readonly #stated: StatedWork;
  #closing: Promise<void> | undefined;
  #end: Partial<SessionRow> = {};
  #markClosed: () => void = () => {};

  constructor(deps: LiveDeskDeps, opened: OpenedSession) {
    const { row, identity } = opened;
    this.id = row.id;
    this.identity = identity;
    this.identityId = identity.id;
    this.connectionId = row.connectionId;
    this.#requester = requesterOf(identity);
    this.#stated = new StatedWork(opened.stated);
    this.requesterKind = identity.kind;
    this.target = opened.target;
    this.closed = new Promise((resolve) => {
      this.#markClosed = resolve;
    });
    this.#deps = deps;
    this.#opened = opened;
    this.#book = new DecisionBook(opened.recording, deps.audit, {
      id: row.id,
      connection: row.connection,
      actor: identity.name,
      endUser: row.endUser?.name,
      trace: opened.trace,
    });
    this.ahead = opened.ahead && new AheadRun(this.#aheadDeps(), opened.ahead);
    this.#held = new HeldStatements({
      stated: () => this.#stated.now,
      board: deps.board,
      book: this.#book,
      row,
      obstacle: (policy) => this.#life.obstacle(policy),
      isClosed: () => this.#life.isClosed,
      count: (what) => this.#count(what),
      refuse: (statement, message) => this.#writeRefusal(statement, message),
      renew: (limit) => this.#meter.renew(limit),
      failed: deps.storeFailed,
    });
    this.#life = new SessionLife(deps, identity, (reason) => this.#held.withdrawAll(reason));
    this.#meter = new SessionMeter({
      policy: () => this.policy(),
      requester: () => this.requester,
      target: this.target,
      monotonic: () => deps.clock.monotonic(),
      after: (ms, run) => deps.clock.after(ms, run),
      openSessions: () => deps.live.countOf(this.identityId),
      cut: (reason) => this.#cutSoon(reason),
    });
  }

  get requester(): Requester {
    return { ...this.#requester, stated: this.#stated.now };
  }

  state(stated: Stated): void {
    const next = this.#stated.after(stated);
    if (next === undefined) return;
    this.note(statedWords(next));
    const { connection, id, identity } = this.#opened.row;
    const facts = { session: id, connection, reason: next.reason ?? null, ticket: next.ticket ?? null };
    this.#deps.audit.append({ kind: 'session.stated', actor: identity, facts });
    this.#stated.become(next);
  }

  policy(): Policy {
    return this.#deps.policy.current();
  }

  masks(): readonly ActiveMask[] {
    const policy = this.policy();
    if (this.#masks?.policy !== policy.hash) {
      this.#masks = { policy: policy.hash, masks: policy.masksFor(this.requester, this.target) };
    }
    return this.#masks.masks;
  }

  decide(facts: TextFacts): Decision {
    const decision = this.#meter.decide(facts);
    return this.ahead?.raise(decision) ?? decision;
  }

  get stage(): number {
    return this.#meter.stage + this.#stated.changes;
  }

  get metered(): boolean {
    return this.#meter.metered;
  }

  spend(kind: CountedKind, count: number): PassedLimit | undefined {
    return this.#meter.spend(kind, count);
  }

  renew(limit: string): void {
    this.#meter.renew(limit);
  }

  guard(): SessionGuard | undefined {
    return this.policy().guardFor(this.requester, this.target);
  }

  pass(statement: StatementToRecord): Judged {
    this.#life.guard(statement.decision, 'allow');
    this.#book.write(statement, { outcome: 'allow' });
    this.#count('statements');
    return cutKey(statement.decision);
  }

  intern(statement: StatementToRecord): InternedStatement {
    this.#life.guard(statement.decision, 'allow');
    return this.#book.intern(statement);
  }

  passAgain(interned: InternedStatement): Judged {
    const { decision } = interned.statement;
    this.#life.guard(decision, 'allow');
    this.#book.stageAgain(interned);
    this.#count('statements');
    return cutKey(decision);
  }

  refuse(statement: StatementToRecord): void {
    this.#life.assertOpen();
    const { decision } = statement;
    const message = decision.outcome === 'block' ? decision.message : undefined;
    this.#writeRefusal(statement, message);
  }

  async hold(
    statement: StatementToRecord,
    card: ApprovalCard,
    fingerprintInput: () => readonly (string | Uint8Array)[],
  ): Promise<Hold> {
    this.#life.guard(statement.decision, 'approve');
    if (this.ahead !== undefined && statement.decision.limit === undefined) {
      throw new Internal('ahead_bypassed', 'what runs ahead of any session is taken, not held');
    }
    return this.#opened.trace.hold(statement, this.#held.hold(statement, card, fingerprintInput));
  }

  record(kind: FrameKind, ...parts: readonly Uint8Array[]): void {
    const now = this.#deps.clock.monotonic();
    if (kind === FRAME.client) this.#opened.recording.stage(kind, parts, now);
    else this.#opened.recording.append(kind, ...parts);
    this.#deps.bytesMoved(this.id, now);
  }

  recordStaged(kind: FrameKind, parts: readonly Uint8Array[]): void {
    const now = this.#deps.clock.monotonic();
    this.#opened.recording.stage(kind, parts, now);
    this.#deps.bytesMoved(this.id, now);
  }

  commit(): void {
    this.#book.commit();
  }

  prepare(): void {
    this.#book.prepare();
  }

  atTurnEnd(step: TurnStep): void {
    this.#deps.turnEnd.add(step);
  }

  readonly connecting: SessionDesk['connecting'] = (connect) => this.#opened.trace.connecting(connect);
  note(message: string): void {
    this.#opened.recording.appendJson(FRAME.note, { message });
  }

  onCut(listener: (reason: string) => void): void {
    this.#life.onCut(listener);
  }

  cut(reason: string): void {
    this.#life.cut(reason);
  }

  extend(expiresAt: string | undefined): void {
    this.#life.extend(expiresAt);
  }

  row(): SessionRow {
    return { ...this.#opened.row, ...this.#counts.now, ...this.#end };
  }

  async saveCounters(): Promise<void> {
    if (this.#life.isClosed) return;
    const { sessions, storeFailed } = this.#deps;
    await this.#counts.save((counts) => sessions.update(this.id, counts)).catch(storeFailed);
  }

  close(reason: string): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = this.#closeBooks(this.#life.cutReason ?? reason).finally(this.#markClosed);
      this.#life.close();
    }
    return this.#closing;
  }

  #aheadDeps(): AheadRunDeps {
    return {
      board: this.#deps.board,
      book: this.#book,
      session: this.id,
      guard: (decision) => this.#life.guard(decision, 'approve'),
      obstacle: (policy) => this.#life.obstacle(policy),
      count: (what) => this.#count(what),
      refuse: (statement, message) => this.#writeRefusal(statement, message),
    };
  }

  /** After what is being said now: a limit is passed in the middle of a statement. */
  #cutSoon(reason: string): void {
    queueMicrotask(() => this.cut(reason));
  }

  #count(what: keyof Counts): void {
    this.#counts.add(what);
    if (what === 'statements') this.#meter.add('statements', 1);
    if (what === 'blocked' || what === 'denied') this.#meter.add('denied', 1);
  }

  #writeRefusal(statement: StatementToRecord, message: string | undefined): void {
    this.#book.write(statement, { outcome: 'block', ...(message === undefined ? {} : { message }) });
    this.#count('statements');
    this.#count('blocked');
  }

  async #closeBooks(reason: string): Promise<void> {
    this.#meter.close();
    this.#held.withdrawAll('the session ended');
    const books = { ...this.#opened, book: this.#book, counts: this.#counts.now };
    await closeBooks(this.#deps, books, reason, (end) => {
      this.#end = end;
    });
  }
}
