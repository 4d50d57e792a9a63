import { Internal } from '../base/errors.ts';
import type { Decision } from '../policy/decision.ts';
import type { Judged } from './desk.ts';

/** A key that was cut by a desk. Private to this file, so that nothing else can make one. */
class Key {
  readonly decision: Decision;
  #spent = false;

  constructor(decision: Decision) {
    this.decision = decision;
  }

  spend(): void {
    if (this.#spent) throw new Internal('judged_twice', 'a judged statement can run only once');
    this.#spent = true;
  }
}

/** For the desk alone (a test keeps it so): the decision has been recorded and audited. */
export function cutKey(decision: Decision): Judged {
  return new Key(decision) as unknown as Judged;
}

/**
 * What the door to the target does with a key before it writes a byte.
 * Throws Internal `judged_twice` for a used key and Internal `not_judged` for anything a desk did not make.
 */
export function spend(judged: Judged): void {
  if (!(judged instanceof Key)) {
    throw new Internal('not_judged', 'only a judged statement reaches the target');
  }
  judged.spend();
}
