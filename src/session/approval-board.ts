import { precedentOf } from '../approval/precedent.ts';
import type { ApprovalRequest } from '../approval/request.ts';
import {
  type ApprovalDraft,
  commentRequest,
  decideRequest,
  expireRequest,
  isEnded,
  lastChange,
  notWaiting,
  openRequest,
  spendApproval,
  type Vote,
  withdrawRequest,
} from '../approval/state.ts';
import type { AuditEntry, AuditEvent, AuditLog } from '../audit/entry.ts';
import type { Clock } from '../base/clock.ts';
import { Conflict, HoopError, NotFound } from '../base/errors.ts';
import { newApprovalId } from '../base/ids.ts';
import { requireLive } from '../identity/token.ts';
import type { IdentityRow, Store } from '../store/store.ts';
import type { AppliedPolicy } from './applied-policy.ts';
import { askedFacts } from './asked-facts.ts';
import { AskingPace } from './asking-pace.ts';
import { Deciders } from './deciders.ts';
import { requireApprover } from './require-approver.ts';
import { type Moment, WaitingRequest } from './waiting-request.ts';

export interface ApprovalBoardDeps {
  readonly clock: Clock;
  readonly approvals: Store['approvals'];
  readonly identities: Store['identities'];
  readonly audit: AuditLog;
  readonly policy: AppliedPolicy;
  /** A change that could not be stored or audited and has nobody to be told to. */
  readonly failed: (error: unknown) => void;
}

const POLICY_CHANGED = 'the policy changed';

/** A request that waits. */
export interface ApprovalTicket {
  readonly request: ApprovalRequest;
  /** The request as it was approved, denied, expired or withdrawn; approved ones still have to be used. */
  readonly decided: Promise<ApprovalRequest>;
}

/**
 * The requests whose statements are held now, and those made ahead that have not run yet. Every change is audited
 * first, then stored by compare-and-set, then told. What is not on the board has ended, whatever the store says.
 */
export class ApprovalBoard {
  readonly #deps: ApprovalBoardDeps;
  readonly #waiting = new Map<string, WaitingRequest>();
  readonly #reserved = new Set<string>();
  readonly #pace = new AskingPace();
  readonly #watchers = new Set<(request: ApprovalRequest) => void>();
  readonly deciders: Deciders;

  constructor(deps: ApprovalBoardDeps) {
    this.#deps = deps;
    this.deciders = new Deciders(deps);
    deps.policy.onReplaced((policy) => {
      // One that was made ahead is judged anew by the policy under which it is to run.
      const held = (request: ApprovalRequest) => request.ahead === undefined;
      void this.withdrawThose((request) => held(request) && request.policy !== policy.hash, POLICY_CHANGED);
    });
  }

  /** How many wait for a decision. */
  get size(): number {
    return this.#count(() => true);
  }

  /**
   * Asks for approval. `record` is called once the id is known and before anybody is asked.
   * Throws NotPermitted `no_approver`, `too_many_pending`, `too_many_requests`, and what `record` throws.
   */
  async request(draft: Omit<ApprovalDraft, 'id'>, record: (id: string) => void): Promise<ApprovalTicket> {
    const { clock, approvals } = this.#deps;
    const own = (request: ApprovalRequest) => request.requesterId === draft.requesterId;
    this.#pace.admit(draft.requesterId, this.#count(own), clock.monotonic());
    const id = await this.#freeId();
    try {
      const able = await this.#deps.identities.list();
      requireApprover(draft, able, this.#deps.policy.current(), clock.now());
      const began = { wall: clock.now(), monotonic: clock.monotonic() };
      const precedent = precedentOf(draft, await approvals.votedFor(draft));
      const request = openRequest({ ...draft, id, precedent }, began.wall);
      record(id);
      this.#audit('approval.requested', draft.card.requester, request, askedFacts(request));
      const { promise, resolve } = Promise.withResolvers<ApprovalRequest>();
      await approvals.create(request);
      this.#takeUp(request, began, resolve);
      this.#tell(request);
      const replaced = this.#deps.policy.get()?.hash !== request.policy;
      if (replaced && request.ahead === undefined) void this.withdraw(id, POLICY_CHANGED);
      return { request, decided: promise };
    } finally {
      this.#reserved.delete(id);
    }
  }

  /**
   * Counts one vote. `prove` checks the decider's presence, gives the decider as it is by then (undefined for as it
   * was), and is asked only when everything else would do.
   * Throws what `decideRequest` and `prove` throw, NotFound `no_such_approval`, Conflict when a race was lost.
   */
  async decide(
    id: string,
    identity: IdentityRow,
    vote: Vote,
    prove: () => Promise<IdentityRow | undefined>,
  ): Promise<{ readonly request: ApprovalRequest; readonly entry: AuditEntry }> {
    const known = await this.find(id);
    let by = identity;
    try {
      decideRequest(known, this.deciders.of(known, by), vote, this.#now(id));
      by = (await prove()) ?? by;
    } catch (error) {
      const code = error instanceof HoopError ? error.code : 'unexpected';
      this.#audit('approval.refused', identity.name, known, { code, decision: vote.decision });
      throw error;
    }
    return this.#change(id, (request) => {
      // Between the look and the change the decider may have been revoked, or somebody else have decided.
      requireLive(by, this.#deps.clock.now());
      const next = decideRequest(request, this.deciders.of(request, by), vote, this.#now(id));
      const facts = { decision: vote.decision, reason: vote.reason ?? null, status: next.status };
      return { next, kind: 'approval.decided', actor: by.name, facts };
    });
  }

  /** The requester or its session went away. Nothing happens when the request had ended before; never rejects. */
  async withdraw(id: string, reason: string): Promise<void> {
    await this.#end(id, (request) => withdrawRequest(request, reason));
  }

  /** Withdraws those that `which` picks. Never rejects. */
  async withdrawThose(which: (request: ApprovalRequest) => boolean, reason: string): Promise<void> {
    const picked = [...this.#waiting.values()].filter(({ request }) => which(request));
    await Promise.all(picked.map(({ request }) => this.withdraw(request.id, reason)));
  }

  /**
   * Spends an approval. Throws Conflict or ApprovalPending when there is none to spend: then nothing runs.
   * `session` is where a request runs that was made ahead.
   */
  async use(id: string, session?: string): Promise<ApprovalRequest> {
    const where = session === undefined ? undefined : `run in session ${session}`;
    const { request } = await this.#change(id, (approved) => ({
      next: spendApproval(approved, this.#now(id), where),
      kind: 'approval.used',
      actor: approved.card.requester,
      facts: { fingerprint: approved.fingerprint, ...(session === undefined ? {} : { session }) },
    }));
    return request;
  }

  /** What an approver says without deciding. Throws what `commentRequest` throws, NotFound `no_such_approval`. */
  async comment(id: string, identity: IdentityRow, text: string) {
    await this.find(id);
    return this.#change(id, (request) => {
      requireLive(identity, this.#deps.clock.now());
      const next = commentRequest(request, this.deciders.of(request, identity), text, this.#now(id));
      const facts = { comment: next.comments.at(-1)?.text ?? '' };
      return { next, kind: 'approval.commented', actor: identity.name, facts };
    });
  }

  /** Takes up a request that was made ahead and lives on from before this process began. */
  restore(request: ApprovalRequest): void {
    const { clock } = this.#deps;
    const wall = Math.max(clock.now(), lastChange(request));
    this.#takeUp(request, { wall, monotonic: clock.monotonic() }, () => {});
  }

  /** The request as it stands. Throws NotFound `no_such_approval`. */
  async find(id: string): Promise<ApprovalRequest> {
    const request = this.#waiting.get(id)?.request ?? (await this.#deps.approvals.find(id));
    if (request) return request;
    throw new NotFound('no_such_approval', `there is no approval ${id}`, { next: 'hoopctl approvals' });
  }

  /** Why this identity may not decide it now; undefined when it may. */
  mayNotDecide(request: ApprovalRequest, identity: IdentityRow): string | undefined {
    return this.deciders.mayNotDecide(request, identity, this.#now(request.id));
  }

  /** Every change of every request from now on. */
  watch(watcher: (request: ApprovalRequest) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #takeUp(request: ApprovalRequest, began: Moment, decided: WaitingRequest['decided']): void {
    const waiting = new WaitingRequest(this.#deps.clock, request, began, decided);
    this.#waiting.set(request.id, waiting);
    this.#watchExpiry(waiting);
  }

  #count(which: (request: ApprovalRequest) => boolean): number {
    let count = 0;
    for (const { request } of this.#waiting.values()) {
      if (request.status === 'pending' && which(request)) count += 1;
    }
    return count;
  }

  async #freeId(): Promise<string> {
    for (;;) {
      const id = newApprovalId();
      if (this.#reserved.has(id)) continue;
      this.#reserved.add(id);
      if ((await this.#deps.approvals.find(id)) === undefined) return id;
      this.#reserved.delete(id);
    }
  }

  #now(id: string): number {
    return this.#waiting.get(id)?.now ?? this.#deps.clock.now();
  }

  #watchExpiry(waiting: WaitingRequest): void {
    const { id } = waiting.request;
    waiting.watchExpiry(() => {
      void this.#end(id, (request) => expireRequest(request, this.#now(id))).then(() => {
        if (this.#waiting.has(id)) this.#watchExpiry(waiting);
      });
    });
  }

  async #end(id: string, next: (request: ApprovalRequest) => ApprovalRequest | undefined): Promise<void> {
    try {
      await this.#change(id, (request) => {
        const ended = next(request);
        if (!ended) throw new Conflict('approval_ended', 'there is nothing to end');
        const facts = { status: ended.status, reason: ended.endReason ?? null };
        return { next: ended, kind: 'approval.ended', actor: 'hoopctl', facts };
      });
    } catch (error) {
      if (error instanceof Conflict || error instanceof NotFound) return;
      this.#deps.failed(error);
      this.#abandon(id);
    }
  }

  /** What could not be stored or audited must still not run, and its client must not wait for ever. */
  #abandon(id: string): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#forget(waiting);
    waiting.decided({ ...waiting.request, status: 'withdrawn', endReason: 'the books could not be written' });
  }

  /** One change, in its turn: audited, stored, told. */
  async #change(
    id: string,
    change: (request: ApprovalRequest) => {
      readonly next: ApprovalRequest;
      readonly kind: AuditEvent['kind'];
      readonly actor: string;
      readonly facts: Readonly<Record<string, unknown>>;
    },
  ): Promise<{ readonly request: ApprovalRequest; readonly entry: AuditEntry }> {
    const waiting = this.#waiting.get(id);
    if (!waiting) throw notWaiting(await this.find(id));
    return waiting.inTurn(async () => {
      if (!this.#waiting.has(id)) throw notWaiting(waiting.request);
      const { next, kind, actor, facts } = change(waiting.request);
      const entry = this.#audit(kind, actor, waiting.request, facts);
      const { comments, decisions, endReason, expiresAt, status } = next;
      const won = await this.#deps.approvals.transition(id, waiting.request.version, {
        status,
        decisions,
        comments,
        expiresAt,
        ...(endReason === undefined ? {} : { endReason }),
      });
      if (!won) {
        this.#audit('approval.refused', actor, waiting.request, { code: 'race_lost', status });
        throw new Conflict('approval_changed', `${id} was changed by somebody else`, { retryable: true });
      }
      const later = waiting.request.expiresAt !== expiresAt;
      waiting.request = next;
      if (isEnded(status)) this.#forget(waiting);
      else if (later) this.#watchExpiry(waiting);
      if (status !== 'pending') waiting.decided(next);
      this.#tell(next);
      return { request: next, entry };
    });
  }

  #forget(waiting: WaitingRequest): void {
    waiting.stopWatching();
    this.#waiting.delete(waiting.request.id);
  }

  #tell(request: ApprovalRequest): void {
    for (const watcher of this.#watchers) watcher(request);
  }

  #audit(
    kind: AuditEvent['kind'],
    actor: string,
    request: ApprovalRequest,
    facts: Readonly<Record<string, unknown>>,
  ): AuditEntry {
    const { id, session, connection, rule } = request;
    return this.#deps.audit.append({
      kind,
      actor,
      facts: { approval: id, session: session ?? null, connection, rule, ...facts },
    });
  }
}
