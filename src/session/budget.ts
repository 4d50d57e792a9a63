import {
  type ActiveLimit,
  type Decision,
  LIMIT_KINDS,
  type LimitKind,
  type MatchedRule,
  type PolicyTarget,
} from '../policy/decision.ts';
import { joinTerms } from '../policy/terms.ts';
import type { TextFacts } from '../sql/facts.ts';

/** What of a limit's kinds a session counts up; time and the number of sessions are measured. */
export type CountedKind = Exclude<LimitKind, 'duration' | 'sessions'>;

export interface BudgetDeps {
  /** Milliseconds that never run backwards. */
  readonly monotonic: () => number;
  /** Open sessions of the same identity where this limit holds, this one included. */
  readonly sessions: (limit: ActiveLimit) => number;
}

const WORDS: Readonly<Record<LimitKind, string>> = {
  rows_read: 'rows read',
  rows_written: 'rows written',
  statements: 'statements',
  bytes: 'bytes of results',
  denied: 'denied attempts',
  duration: 'milliseconds',
  sessions: 'sessions at the same time',
};

const STOPS_RESULTS: ReadonlySet<LimitKind> = new Set(['rows_read', 'rows_written', 'bytes', 'duration']);

const STRICTNESS = { approve: 0, block: 1, cut: 2 } as const;

/**
 * What one session has used up of its limits. The limits come in with each question, since a policy may be
 * replaced while the session goes on; what was counted stays. Mutable; one owner.
 */
export class Budget {
  readonly #deps: BudgetDeps;
  readonly #began: number;
  readonly #used: Record<CountedKind, number> = {
    rows_read: 0,
    rows_written: 0,
    statements: 0,
    bytes: 0,
    denied: 0,
  };
  /** What had been used when an approver let a limit begin anew, by its name. */
  readonly #renewed = new Map<string, Readonly<Record<LimitKind, number>>>();

  constructor(deps: BudgetDeps) {
    this.#deps = deps;
    this.#began = deps.monotonic();
  }

  add(kind: CountedKind, count: number): void {
    this.#used[kind] += count;
  }

  /**
   * The strictest of the limits that are passed now; the first of equals. `inResult` asks only for those that stop
   * what already runs: the others let it end.
   */
  passed(limits: readonly ActiveLimit[], inResult = false): ActiveLimit | undefined {
    let strictest: ActiveLimit | undefined;
    for (const limit of limits) {
      const kind = this.#kindPassed(limit, inResult);
      if (kind === undefined) continue;
      if (strictest === undefined || STRICTNESS[limit.decision] > STRICTNESS[strictest.decision]) {
        strictest = limit;
      }
    }
    return strictest;
  }

  /** `more than 500 rows written`. */
  words(limit: ActiveLimit): string {
    const kind = this.#kindPassed(limit) ?? LIMIT_KINDS.find((one) => limit.most[one] !== undefined);
    if (kind === undefined) return `limit "${limit.name}"`;
    const most = limit.most[kind] ?? 0;
    return kind === 'duration'
      ? `longer than ${Math.round(most / 1000)}s`
      : `more than ${most} ${WORDS[kind]}`;
  }

  /** An approver let it go on: the limit begins anew from here. */
  renew(name: string): void {
    const now = { ...this.#used, duration: this.#elapsed(), sessions: Number.POSITIVE_INFINITY };
    this.#renewed.set(name, now);
  }

  #elapsed(): number {
    return this.#deps.monotonic() - this.#began;
  }

  #kindPassed(limit: ActiveLimit, inResult = false): LimitKind | undefined {
    const before = this.#renewed.get(limit.name);
    for (const kind of LIMIT_KINDS) {
      const most = limit.most[kind];
      if (most === undefined || (inResult && !STOPS_RESULTS.has(kind))) continue;
      const used = this.#measure(kind, limit) - (before?.[kind] ?? 0);
      // One more statement, attempt or moment would be too many; rows and bytes are counted before they are sent.
      const full = kind === 'statements' || kind === 'denied' || kind === 'duration';
      if (full ? used >= most : used > most) return kind;
    }
    return undefined;
  }

  #measure(kind: LimitKind, limit: ActiveLimit): number {
    if (kind === 'duration') return this.#elapsed();
    return kind === 'sessions' ? this.#deps.sessions(limit) : this.#used[kind];
  }
}

/**
 * A decision under a limit that was passed: as strict as the limit says, never milder. A rollback is always let
 * through as it was, so that nobody is locked in a transaction.
 */
export function raiseDecision(
  decision: Decision,
  limit: ActiveLimit | undefined,
  words: string,
  facts: TextFacts,
  target: PolicyTarget,
): Decision {
  if (limit === undefined || decision.outcome === 'block' || facts.statements.length === 0) return decision;
  if (facts.statements.every(isRollback)) return decision;
  return asStrictAs(
    decision,
    limit,
    limit.message ?? `the limit of ${target.connection} is reached: ${words}`,
    facts,
  );
}

function asStrictAs(decision: Decision, limit: ActiveLimit, message: string, facts: TextFacts): Decision {
  const matched: readonly MatchedRule[] = [
    ...decision.matched,
    { name: limit.name, decision: limit.decision === 'approve' ? 'approve' : 'block' },
  ];
  const base = { rule: limit.name, matched, policy: decision.policy, limit: limit.name };
  if (limit.decision !== 'approve') {
    return { ...base, outcome: 'block', message, command: facts.statements[0]?.tag ?? '' };
  }
  if (decision.outcome === 'approve') {
    const { at: _, ...terms } = joinTerms([decision.terms, limit.terms]);
    return {
      ...base,
      outcome: 'approve',
      rule: decision.rule,
      terms: { ...terms, selfApproval: decision.terms.selfApproval },
    };
  }
  return { ...base, outcome: 'approve', terms: limit.terms };
}

/**
 * A decision about statements of which nobody will know how many rows they wrote: what limits the rows written decides
 * about them as if they passed it, and so nothing is written uncounted.
 */
export function raiseUncounted(
  decision: Decision,
  limits: readonly ActiveLimit[],
  facts: TextFacts,
): Decision {
  if (decision.outcome === 'block' || !facts.statements.some((one) => one.writesUntold)) return decision;
  const counting = limits.filter(({ most }) => most.rows_written !== undefined);
  const [first] = counting.toSorted((a, b) => STRICTNESS[b.decision] - STRICTNESS[a.decision]);
  if (first === undefined) return decision;
  // An approval is for this statement; the limit itself does not begin anew by it.
  const { limit: _, ...raised } = asStrictAs(decision, first, UNCOUNTED, facts);
  return raised;
}

const UNCOUNTED =
  'how many rows this writes is not told when it ends; write them by statements of their own, without a writing WITH or function';

function isRollback(statement: TextFacts['statements'][number]): boolean {
  return (
    statement.actions.every((action) => action.effect === 'session') &&
    statement.changes.some((change) => change.kind === 'transaction') &&
    statement.changes.every(
      (change) =>
        change.kind === 'transaction' &&
        (change.operation === 'rollback' || change.operation === 'rollback-to'),
    )
  );
}
