import { takeFirst } from '../../base/chunks.ts';
import { ProtocolViolation } from '../../base/errors.ts';
import type { Judged } from '../../session/desk.ts';
import { type FrameSink, FrontendFramer } from './codec/framer.ts';
import { FLUSH, queryMessage } from './codec/frontend-builders.ts';
import { decodeFunctionCall, decodeQuery, formatAt } from './codec/frontend-messages.ts';
import { FRONTEND, typeText } from './codec/message-types.ts';
import type { Exchange } from './exchange.ts';
import { ExtendedQuery, type Waiting } from './extended-query.ts';
import { Gate, type HeldStatement, type MessagePlace } from './gate.ts';
import { queryInFlight, syncInFlight } from './in-flight.ts';
import type { Judgement } from './judgement.ts';
import { largeObjectCall } from './large-objects.ts';
import { refusedError, simpleQueriesOnly } from './words.ts';

/** What the session does for this side when it cannot go on by itself. */
export interface ClientSideHost {
  /** Asks the target about its state; `resume('probe')` when it is known. */
  probe(): void;
  /** Asks the planner about a text and tells the judge; `resume('probe')` when that is done. */
  estimate(text: string): void;
  /** Holds a statement for approval; `resume('held')` when it was sent or refused. */
  hold(held: HeldStatement): void;
  /** The client said Terminate. */
  terminate(): void;
}

/** Messages sent on and not yet answered; a client that pipelines more waits for answers. */
const MOST_IN_FLIGHT = 20_000;

/** What the next message waits for: answers of the target, a probe of its state, a person's decision. */
type Blocked = 'no' | 'answers' | 'probe' | 'held';

/**
 * The client's messages in the order they came: each is judged, refused, held or sent on. Nothing behind a
 * message that waits is looked at, so nothing overtakes it.
 */
export class ClientMessages implements FrameSink, Waiting {
  readonly #x: Exchange;
  readonly #host: ClientSideHost;
  readonly #gate: Gate;
  readonly #extended: ExtendedQuery;
  readonly #framer = new FrontendFramer();
  readonly #chunks: Buffer[] = [];
  #offset = 0;
  #waitingBytes = 0;
  #blocked: Blocked = 'no';
  #deferred: MessagePlace | undefined;
  /** The target was told to Flush what the deferred message waits for. */
  #flushed = false;
  #pumping = false;
  #ended = false;

  constructor(exchange: Exchange, host: ClientSideHost) {
    this.#x = exchange;
    this.#host = host;
    const hold = (held: HeldStatement) => {
      this.#blocked = 'held';
      host.hold(held);
    };
    this.#gate = new Gate(exchange, hold, (place) => this.lookAgain(place));
    this.#extended = new ExtendedQuery(exchange, this.#gate, this);
  }

  get blocked(): boolean {
    return this.#blocked !== 'no';
  }

  /** Bytes of the client that wait behind a message that waits. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  get midMessage(): boolean {
    return !this.#framer.atBorder;
  }

  /** Throws ProtocolViolation when the client breaks the protocol. */
  receive(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    this.#pump();
  }

  /** What was waited for is there; goes on as far as it can. Throws like `receive`. */
  resume(reason: Exclude<Blocked, 'no'>): void {
    if (this.#blocked !== reason) return;
    this.#blocked = 'no';
    this.#pump();
  }

  #pump(): void {
    if (this.#pumping || this.#ended) return;
    this.#pumping = true;
    try {
      this.#takeDeferred();
      for (let chunk = this.#chunks[0]; chunk && this.#goesOn(); chunk = this.#chunks[0]) {
        const at = this.#framer.push(chunk, this, this.#offset);
        this.#waitingBytes -= at - this.#offset;
        this.#offset = at === chunk.length ? 0 : at;
        if (at === chunk.length) takeFirst(this.#chunks);
      }
    } finally {
      this.#pumping = false;
    }
  }

  #goesOn(): boolean {
    return this.#blocked === 'no' && !this.#ended;
  }

  #takeDeferred(): void {
    const deferred = this.#deferred;
    if (deferred === undefined || this.#blocked !== 'no') return;
    this.#deferred = undefined;
    this.message(deferred.type, deferred.buffer, deferred.start, deferred.end);
    if (this.#deferred === undefined) this.#flushed = false;
  }

  /** Whether a Terminate waits behind the message that waits: the client gave up. */
  terminateWaits(): boolean {
    let at = this.#offset;
    for (const chunk of this.#chunks) {
      while (at + 5 <= chunk.length) {
        if (chunk[at] === FRONTEND.terminate) return true;
        const length = chunk.readInt32BE(at + 1);
        if (length < 4) return false;
        at += 1 + length;
      }
      if (at !== chunk.length) return false;
      at = 0;
    }
    return false;
  }

  message(type: number, buffer: Buffer, start: number, end: number): boolean {
    const place = { type, buffer, start, end };
    const x = this.#x;
    if (x.copyIn) this.#duringCopy(place);
    else if (x.queue.length >= MOST_IN_FLIGHT && type !== FRONTEND.terminate) this.defer(place);
    else if (type === FRONTEND.sync) this.#sync(place);
    else if (type === FRONTEND.terminate) this.#terminate();
    // After an error in the extended protocol the target skips everything up to Sync; so does the gateway.
    else if (!x.queue.skipping) this.#dispatch(place);
    return this.#goesOn();
  }

  #dispatch(place: MessagePlace): void {
    switch (place.type) {
      case FRONTEND.bind:
        return this.#extended.bind(place);
      case FRONTEND.execute:
        return this.#extended.execute(place);
      case FRONTEND.query:
        return this.#query(place);
      case FRONTEND.parse:
        // A run of a request sends the approved text by Query; a Parse could bring another along.
        if (this.#x.desk.ahead !== undefined) return this.#x.refuse(simpleQueriesOnly(), false);
        return this.#extended.parse(place);
      case FRONTEND.describe:
        return this.#extended.describe(place);
      case FRONTEND.close:
        return this.#extended.close(place);
      case FRONTEND.flush:
        return this.#x.door.follow(place.buffer, place.start, place.end);
      case FRONTEND.copyData:
      case FRONTEND.copyDone:
      case FRONTEND.copyFail:
        // Outside COPY the target drops these too (docs 54.2.6); before its CopyInResponse they wait for it.
        if (this.#copyExpected()) this.defer(place);
        return;
      case FRONTEND.functionCall:
        return this.#functionCall(place);
      default:
        throw new ProtocolViolation(
          'unexpected_message',
          `message ${typeText(place.type)} has no place here`,
        );
    }
  }

  streams(type: number): boolean {
    return type === FRONTEND.copyData && this.#x.copyIn;
  }

  piece(_type: number, buffer: Buffer, start: number, end: number): boolean {
    // The rest of a message that has begun must follow even when the COPY has failed meanwhile: the target drops it.
    this.#x.door.follow(buffer, start, end);
    return true;
  }

  #sync({ buffer, start, end }: MessagePlace): void {
    this.#x.door.follow(buffer, start, end);
    this.#x.queue.sent(syncInFlight());
    this.#x.segment++;
  }

  #terminate(): void {
    this.#ended = true;
    this.#host.terminate();
  }

  #duringCopy({ type, buffer, start, end }: MessagePlace): void {
    switch (type) {
      case FRONTEND.copyData:
        return this.#x.door.follow(buffer, start, end);
      case FRONTEND.copyDone:
      case FRONTEND.copyFail:
        this.#x.copyIn = false;
        return this.#x.door.follow(buffer, start, end);
      case FRONTEND.flush:
      case FRONTEND.sync:
        return; // ignored by the target while it copies (docs 54.2.6)
      case FRONTEND.terminate:
        return this.#terminate();
      default:
        throw new ProtocolViolation(
          'unexpected_message',
          `message ${typeText(type)} came inside COPY FROM STDIN`,
        );
    }
  }

  #copyExpected(): boolean {
    for (const entry of this.#x.queue) {
      const statements =
        entry.kind === 'query'
          ? entry.judgement.facts.statements
          : entry.kind === 'execute' && entry.portal.facts
            ? [entry.portal.facts]
            : [];
      if (statements.some((one) => one.copy?.direction === 'in')) return true;
    }
    return false;
  }

  defer(place: MessagePlace): void {
    this.#deferred = place;
    this.#blocked = 'answers';
    if (!this.#x.queue.segmentOpen || this.#flushed) return;
    this.#flushed = true;
    this.#x.door.own(FLUSH);
  }

  ready(place: MessagePlace): boolean {
    const { barriers, judge, state } = this.#x;
    if (barriers > 0) {
      this.defer(place);
      return false;
    }
    if (judge.outdated) {
      state.stale = true;
      if (judge.overlaid) state.catalogStale = true;
    }
    if ((state.stale || state.catalogStale || state.namesStale) && state.transaction !== 'failed') {
      this.#probeBefore(place);
      return false;
    }
    return true;
  }

  lookAgain(place: MessagePlace): void {
    this.#x.state.catalogDoubted = true;
    this.#probeBefore(place);
  }

  #probeBefore(place: MessagePlace): void {
    this.#deferred = place;
    this.#blocked = 'probe';
    this.#host.probe();
  }

  estimate(place: MessagePlace, text: string): void {
    this.#deferred = place;
    this.#blocked = 'probe';
    this.#host.estimate(text);
  }

  #query(place: MessagePlace): void {
    const x = this.#x;
    const { buffer, start, end } = place;
    // Whether the target will skip it is known only when the open segment has been answered.
    if (x.queue.segmentOpen && !x.queue.empty) return this.defer(place);
    if (!this.ready(place)) return;
    const text = this.#gate.text(true, () => decodeQuery(buffer, start, end));
    if (text === undefined) return;
    const send = (judgement: Judgement, judged: Judged) => {
      const { clamped } = judgement;
      if (clamped === undefined) x.door.statement(judged, buffer, start, end);
      else {
        const instead = queryMessage(clamped.text);
        x.door.statement(judged, instead, 0, instead.length);
        x.tellClamped(clamped);
      }
      x.segment++;
      if (judgement.barrier) x.barriers++;
      x.names.querySent();
      const mark = x.catalogMark(judgement.facts.statements);
      x.queue.sent(queryInFlight(judgement, { mark }));
    };
    const judge = () => x.judge.judge(text);
    const defer = () => this.defer(place);
    const estimate = () => this.estimate(place, text);
    this.#gate.decide({ text, bind: undefined, place, simple: true, judge, estimate, defer, send });
  }

  #functionCall(place: MessagePlace): void {
    const x = this.#x;
    const { buffer, start, end } = place;
    if (x.queue.segmentOpen && !x.queue.empty) return this.defer(place);
    if (!this.ready(place)) return;
    const { functionOid, bind } = decodeFunctionCall(buffer, start, end);
    const called = largeObjectCall(functionOid, bind.parameterCount);
    if (called === undefined) {
      const hint = 'call it with SELECT';
      return x.refuse(
        refusedError('0A000', 'the function call message is not let through for this function', hint),
        true,
      );
    }
    const call = { of: called, format: formatAt(bind.resultFormats, 0) };
    const send = (judgement: Judgement, judged: Judged) => {
      x.door.statement(judged, buffer, start, end);
      x.segment++;
      if (judgement.barrier) x.barriers++;
      x.queue.sent(queryInFlight(judgement, { call }));
    };
    const judge = () => x.judge.judge(called.text);
    const defer = () => this.defer(place);
    const estimate = () => this.estimate(place, called.text);
    this.#gate.decide({ text: called.text, bind, place, simple: true, judge, estimate, defer, send });
  }
}
