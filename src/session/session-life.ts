import type { Clock } from '../base/clock.ts';
import { Conflict, Internal, LoginNeeded, NotPermitted } from '../base/errors.ts';
import type { Decision } from '../policy/decision.ts';
import type { IdentityRow } from '../store/store.ts';
import type { AppliedPolicy } from './applied-policy.ts';
import { SessionExpiry } from './session-expiry.ts';

interface SessionLifeDeps {
  readonly clock: Clock;
  readonly policy: AppliedPolicy;
}

/** Whether a session goes on, and what must hold at the moment in which a statement passes. Mutable. */
export class SessionLife {
  readonly #policy: AppliedPolicy;
  readonly #identity: IdentityRow;
  readonly #withdraw: (reason: string) => void;
  readonly #expiry: SessionExpiry;
  #cutReason: string | undefined;
  #cutListener: ((reason: string) => void) | undefined;
  #closed = false;

  /** `withdraw` is told first when the session is cut; at once for an identity that has expired. */
  constructor(deps: SessionLifeDeps, identity: IdentityRow, withdraw: (reason: string) => void) {
    this.#policy = deps.policy;
    this.#identity = identity;
    this.#withdraw = withdraw;
    this.#expiry = new SessionExpiry(deps.clock, identity.expiresAt, () => this.cut('the token has expired'));
  }

  /** Why it was cut; undefined while it was not. */
  get cutReason(): string | undefined {
    return this.#cutReason;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  onCut(listener: (reason: string) => void): void {
    if (this.#cutReason === undefined) this.#cutListener = listener;
    else listener(this.#cutReason);
  }

  cut(reason: string): void {
    if (this.#cutReason !== undefined || this.#closed) return;
    this.#cutReason = reason;
    this.#withdraw(reason);
    this.#cutListener?.(reason);
  }

  /** The sign-in was renewed. */
  extend(expiresAt: string | undefined): void {
    if (!this.#closed) this.#expiry.extend(expiresAt);
  }

  close(): void {
    this.#closed = true;
    this.#expiry.close();
  }

  /**
   * Everything that must hold before a statement may pass, at this very moment. Throws NotPermitted `session_over`,
   * LoginNeeded `identity_expired`, Internal `wrong_outcome`, Conflict `policy_changed`.
   */
  guard(decision: Decision, outcome: Decision['outcome']): void {
    this.assertOpen();
    if (decision.outcome !== outcome) {
      throw new Internal(
        'wrong_outcome',
        `a decision to ${decision.outcome} cannot be carried out as ${outcome}`,
      );
    }
    if (decision.policy !== this.#policy.current().hash) {
      throw new Conflict('policy_changed', 'the policy changed while the statement was judged', {
        next: 'run it again',
        retryable: true,
      });
    }
  }

  /** Throws NotPermitted `session_over`, LoginNeeded `identity_expired`. */
  assertOpen(): void {
    const over = this.#over();
    if (over !== undefined) {
      throw new NotPermitted('session_over', `the session is over: ${over}`, { next: 'connect again' });
    }
    if (this.#expiry.passed) {
      throw new LoginNeeded('identity_expired', `the token of ${this.#identity.name} has expired`);
    }
  }

  /** Why what was approved under that policy must not run after all; undefined when it may. */
  obstacle(policy: string): string | undefined {
    const over = this.#over();
    if (over !== undefined) return over;
    if (this.#expiry.passed) return 'the token of the requester has expired';
    if (this.#policy.get()?.hash !== policy) return 'the policy changed';
    return undefined;
  }

  #over(): string | undefined {
    return this.#cutReason ?? (this.#closed ? 'it was closed' : undefined);
  }
}
