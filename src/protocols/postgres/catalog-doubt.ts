import type { StatementFacts } from '../../sql/facts.ts';
import type { Exchange } from './exchange.ts';
import type { InFlight } from './in-flight.ts';
import type { Judgement } from './judgement.ts';
import { factsOf } from './statement-effects.ts';

/** `look`: the catalog is to be read again; `another`: the result is not of what was judged. */
export type Doubt = 'none' | 'look' | 'another';

/** Asked once before the first row of each result, and once more when the catalog was read again. */
export class CatalogDoubt {
  readonly #x: Exchange;
  #looking: InFlight | undefined;

  constructor(exchange: Exchange) {
    this.#x = exchange;
  }

  over(head: InFlight): Doubt {
    if (this.#looking === head) {
      this.#looking = undefined;
      return this.#isSame(head) ? 'none' : 'another';
    }
    if ((head.kind !== 'query' && head.kind !== 'execute') || head.mark === undefined) return 'none';
    if (!this.#x.changes.doubts(head.mark) || !this.#x.masking().masked.anyColumns) return 'none';
    head.mark = undefined;
    this.#looking = head;
    return 'look';
  }

  /** Whether analysis says now what it said when the statement was let through. */
  #isSame(head: InFlight): boolean {
    const before = factsOf(head);
    const now = this.#now(head);
    const at = head.kind === 'query' ? head.statement : 0;
    if (before === undefined || now === undefined) return false;
    return now.decision.outcome !== 'block' && shown(now.facts.statements[at]) === shown(before);
  }

  #now(head: InFlight): Judgement | undefined {
    if (head.kind === 'query') return this.#x.judge.judge(head.judgement.record.text);
    const statement = head.kind === 'execute' ? head.portal.statement : undefined;
    return statement && this.#x.judge.judgePrepared(statement);
  }
}

/** What of a statement's facts decides about its result. */
function shown(facts: StatementFacts | undefined): string {
  return JSON.stringify([facts?.actions, facts?.outputs, facts?.anyOutput, facts?.columnUses]);
}
