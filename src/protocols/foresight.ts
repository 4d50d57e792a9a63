import type { TextPiece } from '../approval/request.ts';
import type { HoopError } from '../base/errors.ts';
import type { Decision, Policy, PolicyTarget, Requester } from '../policy/decision.ts';

/** Who asks what of whom, ahead of any session. */
export interface ForesightOf {
  readonly policy: Policy;
  readonly requester: Requester;
  readonly target: PolicyTarget;
  readonly text: string;
}

/** What a text would be judged to be in a session that its requester opened now. */
export interface Foreseen {
  readonly decision: Decision;
  /** Why it may not run whatever the policy says. */
  readonly inadmissible: HoopError | undefined;
  /** Why parts of it cannot be told, for who is refused. */
  readonly reasons: readonly string[];
  /** `write: public.customers(plan)`, one line an action. */
  readonly effects: readonly string[];
  /** SHA-256 (hex) of what it means, by whatever that rests on at the target: it must be the same when it runs. */
  readonly meaning: string;
  /** The messages it is sent in, in order. */
  readonly pieces: readonly TextPiece[];
  /** For the card; asked for only where an approval is needed. */
  readonly estimate: string;
  readonly rehearsal?: readonly string[] | undefined;
}
