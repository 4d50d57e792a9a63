import type { TextPiece } from '../../approval/request.ts';
import { type HoopError, PolicyBlocked, UsageError } from '../../base/errors.ts';
import type { HashKey } from '../../masking/strategies.ts';
import type { SessionState } from '../../sql/catalog.ts';
import type { TextFacts } from '../../sql/facts.ts';
import type { Foreseen, ForesightOf } from '../foresight.ts';
import { rehearseOnOwn } from './held-rehearsal.ts';
import { type Analyst, Judge } from './judgement.ts';
import { meaningOf } from './meaning.ts';
import { ResultMaskingSource } from './result-masking.ts';
import { outlineScript } from './script-outline.ts';
import type { TargetConnection } from './target-side.ts';

/** What looking ahead needs of the target. */
export interface ForesightTerms {
  readonly analyst: Analyst;
  /** In which a new session begins. */
  readonly state: SessionState & { readonly user: string };
  readonly maskKey: HashKey;
  planRows(text: string, facts: TextFacts): Promise<readonly number[]>;
  /** In words; never throws. */
  estimate(text: string, facts: TextFacts): Promise<string>;
  dial(): Promise<TargetConnection>;
}

/** Judges a text as a session of that requester would judge it as its first; nothing of it is run. */
export async function foresee(
  { policy, requester, target, text }: ForesightOf,
  terms: ForesightTerms,
): Promise<Foreseen> {
  const { analyst, maskKey, state } = terms;
  const guard = policy.guardFor(requester, target);
  const judge = new Judge(
    {
      target,
      stage: 0,
      policy: () => policy,
      masks: () => policy.masksFor(requester, target),
      guard: () => guard,
      decide: (facts) => policy.decide(requester, target, facts),
      intern: () => undefined,
    },
    analyst,
    { ...state, lockTimeout: guard?.lockTimeout ?? state.lockTimeout ?? 0 },
  );
  let judgement = judge.judge(text);
  if (judgement.decision.wantsEstimate) {
    judge.learn(text, await terms.planRows(text, judgement.facts));
    judgement = judge.judge(text);
  }
  const { decision, facts, record } = judgement;
  const seen = {
    decision,
    inadmissible: mistakeIn(facts) ?? judgement.inadmissible ?? rowsFromOutside(facts),
    reasons: facts.statements.flatMap((one) => one.reasons),
    effects: record.effects,
    meaning: meaningOf(facts, judge.catalog, state.searchPath),
    pieces: await piecesOf(text),
  };
  if (decision.outcome !== 'approve') return { ...seen, estimate: '' };
  const estimate = await terms.estimate(text, facts);
  if (!decision.terms.rehearse) return { ...seen, estimate };
  const rehearsal = await rehearseOnOwn(guard?.role !== undefined, terms.dial, {
    text,
    parameters: [],
    facts,
    catalog: judge.catalog,
    searchPath: state.searchPath,
    inTransaction: false,
    user: state.user,
    masking: new ResultMaskingSource(judge, maskKey).current(),
  });
  return { ...seen, estimate, rehearsal };
}

/** What the server would not take anyhow is told as that, and asked of nobody. */
function mistakeIn({ statements }: TextFacts): HoopError | undefined {
  for (const { absent = [], syntaxError } of statements) {
    const next = 'mend the text and ask again';
    if (syntaxError) return new UsageError('bad_statement', syntaxError.message, { next });
    const [missing] = absent;
    if (missing)
      return new UsageError('bad_statement', `${missing.kind} "${missing.name}" does not exist`, { next });
  }
  return undefined;
}

/** Rows that come from the client are no part of the text, so that nobody would have approved them. */
function rowsFromOutside({ statements }: TextFacts): HoopError | undefined {
  if (!statements.some(({ copy }) => copy?.direction === 'in')) return undefined;
  return new PolicyBlocked('copy_in_ahead', 'COPY … FROM STDIN cannot be requested ahead', {
    why: 'its rows would not be part of what is approved',
    next: 'INSERT the rows in the text, or run it in a session: hoopctl exec',
  });
}

/** A text is sent whole, as one transaction (docs 55.2.2.1), unless a statement in it refuses one. */
async function piecesOf(text: string): Promise<readonly TextPiece[]> {
  const statements = (await outlineScript(text)) ?? [];
  const apart = statements.length > 1 && statements.some(({ outside }) => outside);
  if (!apart) return [{ start: 0, end: text.length, line: 1 }];
  return statements.map(({ start, end, line }) => ({ start, end, line }));
}
