import { HoopError, PolicyBlocked } from '../../base/errors.ts';
import type { ApprovalTerms, Decision, Policy, SessionGuard } from '../../policy/decision.ts';
import type { InternedStatement, SessionDesk, StatementToRecord } from '../../session/desk.ts';
import { actingType } from '../../sql/analyze.ts';
import { type Catalog, type SessionState, withFunctionEffects } from '../../sql/catalog.ts';
import type { Action, SessionChange, StatementFacts, TextFacts } from '../../sql/facts.ts';
import { MaskedColumns } from './masked-columns.ts';
import type { PreparedStatement } from './names.ts';
import { refuseAmbiguousForms } from './results/copy-out.ts';
import { loosensGuard, outgrown } from './session-guard.ts';

/** A text as this session's policy and state see it; holds while `epoch` is the session's. */
export interface Judgement {
  readonly epoch: number;
  readonly facts: TextFacts;
  readonly decision: Decision;
  readonly record: StatementToRecord;
  /** For allowed statements: what makes running it again cheap. */
  readonly interned: InternedStatement | undefined;
  /** Its errors and notices could quote a masked value. */
  readonly touchesMasked: boolean;
  /** Why it may not run whatever the policy says. */
  readonly inadmissible: HoopError | undefined;
  /** What goes to the target instead, since a guard keeps the setting where it is. */
  readonly clamped?: { readonly text: string; readonly words: string };
  /** It runs ahead of its approval, for which the COMMIT of its transaction waits. */
  readonly defers?: { readonly rule: string | undefined; readonly terms: ApprovalTerms };
  /** It is the COMMIT of what ran ahead of its approval, as many statements as there were then. */
  readonly commits?: number;
  /** What comes after it can be judged only when it has completed. */
  readonly barrier: boolean;
}

/** Analysis with memory, shared by the sessions of one target. */
export interface Analyst {
  catalog(): Catalog;
  /** Some session has changed the catalog since it was read. */
  readonly outdated: boolean;
  analyze(text: string, state: SessionState, catalog: Catalog): TextFacts;
}

/** What judging needs of a desk; `intern` may have nothing to intern where no session is. */
export interface JudgingDesk
  extends Pick<SessionDesk, 'target' | 'stage' | 'policy' | 'masks' | 'guard' | 'decide'> {
  intern(statement: StatementToRecord): InternedStatement | undefined;
}

/** Texts longer than this are judged anew each time, so that the memory stays bounded: 1,000 x 16 KiB. */
const REMEMBERED_LENGTH = 16_384;
const REMEMBERED_TEXTS = 1000;

/** Judges one session's texts. A repeated text costs a map look-up until policy, catalog or session state change. */
export class Judge {
  readonly #desk: JudgingDesk;
  readonly #analyst: Analyst;
  readonly #state: SessionState;
  readonly #known = new Map<string, Judgement>();
  readonly #estimates = new Map<string, readonly number[]>();
  #policy: Policy;
  #catalog: Catalog;
  #overlay: Catalog | undefined;
  #masked: MaskedColumns;
  /** The shared catalog when the session's state was last asked for. */
  #probedUnder: Catalog | undefined;
  readonly #guard: SessionGuard | undefined;
  #outgrown: string | undefined;
  #stage: number;
  #epoch = 1;

  constructor(desk: JudgingDesk, analyst: Analyst, state: SessionState) {
    this.#desk = desk;
    this.#analyst = analyst;
    this.#state = state;
    this.#policy = desk.policy();
    this.#catalog = analyst.catalog();
    this.#stage = desk.stage;
    // As the session began: what its server enforces.
    this.#guard = desk.guard();
    this.#masked = new MaskedColumns(desk.masks(), this.#catalog);
  }

  /** Grows whenever an earlier judgement may no longer hold. */
  epoch(): number {
    const policy = this.#desk.policy();
    const catalog = this.#overlay ?? this.#analyst.catalog();
    const stage = this.#desk.stage;
    if (policy !== this.#policy || catalog !== this.#catalog || stage !== this.#stage) {
      if (policy !== this.#policy) this.#outgrown = outgrown(this.#guard, this.#desk.guard());
      this.#stage = stage;
      this.#policy = policy;
      this.#catalog = catalog;
      this.#renew();
    }
    return this.#epoch;
  }

  /** Why the session must end: its server enforces less than the policy now asks for. */
  get outgrown(): string | undefined {
    this.epoch();
    return this.#outgrown;
  }

  /** The masks of this moment. */
  masked(): MaskedColumns {
    this.epoch();
    return this.#masked;
  }

  get catalog(): Catalog {
    this.epoch();
    return this.#catalog;
  }

  /**
   * The catalog is another than when the session's state was last asked for, or must be read anew: a schema of its
   * search_path may have come or gone.
   */
  get outdated(): boolean {
    return this.#analyst.outdated || this.#analyst.catalog() !== this.#probedUnder;
  }

  /** The catalog is one that only this session sees, and does not follow what others change. */
  get overlaid(): boolean {
    return this.#overlay !== undefined;
  }

  /** The session's state was asked for and may be another: every text must be judged anew. */
  stateChanged(): void {
    this.#probedUnder = this.#analyst.catalog();
    this.#renew();
  }

  /** A catalog that only this session can see (objects made in its open transaction); undefined returns to the shared one. */
  useOverlay(catalog: Catalog | undefined): void {
    this.#overlay = catalog;
  }

  judge(text: string): Judgement {
    const epoch = this.epoch();
    const known = this.#known.get(text);
    if (known !== undefined && known.epoch === epoch) return known;
    const judgement = this.#form(text, this.#analyze(text));
    if (text.length <= REMEMBERED_LENGTH && !judgement.facts.statements.some((one) => one.dependsOnSession)) {
      if (this.#known.size >= REMEMBERED_TEXTS) this.#known.clear();
      this.#known.set(text, judgement);
    }
    return judgement;
  }

  /** Of the types that a Parse prescribes, one whose values run code that nothing in the text shows. */
  actingType(types: readonly number[]): string | undefined {
    return types.some((oid) => oid > 0) ? actingType(types, this.catalog, this.#state) : undefined;
  }

  /** Judges one execution of a prepared statement under the state of now, and keeps its facts current. */
  judgePrepared(statement: PreparedStatement): Judgement {
    const epoch = this.epoch();
    const known = statement.judgement;
    if (known !== undefined && known.epoch === epoch && !known.facts.statements[0]?.dependsOnSession)
      return known;
    const judgement =
      statement.origin === 'parse'
        ? this.judge(statement.text)
        : this.#form(statement.text, this.#preparedFacts(statement));
    statement.judgement = judgement;
    statement.facts = judgement.facts;
    // The same text, but perhaps of another table by now.
    if (known?.epoch !== epoch) {
      statement.columns = undefined;
      delete statement.plan;
    }
    return judgement;
  }

  #preparedFacts(statement: PreparedStatement): TextFacts {
    for (const one of this.#analyze(statement.text).statements) {
      for (const change of one.changes) {
        if (change.kind === 'prepare' && change.name === statement.name)
          return { statements: [change.statement] };
      }
    }
    return statement.facts;
  }

  #analyze(text: string): TextFacts {
    const said = this.#desk.policy().functionsFor(this.#desk.target);
    return this.#analyst.analyze(text, this.#state, withFunctionEffects(this.#catalog, said));
  }

  /** What the planner expects of each statement of a text, negative where it cannot tell; holds until the state changes. */
  learn(text: string, rows: readonly number[]): void {
    if (this.#estimates.size >= REMEMBERED_TEXTS) this.#estimates.clear();
    this.#estimates.set(text, rows);
    this.#known.delete(text);
  }

  #form(text: string, analysed: TextFacts): Judgement {
    const facts = withEstimates(analysed, this.#estimates.get(text));
    const decision = this.#desk.decide(facts);
    const record: StatementToRecord = { text, decision, effects: effectLines(facts) };
    const loosening = loosensGuard(facts, this.#guard);
    return {
      epoch: this.#epoch,
      facts,
      decision,
      record,
      interned: decision.outcome === 'allow' ? this.#desk.intern(record) : undefined,
      touchesMasked: facts.statements.some((one) => this.#masked.touchedBy(one)),
      inadmissible:
        (this.#outgrown === undefined ? undefined : new PolicyBlocked('guard_changed', this.#outgrown)) ??
        unreadableSetting(facts) ??
        (loosening?.kind === 'refused' ? loosening.why : undefined) ??
        unmaskableCopy(facts, this.#masked),
      ...(loosening?.kind === 'clamped' ? { clamped: loosening } : {}),
      barrier: facts.statements.some(mustCompleteFirst),
    };
  }

  #renew(): void {
    this.#epoch++;
    this.#known.clear();
    this.#estimates.clear();
    this.#masked = new MaskedColumns(this.#desk.masks(), this.#catalog);
  }
}

function withEstimates(facts: TextFacts, rows: readonly number[] | undefined): TextFacts {
  if (rows === undefined) return facts;
  return {
    ...facts,
    statements: facts.statements.map((one, i) => ({ ...one, estimatedRows: rows[i] ?? -1 })),
  };
}

/** A setting under which the target would read later statements in another way than the parser does. */
function unreadableSetting(facts: TextFacts): HoopError | undefined {
  for (const { conditions } of facts.statements) {
    const name = conditions.includes('standard-conforming-strings-off')
      ? 'standard_conforming_strings'
      : conditions.includes('client-encoding-change')
        ? 'client_encoding'
        : undefined;
    if (name === undefined) continue;
    return new PolicyBlocked('unreadable_setting', `${name} cannot be changed in a governed session`, {
      next: "statements are read as UTF8 with standard strings; write E'…' for strings with escapes",
    });
  }
  return undefined;
}

/** A COPY whose columns are not known, or in a form where a field's end could be mistaken. */
function unmaskableCopy(facts: TextFacts, masked: MaskedColumns): HoopError | undefined {
  if (masked.none) return undefined;
  for (const { copy, outputs } of facts.statements) {
    if (copy?.direction !== 'out') continue;
    if (masked.anyColumns && outputs === undefined) {
      return new PolicyBlocked(
        'copy_columns_unknown',
        'the columns of this COPY cannot be told, so that they cannot be masked',
        {
          next: 'name the columns: COPY (SELECT a, b FROM t) TO STDOUT',
        },
      );
    }
    try {
      refuseAmbiguousForms(copy);
    } catch (error) {
      if (error instanceof HoopError) return error;
      throw error;
    }
  }
  return undefined;
}

/** An unknown statement may have done anything to the session. */
export function isOpaque(statement: StatementFacts): boolean {
  return statement.actions.some((action) => action.effect === 'unknown');
}

/**
 * Whether what comes behind it must wait: it may mean something else then, or, behind COPY FROM STDIN, be taken for a
 * part of the COPY, failed with it and never answered.
 */
function mustCompleteFirst(statement: StatementFacts): boolean {
  return isOpaque(statement) || statement.copy?.direction === 'in' || statement.changes.some(changesMeaning);
}

function changesMeaning(change: SessionChange): boolean {
  if (change.kind !== 'transaction') return true;
  return (
    change.operation === 'rollback-to' || change.operation === 'rollback' || change.operation === 'commit'
  );
}

/** `write: public.customers(plan)`, one line an action, doubles left out. */
export function effectLines(facts: TextFacts): readonly string[] {
  const lines = new Set<string>();
  for (const statement of facts.statements)
    for (const action of statement.actions) lines.add(effectLine(action));
  return [...lines];
}

function effectLine(action: Action): string {
  if (action.object === undefined) return `${action.effect}: ${action.command}`;
  const columns = action.columns?.length ? `(${action.columns.join(', ')})` : '';
  const via = action.object.via === undefined ? '' : ` via ${action.object.via}`;
  return `${action.effect}: ${action.object.name}${columns}${via}`;
}
