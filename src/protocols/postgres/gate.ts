import { Conflict, HoopError, Internal, NotPermitted, ProtocolViolation } from '../../base/errors.ts';
import type { Judged } from '../../session/desk.ts';
import type { StatementFacts } from '../../sql/facts.ts';
import type { BindMessage } from './codec/frontend-messages.ts';
import type { Exchange } from './exchange.ts';
import type { Judgement } from './judgement.ts';
import { positionIn } from './script-outline.ts';
import { abortedError, absentError, blockedError, refusedError, unparseableError } from './words.ts';

/** Where a message lies: `buffer[start]` is its type byte, `end` is behind its last byte. */
export interface MessagePlace {
  readonly type: number;
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
}

/** A statement that waits for an approval, with all that is needed to run or refuse it. */
export interface HeldStatement {
  readonly judgement: Judgement;
  readonly text: string;
  /** Undefined for a simple query. */
  readonly bind: BindMessage | undefined;
  readonly place: MessagePlace;
  /** Judges it once more, under the state of the moment. */
  again(): Judgement;
  /** Sends it as what it means `now`. */
  send(judged: Judged, now: Judgement): void;
  /** Answers it with an error in its place. */
  refuse(error: Buffer): void;
}

/** A statement about to be decided. */
export interface Candidate {
  readonly text: string;
  readonly bind: BindMessage | undefined;
  readonly place: MessagePlace;
  /** A simple query: its refusal is answered with ReadyForQuery as well. */
  readonly simple: boolean;
  judge(): Judgement;
  /** Puts it off until the planner has been asked what it expects of it. */
  estimate(): void;
  /** Puts it off until the target has answered more. */
  defer(): void;
  send(judgement: Judgement, judged: Judged): void;
}

/** Where a judgement becomes a deed: sent on, refused, or held. */
export class Gate {
  readonly #x: Exchange;
  readonly #hold: (held: HeldStatement) => void;
  readonly #lookAgain: (place: MessagePlace) => void;
  /** The message for which the catalog was looked at again. */
  #looked: MessagePlace | undefined;

  /**
   * `lookAgain` is called for a message that names what the catalog does not have: it must be given once
   * more when the catalog was compared with the target's. `hold` is called for a statement that needs an approval; nothing else may be
   * decided until it is done.
   */
  constructor(
    exchange: Exchange,
    hold: (held: HeldStatement) => void,
    lookAgain: (place: MessagePlace) => void,
  ) {
    this.#lookAgain = lookAgain;
    this.#x = exchange;
    this.#hold = hold;
  }

  decide(candidate: Candidate): void {
    this.recorded(candidate.simple, () => {
      const judgement = candidate.judge();
      if (this.namesUnderway(judgement)) return candidate.defer();
      const { state } = this.#x;
      if ((state.stale || state.catalogStale) && !endsTransactionAlone(judgement)) {
        // Only in a failed transaction is the state still unknown here, and there the target would say the same.
        return this.#refuseInFailedTransaction(candidate, judgement);
      }
      if (this.#x.names.full && judgement.facts.statements.some(prepares)) throw tooManyNames();
      if (judgement.inadmissible && judgement.decision.outcome !== 'block') throw judgement.inadmissible;
      if (judgement.decision.wantsEstimate) return candidate.estimate();
      const inTransaction = this.#inTransaction(judgement, candidate.bind);
      if (inTransaction === 'wait') candidate.defer();
      else this.#carryOut(candidate, inTransaction);
    });
  }

  /** The target reads a text as a whole before it looks at its transaction: what does not parse fails as such. */
  #refuseInFailedTransaction(candidate: Candidate, { facts }: Judgement): void {
    const syntaxError = facts.statements[0]?.syntaxError;
    this.#x.refuse(
      syntaxError === undefined ? abortedError() : unparseableError(syntaxError),
      candidate.simple,
    );
  }

  /** Rules with `at: commit`: the statement runs now, and the COMMIT needs what it would have needed. */
  #inTransaction(judgement: Judgement, bind: BindMessage | undefined): Judgement | 'wait' {
    const { commit, queue, state } = this.#x;
    if (commit.mayDefer(judgement, bind, state.transaction === 'open')) {
      // What is on its way could end the transaction.
      return queue.empty ? commit.deferred(judgement) : 'wait';
    }
    return commit.waits && state.transaction !== 'failed' ? commit.asCommit(judgement) : judgement;
  }

  #carryOut(candidate: Candidate, first: Judgement): void {
    let judgement = first;
    for (let attempt = 1; ; attempt++) {
      if (judgement.decision.outcome === 'block') {
        return this.block(judgement, candidate.simple, candidate.place);
      }
      if (judgement.decision.outcome === 'approve') return this.#holdBack(candidate, judgement);
      if (judgement.interned === undefined)
        throw new Internal('not_interned', 'an allowed statement has no record');
      try {
        candidate.send(judgement, this.#x.desk.passAgain(judgement.interned));
        return this.#x.commit.sent(judgement, candidate.bind);
      } catch (error) {
        // The policy was replaced between judging and passing: the new one decides.
        if (!(error instanceof Conflict) || attempt === 3) throw error;
        judgement = candidate.judge();
      }
    }
  }

  /** What it means hangs on names that a message on its way may change. */
  namesUnderway({ facts }: Judgement): boolean {
    return facts.statements.some((one) => one.dependsOnSession) && this.#x.queue.namesUnderway;
  }

  #holdBack(candidate: Candidate, judgement: Judgement): void {
    // What came before may still fail, and then the target skips this one: nobody is asked about that.
    if (!this.#x.queue.empty) return candidate.defer();
    this.#hold({
      judgement,
      text: candidate.text,
      bind: candidate.bind,
      place: candidate.place,
      again: () => this.#x.commit.asCommit(candidate.judge()),
      send: (judged, now) => candidate.send(now, judged),
      refuse: (error) => this.#x.refuse(error, candidate.simple),
    });
  }

  block(judgement: Judgement, simple: boolean, place: MessagePlace): void {
    const { decision, record, facts } = judgement;
    if (decision.outcome !== 'block') return;
    const failed = this.#x.state.transaction === 'failed';
    const mistake = decision.rule === undefined;
    const [absent] = mistake && !failed ? facts.statements.flatMap((one) => one.absent ?? []) : [];
    if (
      absent !== undefined &&
      (this.#looked?.buffer !== place.buffer || this.#looked.start !== place.start)
    ) {
      this.#looked = place;
      return this.#lookAgain(place);
    }
    this.#looked = undefined;
    this.#x.desk.refuse(record);
    // A typing mistake is told as one, whichever rule would have blocked what nobody can read.
    const syntaxError = facts.statements[0]?.syntaxError;
    if (syntaxError !== undefined) return this.#x.refuse(unparseableError(syntaxError), simple);
    if (absent !== undefined) return this.#x.refuse(absentError(absent), simple);
    const reasons = facts.statements.flatMap((one) => one.reasons);
    const position = this.#blockedAt(judgement);
    this.#x.refuse(blockedError(decision, reasons, this.#x.desk.target.connection, position), simple);
  }

  /** Which statement of a text of several it is for whose sake all of it is blocked. */
  #blockedAt({ facts, record }: Judgement): number | undefined {
    if (facts.statements.length < 2) return undefined;
    const alone = (one: StatementFacts) => this.#x.desk.decide({ ...facts, statements: [one] });
    const blocked = facts.statements.find((one) => alone(one).outcome === 'block');
    return blocked && positionIn(record.text, blocked);
  }

  /** Runs what has to be recorded to happen; when it cannot be, the statement is refused instead. */
  recorded(simple: boolean, run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof HoopError) || error.kind === 'protocol-violation') throw error;
      const sqlstate = error.kind === 'internal' ? '58030' : '42501';
      this.#x.refuse(refusedError(sqlstate, error.message, error.next ?? 'nothing was executed'), simple);
    }
  }

  /** A text that is not UTF-8 fails as the server would fail it; all else that is malformed ends the session. */
  text<T>(simple: boolean, decode: () => T): T | undefined {
    try {
      return decode();
    } catch (error) {
      if (!(error instanceof ProtocolViolation) || error.code !== 'invalid_utf8') throw error;
      this.#x.refuse(refusedError('22021', 'invalid byte sequence for encoding "UTF8"'), simple);
      return undefined;
    }
  }
}

const prepares = (statement: StatementFacts) => statement.changes.some((change) => change.kind === 'prepare');

/** Told like any other refusal. */
export function tooManyNames(): NotPermitted {
  return new NotPermitted('too_many_statements', 'the session keeps too many prepared statements', {
    next: 'DEALLOCATE those that are no longer used',
  });
}

/** COMMIT or ROLLBACK and nothing else, or nothing at all: safe to send while the session's state is not known. */
function endsTransactionAlone({ facts }: Judgement): boolean {
  const [only, ...more] = facts.statements;
  if (more.length > 0) return false;
  if (only === undefined) return true;
  return (
    only.actions.every((action) => action.effect === 'session') &&
    only.changes.some((change) => change.kind === 'transaction')
  );
}
