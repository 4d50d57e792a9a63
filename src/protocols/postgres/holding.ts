import type { ApprovalCard } from '../../approval/request.ts';
import { HoopError } from '../../base/errors.ts';
import type { Decision } from '../../policy/decision.ts';
import type { AheadSession, Hold } from '../../session/desk.ts';
import type { PassedLimit } from '../../session/session-meter.ts';
import { parametersAsText } from './codec/frontend-messages.ts';
import type { Exchange } from './exchange.ts';
import type { HeldStatement } from './gate.ts';
import type { ExecuteInFlight, QueryInFlight } from './in-flight.ts';
import type { Judgement } from './judgement.ts';
import { boundMeaning, meaningOf } from './meaning.ts';
import {
  approvedNotice,
  blockedError,
  commentNotice,
  holdNotice,
  notApprovedError,
  notRunError,
  refusedError,
} from './words.ts';

/** What the holding needs to know of the session around it. */
export interface HoldingTerms {
  readonly clientAddress: string;
  /** `PostgreSQL db.internal:5432/shop as app_rw`. */
  readonly target: string;
  /** The planner's estimate in words; never throws. */
  estimate(held: HeldStatement, searchPath: readonly string[] | undefined): Promise<string>;
  /** What the open transaction of that process locks, in words; never throws. */
  locks(processId: number): Promise<readonly string[]>;
  /** Runs the statement and takes it back, and says what it touched; never throws. */
  rehearse(held: HeldStatement, exchange: Exchange): Promise<readonly string[]>;
  /** Takes back what the open transaction has done. */
  rollBack(): Promise<void>;
  /** Brings the catalog up to date, so that a change made elsewhere is seen before an approved statement runs. */
  refresh(): Promise<void>;
  /** The session is ending: nothing may be said or sent any more. */
  closed(): boolean;
}

/** One statement at a time waits here, its bytes in memory, the client kept informed. */
export class Holding {
  readonly #x: Exchange;
  readonly #terms: HoldingTerms;
  #present: { hold: Hold | undefined; withdrawn: string | undefined } | undefined;

  constructor(exchange: Exchange, terms: HoldingTerms) {
    this.#x = exchange;
    this.#terms = terms;
  }

  get active(): boolean {
    return this.#present !== undefined;
  }

  /** The client cancelled, said Terminate, or went away. */
  withdraw(reason: string): void {
    const present = this.#present;
    if (present === undefined) return;
    present.withdrawn ??= reason;
    present.hold?.withdraw(reason);
  }

  /** Resolves when the statement has been sent or refused. Throws only what the session cannot survive. */
  async run(held: HeldStatement): Promise<void> {
    const present: { hold: Hold | undefined; withdrawn: string | undefined } = {
      hold: undefined,
      withdrawn: undefined,
    };
    this.#present = present;
    try {
      await this.#ask(held, present);
    } catch (error) {
      if (!(error instanceof HoopError) || error.kind === 'protocol-violation') throw error;
      held.refuse(refusedError(error.kind === 'internal' ? '58030' : '42501', error.message, error.next));
    } finally {
      this.#present = undefined;
    }
  }

  /**
   * Asks whether a result may go on beyond a limit. Resolves with the error that ends it, undefined when it may.
   * Throws only what the session cannot survive.
   */
  async askLimit(passed: PassedLimit, head: QueryInFlight | ExecuteInFlight): Promise<Buffer | undefined> {
    const judgement = head.kind === 'query' ? head.judgement : head.portal.judgement;
    const present: { hold: Hold | undefined; withdrawn: string | undefined } = {
      hold: undefined,
      withdrawn: undefined,
    };
    this.#present = present;
    try {
      return await this.#askLimit(passed, judgement, present);
    } catch (error) {
      if (!(error instanceof HoopError) || error.kind === 'protocol-violation') throw error;
      return refusedError(error.kind === 'internal' ? '58030' : '42501', error.message, error.next);
    } finally {
      this.#present = undefined;
    }
  }

  async #askLimit(
    { limit, words }: PassedLimit,
    judgement: Judgement | undefined,
    present: { hold: Hold | undefined; withdrawn: string | undefined },
  ): Promise<Buffer | undefined> {
    const { desk, output, state } = this.#x;
    const text = judgement?.record.text ?? '';
    const effects = [...(judgement?.record.effects ?? []), `limit "${limit.name}": ${words}`];
    const decision: Decision = {
      outcome: 'approve',
      rule: limit.name,
      matched: [{ name: limit.name, decision: 'approve' }],
      policy: desk.policy().hash,
      limit: limit.name,
      terms: limit.terms,
    };
    const card: ApprovalCard = {
      ...this.#cardBase(),
      statement: text,
      parameters: [],
      effects,
      estimate: `its result waits: ${words}`,
    };
    const hold = await desk.hold({ text, decision, effects }, card, () => [
      text,
      `${limit.name} ${state.transaction}`,
    ]);
    present.hold = hold;
    if (present.withdrawn !== undefined) hold.withdraw(present.withdrawn);
    else if (!this.#terms.closed()) {
      this.#say(hold, 'result');
    }
    const outcome = await hold.outcome;
    if (outcome.outcome !== 'approved') return notApprovedError(hold, outcome);
    desk.renew(limit.name);
    if (!this.#terms.closed()) output.say(approvedNotice(outcome));
    return undefined;
  }

  async #locks(): Promise<Pick<ApprovalCard, 'locks'>> {
    const { processId, transaction } = this.#x.state;
    const locks = transaction === 'open' ? await this.#terms.locks(processId) : [];
    return locks.length === 0 ? {} : { locks };
  }

  async #rehearsal(held: HeldStatement): Promise<Pick<ApprovalCard, 'rehearsal'>> {
    const { decision } = held.judgement;
    if (decision.outcome !== 'approve' || !decision.terms.rehearse) return {};
    return { rehearsal: await this.#terms.rehearse(held, this.#x) };
  }

  /** Tells the client that it waits, and whatever approvers say meanwhile: a notice may come at any time (docs 54.2.7). */
  #say(hold: Hold, effect: string): void {
    const { output } = this.#x;
    output.say(holdNotice(hold, effect));
    output.flush();
    hold.onComment((by, text) => {
      if (this.#terms.closed()) return;
      output.say(commentNotice(hold.id, by, text));
      output.flush();
    });
  }

  /** What every card of this session says. */
  #cardBase(): Pick<
    ApprovalCard,
    'requester' | 'requesterKind' | 'requesterGroups' | 'clientAddress' | 'target' | 'transaction'
  > {
    const { desk, state } = this.#x;
    return {
      requester: desk.requester.name,
      requesterKind: desk.requesterKind,
      requesterGroups: desk.requester.groups,
      clientAddress: this.#terms.clientAddress,
      target: this.#terms.target,
      transaction: state.transaction === 'idle' ? 'none' : state.transaction,
    };
  }

  async #ask(
    first: HeldStatement,
    present: { hold: Hold | undefined; withdrawn: string | undefined },
  ): Promise<void> {
    const { desk, output } = this.#x;
    if (desk.ahead !== undefined) return this.#runAhead(first, desk.ahead);
    // What others changed at the target is asked first, so that the card says what it means now.
    await this.#terms.refresh();
    if (this.#terms.closed()) return;
    const held = this.#asItIsNow(first);
    if (held === undefined) return;
    const parameters = held.bind ? parametersAsText(held.bind) : [];
    const card: ApprovalCard = {
      ...this.#cardBase(),
      statement: held.text,
      parameters,
      ...this.#named(held.judgement),
      effects: held.judgement.record.effects,
      estimate:
        held.judgement.commits === undefined
          ? await this.#terms.estimate(held, this.#x.state.searchPath)
          : 'its writes have run in the transaction that is open',
      ...(await this.#locks()),
      ...(await this.#rehearsal(held)),
    };
    const meaning = this.#meaning(held.again());
    const hold = await desk.hold({ ...held.judgement.record, parameters }, card, () => [
      held.text,
      held.place.buffer.subarray(held.place.start, held.place.end),
      this.#meaning(held.again()),
    ]);
    present.hold = hold;
    if (present.withdrawn !== undefined) hold.withdraw(present.withdrawn);
    else if (!this.#terms.closed()) {
      this.#say(hold, effectWord(held));
    }
    const outcome = await hold.outcome;
    if (this.#terms.closed()) return;
    if (outcome.outcome !== 'approved') {
      if (held.judgement.commits !== undefined) await this.#terms.rollBack();
      held.refuse(notApprovedError(hold, outcome));
      return;
    }
    await this.#terms.refresh();
    if (this.#terms.closed()) return;
    const now = held.again();
    if (!sameMeaning(held, now) || this.#meaning(now) !== meaning) {
      if (held.judgement.commits !== undefined) await this.#terms.rollBack();
      const reason = 'what the statement means changed while it waited (policy, catalog or session state)';
      held.refuse(notApprovedError(hold, { outcome: 'refused', reason }));
      return;
    }
    output.say(approvedNotice(outcome));
    output.flush();
    held.send(outcome.judged, now);
  }

  /** An approver of `EXECUTE p` reads what p is. */
  #named({ facts }: Judgement): Pick<ApprovalCard, 'named'> {
    const executed = [...new Set(facts.statements.flatMap((one) => one.executes ?? []))];
    const named = executed.map((name) => ({ name, text: this.#x.names.confirmed(name)?.text ?? '' }));
    return named.length === 0 ? {} : { named };
  }

  #meaning({ facts }: Judgement): string {
    return boundMeaning(facts, this.#x.judge.catalog, this.#x.state);
  }

  /** The statement under what the target says now; undefined when nobody has to be asked any more, and it was answered. */
  #asItIsNow(held: HeldStatement): HeldStatement | undefined {
    const { desk } = this.#x;
    const now = held.again();
    if (now.inadmissible !== undefined) throw now.inadmissible;
    // The planner was asked under the catalog before; it is asked again when the client sends it again.
    if (now.decision.wantsEstimate) return held;
    switch (now.decision.outcome) {
      case 'approve':
        return { ...held, judgement: now };
      case 'allow':
        held.send(desk.pass(now.record), now);
        return undefined;
      case 'block': {
        desk.refuse(now.record);
        const reasons = now.facts.statements.flatMap((one) => one.reasons);
        held.refuse(blockedError(now.decision, reasons, desk.target.connection));
        return undefined;
      }
      default:
        return now.decision satisfies never;
    }
  }

  /** A statement of a request that was approved ahead: nobody is asked, and it must be what was approved. */
  async #runAhead(held: HeldStatement, ahead: AheadSession): Promise<void> {
    const { desk, judge, output, state } = this.#x;
    await this.#terms.refresh();
    if (this.#terms.closed()) return;
    const now = held.again();
    const whole = ahead.begun ? now : judge.judge(ahead.text);
    if (now.inadmissible ?? whole.inadmissible) throw now.inadmissible ?? whole.inadmissible;
    for (const one of [now, whole]) {
      if (one.decision.outcome !== 'block') continue;
      desk.refuse(one.record);
      const reasons = one.facts.statements.flatMap(({ reasons: words }) => words);
      return held.refuse(blockedError(one.decision, reasons, desk.target.connection));
    }
    const outcome = await ahead.take(
      { ...now.record, parameters: held.bind ? parametersAsText(held.bind) : [] },
      {
        decision: whole.decision,
        effects: whole.record.effects,
        meaning: meaningOf(whole.facts, judge.catalog, state.searchPath),
      },
    );
    if (this.#terms.closed()) return;
    if (outcome.outcome !== 'approved') return held.refuse(notRunError(ahead, outcome));
    const after = held.again();
    if (!sameMeaning({ ...held, judgement: now }, after)) {
      return held.refuse(
        notRunError(ahead, { outcome: 'refused', reason: 'what it means changed just now' }),
      );
    }
    output.say(approvedNotice(outcome));
    output.flush();
    held.send(outcome.judged, after);
  }
}

function sameMeaning(held: HeldStatement, now: HeldStatement['judgement']): boolean {
  const before = held.judgement;
  return (
    (now.decision.outcome === 'approve' ||
      (before.decision.limit !== undefined && now.decision.outcome === 'allow')) &&
    now.inadmissible === undefined &&
    now.decision.policy === before.decision.policy &&
    // An approval lets the limit that asked for it begin anew, and then it asks no more.
    (before.decision.limit !== undefined || now.decision.rule === before.decision.rule) &&
    now.record.effects.join('\n') === before.record.effects.join('\n')
  );
}

/** `write`, `ddl`, …: the gravest thing it does, for the notice. */
function effectWord(held: HeldStatement): string {
  const effects = new Set(
    held.judgement.facts.statements.flatMap((one) => one.actions.map((action) => action.effect)),
  );
  if (effects.has('unknown')) return 'statement';
  for (const effect of ['admin', 'ddl', 'write', 'read', 'session'] as const) {
    if (effects.has(effect))
      return effect === 'ddl' ? 'DDL' : effect === 'session' ? 'session change' : effect;
  }
  return 'statement';
}
