import type { ApprovalCard } from '../../approval/request.ts';
import type { Hold, Judged, SessionDesk, StatementToRecord } from '../../session/desk.ts';
import { type Asked, gravestEffect, judge, textOf } from './judgement.ts';
import { blockedWords, EXIT, holdWords, notApprovedWords } from './words.ts';

/** What a gate needs of whoever asks through it. */
export interface GateTerms {
  readonly desk: SessionDesk;
  readonly clientAddress: string;
  /** `SSH web-1:22 as deploy`. */
  readonly target: string;
  /** Variables that the program will have. */
  readonly environment: ReadonlyMap<string, string>;
  /** The kind of its terminal; undefined for none. */
  readonly terminal: string | undefined;
  /** Tells the client, where it can be told. */
  say(lines: readonly string[]): void;
  /** Nobody waits for the answer any more. */
  gone(): boolean;
}

/** What a line finds set up for it, in the words of a shell. */
function settingOf(asked: Asked): readonly (readonly [string, string])[] {
  if (asked.kind !== 'line') return [];
  const { directory, variables } = asked.setting;
  return [
    ...(directory === undefined ? [] : [['PWD', directory] as const]),
    ...[...variables].map(([name, { value }]) => [name, value] as const),
  ];
}

export type Answer =
  /** `waited`: for somebody's yes, so that it may have taken long. */
  | { readonly passed: true; readonly judged: Judged; readonly waited: boolean }
  /** The client has been told; `code` is what its program ends with. */
  | { readonly passed: false; readonly code: number };

/** Judges what one channel asks for; holds it while it waits for approval. */
export class Gate {
  readonly #terms: GateTerms;
  #hold: Hold | undefined;
  /** It was cancelled before there was anything to withdraw. */
  #cancelled: string | undefined;

  constructor(terms: GateTerms) {
    this.#terms = terms;
  }

  /** Passes what the policy allows by itself; undefined for anything else, of which nobody is told. */
  passed(asked: Asked): Judged | undefined {
    const { decision, record } = judge(this.#terms.desk, asked);
    return decision.outcome === 'allow' ? this.#terms.desk.pass(this.#withSetting(asked, record)) : undefined;
  }

  /** Throws what the desk throws. */
  async ask(asked: Asked): Promise<Answer> {
    this.#cancelled = undefined;
    const { desk, say, terminal } = this.#terms;
    const { decision, facts, record } = judge(desk, asked);
    const statement = this.#withSetting(asked, record);
    const parameters = statement.parameters ?? [];
    switch (decision.outcome) {
      case 'allow':
        return { passed: true, judged: desk.pass(statement), waited: false };
      case 'block':
        desk.refuse(statement);
        say(blockedWords(decision, desk.target.connection));
        return { passed: false, code: EXIT.refused };
      case 'approve':
        break;
    }
    const text = textOf(asked);
    const card: ApprovalCard = {
      requester: desk.requester.name,
      requesterKind: desk.requesterKind,
      requesterGroups: desk.requester.groups,
      clientAddress: this.#terms.clientAddress,
      target: this.#terms.target,
      transaction: 'inapplicable',
      statement: text,
      parameters,
      effects: record.effects,
      estimate: terminal === undefined ? 'without a terminal' : 'on a terminal',
    };
    const hold = await desk.hold(statement, card, () => [text, JSON.stringify(parameters), terminal ?? '']);
    this.#hold = hold;
    if (this.#terms.gone()) hold.withdraw('the client went away');
    else if (this.#cancelled !== undefined) hold.withdraw(this.#cancelled);
    else say(holdWords(hold, gravestEffect(facts)));
    hold.onComment((by, text) => say([`hoopctl: ${by} says about ${hold.id}: ${text}`]));
    const outcome = await hold.outcome;
    this.#hold = undefined;
    if (outcome.outcome === 'approved' && !this.#terms.gone()) {
      say([`hoopctl: approved by ${outcome.by}`, ...(outcome.comment?.split('\n') ?? [])]);
      return { passed: true, judged: outcome.judged, waited: true };
    }
    if (outcome.outcome !== 'approved') say(notApprovedWords(hold, outcome));
    return { passed: false, code: outcome.outcome === 'withdrawn' ? EXIT.withdrawn : EXIT.refused };
  }

  #withSetting(asked: Asked, record: StatementToRecord): StatementToRecord {
    const setting = [...settingOf(asked), ...this.#terms.environment];
    return setting.length === 0
      ? record
      : { ...record, parameters: setting.map(([name, value]) => `${name}=${value}`) };
  }

  /** The client cancelled or went away. */
  withdraw(reason: string): void {
    this.#cancelled = reason;
    this.#hold?.withdraw(reason);
  }
}
