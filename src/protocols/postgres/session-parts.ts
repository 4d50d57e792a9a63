import type { Duplex } from 'node:stream';
import type { HashKey } from '../../masking/strategies.ts';
import type { SessionDesk } from '../../session/desk.ts';
import type { TextFacts } from '../../sql/facts.ts';
import type { HoldingTerms } from './holding.ts';
import type { SessionAnalyst } from './state-probe.ts';

/** What a session is made of. */
export interface SessionParts {
  readonly client: Duplex;
  readonly target: Duplex;
  readonly desk: SessionDesk;
  readonly analyst: SessionAnalyst;
  readonly maskKey: HashKey;
  readonly terms: Omit<HoldingTerms, 'closed' | 'refresh' | 'rollBack'>;
  /** What the planner expects of each statement of a text, negative where it cannot tell; never rejects. */
  planRows(
    text: string,
    facts: TextFacts,
    searchPath: readonly string[] | undefined,
  ): Promise<readonly number[]>;
  /** Asks the target to cancel what runs, by its own key; settles when it has dealt with that, and never rejects. */
  cancelOnTarget(): Promise<void>;
}
