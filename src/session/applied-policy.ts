import { NotPermitted } from '../base/errors.ts';
import type { Policy } from '../policy/decision.ts';
import type { PolicyRow } from '../store/store.ts';

/** The policy that decides now. One object for the whole daemon; sessions ask it at each statement. */
export class AppliedPolicy {
  #policy: Policy | undefined;
  #row: PolicyRow | undefined;
  readonly #listeners = new Set<(policy: Policy) => void>();

  /** Throws NotPermitted `no_policy`: without a policy nothing runs. */
  current(): Policy {
    if (this.#policy) return this.#policy;
    throw new NotPermitted('no_policy', 'no policy has been applied', {
      next: 'hoopctl policy apply FILE',
    });
  }

  get(): Policy | undefined {
    return this.#policy;
  }

  /** Version, source and text of what is applied. */
  row(): PolicyRow | undefined {
    return this.#row;
  }

  replace(policy: Policy, row: PolicyRow): void {
    this.#policy = policy;
    this.#row = row;
    for (const listener of this.#listeners) listener(policy);
  }

  onReplaced(listener: (policy: Policy) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
