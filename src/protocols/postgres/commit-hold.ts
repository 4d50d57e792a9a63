import { counted } from '../../base/quantities.ts';
import type { ApprovalTerms } from '../../policy/decision.ts';
import { joinTerms } from '../../policy/terms.ts';
import type { SessionDesk, StatementToRecord } from '../../session/desk.ts';
import type { StatementFacts } from '../../sql/facts.ts';
import { type BindMessage, parametersAsText } from './codec/frontend-messages.ts';
import type { Judgement } from './judgement.ts';
import { rowsWritten } from './written-rows.ts';

/** Statements of one transaction that may wait together, and their text and values in UTF-16 code units: a card shows all. */
const MOST_SHOWN = 200;
const LONGEST_SHOWN = 64 * 1024;

interface Waiting {
  readonly rule: string | undefined;
  readonly terms: ApprovalTerms;
}

/**
 * Rules with `at: commit`: their statements run in the transaction that is open, and its COMMIT waits for the
 * approval instead. Mutable; one for each session.
 */
export class CommitHold {
  readonly #desk: SessionDesk;
  /** Called when writes have waited for their COMMIT for too long. */
  readonly #overdue: () => void;
  #waiting: Waiting | undefined;
  /** Rows by `UPDATE public.orders`. */
  readonly #rows = new Map<string, number>();
  #texts: string[] = [];
  #shown = 0;
  /** A transaction has ended since the target last said in what state the session is. */
  #ended = false;
  #timer: NodeJS.Timeout | undefined;
  /** Grows with each statement that runs ahead of its approval: what was approved is known by it. */
  #generation = 0;

  constructor(desk: SessionDesk, overdue: () => void) {
    this.#desk = desk;
    this.#overdue = overdue;
  }

  /** Something has run that nobody has approved yet. */
  get waits(): boolean {
    return this.#waiting !== undefined;
  }

  get generation(): number {
    return this.#generation;
  }

  /** Whether its approval can wait for the COMMIT: it asks for that, and certainly runs in an open transaction. */
  mayDefer(
    { decision, facts, record }: Judgement,
    bind: BindMessage | undefined,
    inTransaction: boolean,
  ): boolean {
    if (decision.outcome !== 'approve' || decision.terms.at !== 'commit' || decision.limit !== undefined) {
      return false;
    }
    // What no card could show whole is asked for by itself.
    const shown = this.#shown + ranWords(record.text, bind).length;
    if (this.#texts.length >= MOST_SHOWN || shown > LONGEST_SHOWN) return false;
    const [only, ...more] = facts.statements;
    if (!inTransaction || this.#ended || only === undefined || more.length > 0) return false;
    // Its name alone would stand on the card.
    if (only.executes !== undefined) return false;
    return (
      only.actions.every(({ effect }) => effect === 'write' || effect === 'read') && !changesTransaction(only)
    );
  }

  /** The same statement, let through; its COMMIT will wait. */
  deferred(judgement: Judgement): Judgement {
    const { decision } = judgement;
    if (decision.outcome !== 'approve') return judgement;
    const { terms: _, ...base } = decision;
    const record: StatementToRecord = { ...judgement.record, decision: { ...base, outcome: 'allow' } };
    return {
      ...judgement,
      decision: record.decision,
      record,
      interned: this.#desk.intern(record),
      defers: { rule: decision.rule, terms: decision.terms },
    };
  }

  /** It is on its way to the target. */
  sent(judgement: Judgement, bind: BindMessage | undefined): void {
    if (judgement.defers === undefined) return;
    const before = this.#waiting;
    this.#generation++;
    this.#waiting = before === undefined ? judgement.defers : joined(before, judgement.defers);
    const words = ranWords(judgement.record.text, bind);
    this.#texts.push(words);
    this.#shown += words.length;
    this.#timer ??= setTimeout(this.#overdue, this.#waiting.terms.expires).unref();
  }

  /** The COMMIT of what has run, as a statement that needs the approval. */
  asCommit(judgement: Judgement): Judgement {
    const waiting = this.#waiting;
    if (
      waiting === undefined ||
      judgement.decision.outcome === 'block' ||
      !judgement.facts.statements.some(commits)
    ) {
      return judgement;
    }
    const own = judgement.decision.outcome === 'approve' ? judgement.decision : undefined;
    const { rule, terms } = own === undefined ? waiting : joined(waiting, own);
    const { at: _, rehearse: __, ...atOnce } = terms;
    const decision = {
      outcome: 'approve' as const,
      rule,
      matched: [
        ...judgement.decision.matched,
        ...(rule === undefined ? [] : [{ name: rule, decision: 'approve' as const }]),
      ],
      policy: judgement.decision.policy,
      terms: atOnce,
    };
    const effects = [...judgement.record.effects, ...this.#lines()];
    const record = { ...judgement.record, decision, effects };
    return { ...judgement, decision, record, interned: undefined, commits: this.#generation };
  }

  /** A statement has completed with this tag. */
  completed(facts: StatementFacts | undefined, tag: string): void {
    if (facts === undefined) return;
    if (facts.changes.some((change) => change.kind === 'transaction' && ENDS.has(change.operation))) {
      this.#ended = true;
      return this.reset();
    }
    const written = facts.actions.find(({ effect }) => effect === 'write');
    if (this.#waiting === undefined || written === undefined) return;
    this.#rows.set(written.command, (this.#rows.get(written.command) ?? 0) + rowsWritten(tag));
  }

  /** ReadyForQuery. */
  ready(idle: boolean): void {
    this.#ended = false;
    if (idle) this.reset();
  }

  reset(): void {
    if (this.#waiting === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = undefined;
    this.#rows.clear();
    this.#texts = [];
    this.#shown = 0;
  }

  #lines(): readonly string[] {
    const lines = [...this.#rows].map(([command, rows]) => `${command} · ${counted(rows, 'row')}`);
    return [...lines, ...this.#texts];
  }
}

const ENDS: ReadonlySet<string> = new Set(['commit', 'rollback', 'prepare']);

/** COMMIT, END, PREPARE TRANSACTION. */
export function commits(statement: StatementFacts): boolean {
  return statement.changes.some(
    (change) =>
      change.kind === 'transaction' && (change.operation === 'commit' || change.operation === 'prepare'),
  );
}

const changesTransaction = (statement: StatementFacts) =>
  statement.changes.some((change) => change.kind === 'transaction');

/** One approval for two rules. */
function joined(a: Waiting, b: Waiting): Waiting {
  const { at: _, rehearse: __, ...terms } = joinTerms([a.terms, b.terms]);
  return { rule: a.rule ?? b.rule, terms };
}

/** `ran: UPDATE t SET a = $1 ($1 = 'x')`. */
function ranWords(text: string, bind: BindMessage | undefined): string {
  const values = bind === undefined ? [] : parametersAsText(bind);
  const bound = values.map((value, i) => `$${i + 1} = ${value === null ? 'NULL' : `'${value}'`}`);
  return `ran: ${text.trim()}${bound.length === 0 ? '' : ` (${bound.join(', ')})`}`;
}
