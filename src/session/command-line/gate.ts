import type { ApprovalCard } from '../../approval/request.ts';
import type { Hold, Judged, SessionDesk, StatementToRecord } from '../desk.ts';
import { gravestEffect, type Judgement } from './judgement.ts';
import { blockedWords, EXIT, holdWords, notApprovedWords } from './words.ts';

/** What a gate needs of whoever asks through it. */
export interface GateTerms<Asked> {
  readonly desk: SessionDesk;
  /** By the policy of this moment. Throws what the desk throws. */
  judge(asked: Asked): Judgement;
  readonly clientAddress: string;
  /** `SSH web-1:22 as deploy`. */
  readonly target: string;
  /** How to ask why something was blocked: a command to be pasted. */
  readonly whyBlocked: string;
  /** Variables that the program will have. */
  readonly environment: ReadonlyMap<string, string>;
  /** The kind of its terminal; undefined for none. */
  readonly terminal: string | undefined;
  /** Tells the client, where it can be told. */
  say(lines: readonly string[]): void;
  /** Nobody waits for the answer any more. */
  gone(): boolean;
}

export type Answer =
  /** `waited`: for somebody's yes, so that it may have taken long. */
  | { readonly passed: true; readonly judged: Judged; readonly waited: boolean }
  /** The client has been told; `code` is what its program ends with. */
  | { readonly passed: false; readonly code: number };

/** Judges what one client's channel asks for; holds it while it waits for approval. */
export class Gate<Asked> {
  readonly #terms: GateTerms<Asked>;
  #hold: Hold | undefined;
  /** It was cancelled before there was anything to withdraw. */
  #cancelled: string | undefined;

  constructor(terms: GateTerms<Asked>) {
    this.#terms = terms;
  }

  /** Passes what the policy allows by itself; undefined for anything else, of which nobody is told. */
  passed(asked: Asked): Judged | undefined {
    const judgement = this.#terms.judge(asked);
    const allowed = judgement.decision.outcome === 'allow';
    return allowed ? this.#terms.desk.pass(this.#withSetting(judgement)) : undefined;
  }

  /** True when the policy, as it stands, would have it refused. Throws what the desk throws. */
  blocks(asked: Asked): boolean {
    return this.#terms.judge(asked).decision.outcome === 'block';
  }

  /** Throws what the desk throws. */
  async ask(asked: Asked): Promise<Answer> {
    this.#cancelled = undefined;
    const { desk, say, target, terminal } = this.#terms;
    const judgement = this.#terms.judge(asked);
    const { decision, facts } = judgement;
    const statement = this.#withSetting(judgement);
    const parameters = statement.parameters ?? [];
    switch (decision.outcome) {
      case 'allow':
        return { passed: true, judged: desk.pass(statement), waited: false };
      case 'block':
        desk.refuse(statement);
        say(blockedWords(decision, this.#terms.whyBlocked));
        return { passed: false, code: EXIT.refused };
      case 'approve':
        break;
    }
    const { effects, text } = statement;
    const card: ApprovalCard = {
      requester: desk.requester.name,
      requesterKind: desk.requesterKind,
      requesterGroups: desk.requester.groups,
      clientAddress: this.#terms.clientAddress,
      target,
      transaction: 'inapplicable',
      statement: text,
      parameters,
      effects,
      estimate: terminal === undefined ? 'without a terminal' : 'on a terminal',
    };
    const hold = await desk.hold(statement, card, () => [text, JSON.stringify(parameters), terminal ?? '']);
    this.#hold = hold;
    if (this.#terms.gone()) hold.withdraw('the client went away');
    else if (this.#cancelled !== undefined) hold.withdraw(this.#cancelled);
    else say(holdWords(hold, gravestEffect(facts)));
    hold.onComment((by, said) => say([`hoopctl: ${by} says about ${hold.id}: ${said}`]));
    const outcome = await hold.outcome;
    this.#hold = undefined;
    if (outcome.outcome === 'approved' && !this.#terms.gone()) {
      say([`hoopctl: approved by ${outcome.by}`, ...(outcome.comment?.split('\n') ?? [])]);
      return { passed: true, judged: outcome.judged, waited: true };
    }
    if (outcome.outcome !== 'approved') say(notApprovedWords(hold, outcome));
    return { passed: false, code: outcome.outcome === 'withdrawn' ? EXIT.withdrawn : EXIT.refused };
  }

  #withSetting({ record, setting = [] }: Judgement): StatementToRecord {
    const all = [...setting, ...this.#terms.environment];
    return all.length === 0
      ? record
      : { ...record, parameters: all.map(([name, value]) => `${name}=${value}`) };
  }

  /** The client cancelled or went away. */
  withdraw(reason: string): void {
    this.#cancelled = reason;
    this.#hold?.withdraw(reason);
  }
}
