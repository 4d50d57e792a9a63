import type { ActiveLimit, Decision, Policy, PolicyTarget, Requester } from '../policy/decision.ts';
import type { TextFacts } from '../sql/facts.ts';
import { Budget, type CountedKind, raiseDecision, raiseUncounted } from './budget.ts';

export interface SessionMeterDeps {
  readonly policy: () => Policy;
  readonly requester: () => Requester;
  readonly target: PolicyTarget;
  readonly monotonic: () => number;
  /** Calls back after so many milliseconds, at the earliest; answers how to cancel that. */
  readonly after: (ms: number, run: () => void) => () => void;
  /** Open sessions of this identity that `where` admits, this one included. */
  readonly openSessions: () => number;
  /** Ends the session, with words for the client. */
  readonly cut: (reason: string) => void;
}

/** A limit that was passed, with words for whoever meets it: `more than 500 rows written`. */
export interface PassedLimit {
  readonly limit: ActiveLimit;
  readonly words: string;
}

/**
 * The limits of one session at work: counts what it uses, makes decisions stricter once a limit is passed, and ends
 * the session where the limit says so. Mutable; one owner.
 */
export class SessionMeter {
  readonly #deps: SessionMeterDeps;
  readonly #budget: Budget;
  #policy: Policy | undefined;
  #limits: readonly ActiveLimit[] = [];
  #passed: ActiveLimit | undefined;
  #stage = 1;
  #stopTimer: () => void = () => {};

  constructor(deps: SessionMeterDeps) {
    this.#deps = deps;
    this.#budget = new Budget({ monotonic: deps.monotonic, sessions: () => deps.openSessions() });
    if (this.metered) this.#look();
  }

  /** Grows whenever decisions must be made anew: a limit was passed, or begins anew. */
  get stage(): number {
    if (this.metered) this.#look();
    return this.#stage;
  }

  /** Something is counted at all. */
  get metered(): boolean {
    const policy = this.#deps.policy();
    if (policy !== this.#policy) {
      this.#policy = policy;
      this.#limits = policy.limitsFor(this.#deps.requester(), this.#deps.target);
      this.#stage++;
      this.#watchTime();
    }
    return this.#limits.length > 0;
  }

  decide(facts: TextFacts): Decision {
    const { requester, target, policy } = this.#deps;
    const judged = policy().decide(requester(), target, facts);
    if (!this.metered) return judged;
    const decision = raiseUncounted(judged, this.#limits, facts);
    this.#look();
    const limit = this.#passed;
    if (limit === undefined) return decision;
    return raiseDecision(decision, limit, this.#budget.words(limit), facts, target);
  }

  add(kind: CountedKind, count: number): void {
    this.#budget.add(kind, count);
  }

  /** Counts before something is shown; answers the limit that stands against it now. A session that is to end has ended. */
  spend(kind: CountedKind, count: number): PassedLimit | undefined {
    this.#budget.add(kind, count);
    if (!this.metered) return undefined;
    this.#look();
    const limit = this.#passed && this.#budget.passed(this.#limits, true);
    return limit && { limit, words: this.#budget.words(limit) };
  }

  /** An approver let it go on. */
  renew(limit: string): void {
    this.#budget.renew(limit);
    this.#look();
  }

  close(): void {
    this.#stopTimer();
  }

  #look(): void {
    const passed = this.#budget.passed(this.#limits);
    if (passed === this.#passed) return;
    this.#passed = passed;
    this.#stage++;
    if (passed?.decision === 'cut') {
      this.#deps.cut(passed.message ?? `limit "${passed.name}": ${this.#budget.words(passed)}`);
    }
  }

  /** A session that does nothing passes a limit of time as well. */
  #watchTime(): void {
    this.#stopTimer();
    const times = this.#limits.flatMap(({ most }) => most.duration ?? []);
    if (times.length === 0) return;
    this.#stopTimer = this.#deps.after(Math.min(...times), () => {
      this.#look();
      this.#watchTime();
    });
  }
}
