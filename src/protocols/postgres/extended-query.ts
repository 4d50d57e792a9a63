import { PolicyBlocked } from '../../base/errors.ts';
import type { Judged } from '../../session/desk.ts';
import { writesRows } from '../../sql/collector.ts';
import { describeMessage, parseMessage } from './codec/frontend-builders.ts';
import {
  decodeBind,
  decodeClose,
  decodeDescribe,
  decodeExecute,
  decodeParse,
} from './codec/frontend-messages.ts';
import { commits } from './commit-hold.ts';
import type { Exchange } from './exchange.ts';
import { type Gate, type MessagePlace, tooManyNames } from './gate.ts';
import { closeInFlight, executeInFlight, portalInFlight, statementInFlight } from './in-flight.ts';
import type { Judgement } from './judgement.ts';
import { boundMeaning } from './meaning.ts';
import { LONGEST_NAME, type Portal, type PreparedStatement } from './names.ts';
import { abortedError, refusedError } from './words.ts';

/** How a message is put off until it can be dealt with. */
export interface Waiting {
  /** Puts the message off until the planner has been asked about its text. */
  estimate(place: MessagePlace, text: string): void;
  /** False: the message was put off, since something on its way could change what it means. */
  ready(place: MessagePlace): boolean;
  /** Puts it off until the target has answered more. */
  defer(place: MessagePlace): void;
  /** Puts it off until the catalog was compared with the target's. */
  lookAgain(place: MessagePlace): void;
}

/**
 * The extended query protocol (PostgreSQL docs 54.2.3). A Parse is judged and, unless blocked, sent: it only
 * analyses. A Bind is where an execution is decided, since planning can already run code and its values are
 * known; an Execute runs what its Bind was let through for.
 */
export class ExtendedQuery {
  readonly #x: Exchange;
  readonly #gate: Gate;
  readonly #waiting: Waiting;

  constructor(exchange: Exchange, gate: Gate, waiting: Waiting) {
    this.#x = exchange;
    this.#gate = gate;
    this.#waiting = waiting;
  }

  parse(place: MessagePlace): void {
    const x = this.#x;
    const { buffer, start, end } = place;
    if (!this.#waiting.ready(place)) return;
    const parsed = this.#gate.text(false, () => decodeParse(buffer, start, end));
    if (parsed === undefined || this.#tooLong(parsed.name)) return;
    this.#gate.recorded(false, () => {
      const judgement = x.judge.judge(parsed.text);
      if (this.#gate.namesUnderway(judgement)) return this.#waiting.defer(place);
      if (judgement.decision.wantsEstimate) return this.#waiting.estimate(place, parsed.text);
      if (judgement.decision.outcome === 'block') return this.#gate.block(judgement, false, place);
      if (x.names.full && parsed.name !== '') throw tooManyNames();
      const type = x.judge.actingType(parsed.parameterTypes);
      if (type !== undefined) {
        throw new PolicyBlocked(
          'acting_parameter',
          `a parameter of type ${type} runs code when it is given`,
          {
            next: 'leave the type out of Parse and cast the parameter in the text',
          },
        );
      }
      const statement: PreparedStatement = {
        name: parsed.name,
        text: parsed.text,
        origin: 'parse',
        facts: judgement.facts,
        judgement,
        columns: undefined,
        segment: x.segment,
      };
      if (judgement.clamped === undefined) x.door.parse(judgement, buffer, start, end);
      else {
        const instead = parseMessage(parsed.name, judgement.clamped.text);
        x.door.parse(judgement, instead, 0, instead.length);
      }
      x.names.parseSent(statement);
      x.queue.sent(statementInFlight('parse', statement));
    });
  }

  bind(place: MessagePlace): void {
    const x = this.#x;
    const { buffer, start, end } = place;
    if (!this.#waiting.ready(place)) return;
    const bind = this.#gate.text(false, () => decodeBind(buffer, start, end));
    if (bind === undefined || this.#tooLong(bind.portal) || this.#tooLong(bind.statement)) return;
    const statement = x.names.prepared(bind.statement, x.segment);
    if (statement === 'undecided') return this.#waiting.defer(place);
    if (statement === undefined) return this.#unknown('statement', bind.statement);
    const send = (judgement: Judgement, judged: Judged) => {
      const portal: Portal = {
        name: bind.portal,
        statement,
        facts: judgement.facts.statements[0],
        judgement,
        touchesMasked: judgement.touchesMasked,
        resultFormats: bind.resultFormats,
        columns: undefined,
        segment: x.segment,
        hold: false,
      };
      if (judgement.decision.outcome === 'approve') {
        portal.approvedMeaning = boundMeaning(judgement.facts, x.judge.catalog, x.state);
      }
      if (portal.facts?.dependsOnSession) portal.generation = x.names.generation;
      x.door.statement(judged, buffer, start, end);
      if (judgement.clamped !== undefined) x.tellClamped(judgement.clamped);
      x.names.bindSent(portal);
      x.queue.sent(portalInFlight('bind', portal));
    };
    const judge = () => x.judge.judgePrepared(statement);
    const defer = () => this.#waiting.defer(place);
    const estimate = () => this.#waiting.estimate(place, statement.text);
    this.#gate.decide({ text: statement.text, bind, place, simple: false, judge, estimate, defer, send });
  }

  execute(place: MessagePlace): void {
    const x = this.#x;
    const { buffer, start, end } = place;
    if (x.barriers > 0) return this.#waiting.defer(place);
    const { portal: name, rowLimit } = decodeExecute(buffer, start, end);
    if (!this.#begins(place) || this.#tooLong(name)) return;
    const portal = x.names.portal(name, x.segment);
    if (portal === 'undecided') return this.#waiting.defer(place);
    const isFailed = x.state.transaction === 'failed';
    if (portal === undefined && name === '' && isFailed && x.names.unnamedFailed)
      return x.refuse(abortedError(), false);
    if (portal === undefined) return this.#unknown('portal', name);
    if (
      x.commit.waits &&
      portal.facts &&
      commits(portal.facts) &&
      portal.judgement?.commits !== x.commit.generation
    ) {
      const message = 'what this COMMIT would settle was not approved with it';
      return x.refuse(refusedError('42501', message, 'bind and execute it again'), false);
    }
    if (portal.generation !== undefined && x.queue.namesUnderway) return this.#waiting.defer(place);
    if (rowLimit > 0 && x.desk.metered && portal.facts?.actions.some(writesRows)) {
      // It writes all its rows at once, and whoever never asks for the rest of RETURNING is never told how many.
      const message = 'a statement that writes is executed without a row limit where rows are counted';
      return x.refuse(refusedError('0A000', message), false);
    }
    if (portal.approvedMeaning !== undefined && !portal.lookedAgain) {
      // Its client may have let any time go by since the Bind was approved.
      portal.lookedAgain = true;
      return this.#waiting.lookAgain(place);
    }
    this.#gate.recorded(false, () => {
      if (!this.#stillLetThrough(portal, place)) return;
      if (portal.generation === undefined) portal.inherited ??= portal.statement?.columns;
      if (!portal.described && portal.inherited === undefined && !x.masking().masked.none) {
        // Masks need to know the columns, and the client did not ask: the gateway asks for itself.
        portal.described = true;
        x.door.own(describeMessage('portal', name));
        x.queue.sent(portalInFlight('describe-portal', portal, true));
      }
      x.door.follow(buffer, start, end);
      if (portal.judgement?.barrier) x.barriers++;
      const mark = x.catalogMark(portal.facts ? [portal.facts] : []);
      x.queue.sent(executeInFlight(portal, mark));
    });
  }

  /** When policy or state have changed between Bind and Execute, the statement is looked at again. */
  #stillLetThrough(portal: Portal, place: MessagePlace): boolean {
    const before = portal.judgement;
    if (this.#changedSinceApproved(portal)) {
      const message = 'what this portal does changed since it was approved';
      this.#x.refuse(refusedError('42501', message, 'bind and execute it again'), false);
      return false;
    }
    if (portal.generation !== undefined && portal.generation !== this.#x.names.generation) {
      const message = 'what this portal fetches or executes may be another by now';
      const failed = this.#x.state.transaction === 'failed';
      this.#x.refuse(
        failed ? abortedError() : refusedError('42501', message, 'bind and execute it again'),
        false,
      );
      return false;
    }
    if (before === undefined || portal.statement === undefined || before.epoch === this.#x.judge.epoch())
      return true;
    const now = this.#x.judge.judgePrepared(portal.statement);
    if (now.inadmissible && now.decision.outcome !== 'block') throw now.inadmissible;
    if (now.decision.outcome === 'allow') return true;
    if (now.decision.outcome === 'block') {
      this.#gate.block(now, false, place);
      return false;
    }
    // Approved for this very Bind: it holds as long as the same rule would ask for it again.
    if (before.decision.outcome === 'approve' && now.decision.rule === before.decision.rule) return true;
    const message = 'the policy changed while this statement was bound';
    this.#x.refuse(refusedError('42501', message, 'bind and execute it again'), false);
    return false;
  }

  /** An approval of a Bind is for what it did then; once it runs, the target holds on to that by itself. */
  #changedSinceApproved(portal: Portal): boolean {
    const { judge, state } = this.#x;
    const { approvedMeaning, statement } = portal;
    if (approvedMeaning === undefined || statement === undefined) return false;
    const now = boundMeaning(judge.judgePrepared(statement).facts, judge.catalog, state);
    portal.lookedAgain = false;
    if (now !== approvedMeaning) return true;
    portal.approvedMeaning = undefined;
    return false;
  }

  describe(place: MessagePlace): void {
    const x = this.#x;
    const { buffer, start, end } = place;
    const { what, name } = decodeDescribe(buffer, start, end);
    if (x.barriers > 0) return this.#waiting.defer(place);
    if (!this.#begins(place) || this.#tooLong(name)) return;
    if (what === 'statement') {
      const statement = x.names.prepared(name, x.segment);
      if (statement === 'undecided') return this.#waiting.defer(place);
      if (statement === undefined) return this.#unknown(what, name);
      x.queue.sent(statementInFlight('describe-statement', statement));
    } else {
      const portal = x.names.portal(name, x.segment);
      if (portal === 'undecided') return this.#waiting.defer(place);
      if (portal === undefined) return this.#unknown(what, name);
      portal.described = true;
      x.queue.sent(portalInFlight('describe-portal', portal));
    }
    x.door.follow(buffer, start, end);
  }

  /**
   * What has to be asked is asked before a segment begins: inside of one, the question would make a transaction block
   * of it, in which DISCARD ALL, VACUUM and their like may not run.
   */
  #begins(place: MessagePlace): boolean {
    return this.#x.queue.segmentOpen || this.#waiting.ready(place);
  }

  close(place: MessagePlace): void {
    const { buffer, start, end } = place;
    const { what, name } = decodeClose(buffer, start, end);
    if (this.#x.barriers > 0) return this.#waiting.defer(place);
    if (!this.#begins(place) || this.#tooLong(name)) return;
    this.#x.door.follow(buffer, start, end);
    this.#x.queue.sent(closeInFlight(what, name));
  }

  /** Two long names could be one to the target and two to us. */
  #tooLong(name: string): boolean {
    if (name.length * 3 <= LONGEST_NAME || Buffer.byteLength(name) <= LONGEST_NAME) return false;
    const message = `names of statements and portals end at ${LONGEST_NAME} bytes`;
    this.#x.refuse(refusedError('42622', message), false);
    return true;
  }

  /** A name the session does not know is not tried on the target: something opaque could have given it a meaning. */
  #unknown(what: 'statement' | 'portal', name: string): void {
    const error =
      what === 'statement'
        ? refusedError('26000', `prepared statement "${name}" does not exist`)
        : refusedError('34000', `portal "${name}" does not exist`);
    this.#x.refuse(error, false);
  }
}
