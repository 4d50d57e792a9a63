import type { ApprovalRequest } from '../approval/request.ts';
import { Internal } from '../base/errors.ts';
import type { ApprovalTerms, Decision } from '../policy/decision.ts';
import type { ApprovalBoard } from './approval-board.ts';
import type { DecisionBook } from './decision-book.ts';
import type { AheadSession, HoldOutcome, StatementToRecord, WholeText } from './desk.ts';
import { commentOf } from './held-statements.ts';
import { cutKey } from './judged.ts';

export interface AheadRunDeps {
  readonly board: ApprovalBoard;
  readonly book: DecisionBook;
  readonly session: string;
  /** Throws when a statement may not even be looked at now: the session is over, the policy was replaced. */
  readonly guard: (decision: Decision) => void;
  /** Why nothing may run any more that was decided under that policy; undefined when it may. */
  readonly obstacle: (policy: string) => string | undefined;
  readonly count: (what: 'statements' | 'approved') => void;
  readonly refuse: (statement: StatementToRecord, message: string) => void;
}

/** What every text of a run needs that a rule would let through by itself. */
const NO_MORE_TERMS: ApprovalTerms = { approvers: [], approvals: 0, expires: 0, selfApproval: true };

/**
 * The session that runs a request made ahead: it takes the approved bytes, in their order and once, and nothing else.
 * The approval is spent, on the disk, before the first of them goes. Mutable; one for each session.
 */
export class AheadRun implements AheadSession {
  readonly id: string;
  readonly rule: string;
  readonly text: string;
  readonly #deps: AheadRunDeps;
  readonly #request: ApprovalRequest;
  readonly #pieces: readonly string[];
  #next = 0;

  constructor(deps: AheadRunDeps, request: ApprovalRequest) {
    if (request.ahead === undefined) throw new Internal('not_ahead', `${request.id} was not made ahead`);
    const { statement } = request.card;
    this.id = request.id;
    this.rule = request.rule;
    this.text = statement;
    this.#deps = deps;
    this.#request = request;
    this.#pieces = request.ahead.pieces.map(({ start, end }) => statement.slice(start, end));
  }

  get begun(): boolean {
    return this.#next > 0;
  }

  /** Nothing runs here without the approval, not even what a rule allows; a block stays one. */
  raise(decision: Decision): Decision {
    switch (decision.outcome) {
      case 'block':
        return decision;
      case 'allow':
        return { ...decision, outcome: 'approve', terms: NO_MORE_TERMS };
      case 'approve': {
        // It was rehearsed before it was approved, and its COMMIT is part of what was.
        const { at: _, rehearse: __, ...terms } = decision.terms;
        return { ...decision, terms };
      }
      default:
        return decision satisfies never;
    }
  }

  async take(statement: StatementToRecord, whole: WholeText): Promise<HoldOutcome> {
    try {
      return await this.#take(statement, whole);
    } catch (error) {
      return this.#refuse(statement, error instanceof Error ? error.message : String(error));
    }
  }

  async #take(statement: StatementToRecord, whole: WholeText): Promise<HoldOutcome> {
    const { board, book, count, guard, obstacle, session } = this.#deps;
    const { decision } = statement;
    guard(decision);
    const bound = statement.text === this.#pieces[this.#next] && (statement.parameters ?? []).length === 0;
    if (!bound)
      return this.#refuse(statement, `this session runs what ${this.id} approved, and nothing else`);
    const changed = this.begun ? this.#wider(whole.effects) : await this.#changedSince(whole);
    if (changed !== undefined) return this.#refuse(statement, changed);
    book.write(statement, { outcome: 'approve', approval: this.id });
    if (!this.begun) {
      book.writeApproval(this.#request);
      await board.use(this.id, session);
    }
    this.#next += 1;
    // Storing took time: what was true before must still be.
    const late = obstacle(decision.policy);
    if (late !== undefined) return { outcome: 'withdrawn', reason: late };
    count('statements');
    count('approved');
    const by = this.#request.decisions.map(({ byName }) => byName).join(', ');
    return { outcome: 'approved', judged: cutKey(decision), by, comment: commentOf(this.#request) };
  }

  /** Why what was approved is not what would run now; the request has ended then, unless it may run another time. */
  async #changedSince({ decision, effects, meaning }: WholeText): Promise<string | undefined> {
    const { board } = this.#deps;
    if (decision.limit !== undefined) return `limit "${decision.limit}" is passed; run it in another session`;
    const wider =
      this.#wider(effects) ??
      (meaning === this.#request.ahead?.meaning
        ? undefined
        : 'what it means changed since it was approved (names, views, functions or triggers of the target)');
    if (wider !== undefined) {
      await board.withdraw(this.id, wider);
      return wider;
    }
    if (decision.outcome !== 'approve') return undefined;
    return board.deciders.shortfall(this.#request, decision.terms);
  }

  #wider(effects: readonly string[]): string | undefined {
    const shown = new Set(this.#request.card.effects);
    const more = effects.find((line) => !shown.has(line));
    return more === undefined ? undefined : `it would do what no approver was shown: ${more}`;
  }

  #refuse(statement: StatementToRecord, reason: string): HoldOutcome {
    try {
      if (this.#deps.obstacle(statement.decision.policy) === undefined) this.#deps.refuse(statement, reason);
    } catch {
      // Books that cannot be written are often why it is refused, and nothing runs.
    }
    return { outcome: 'refused', reason };
  }
}
