import { randomBytes } from 'node:crypto';
import { takeChunks } from '../../base/chunks.ts';
import { HoopError, ProtocolViolation } from '../../base/errors.ts';
import { FRAME } from '../../recording/events.ts';
import type { PassedLimit } from '../../session/session-meter.ts';
import { ClientMessages, type ClientSideHost } from './client-messages.ts';
import { ClientOutput } from './client-output.ts';
import { TERMINATE } from './codec/frontend-builders.ts';
import { CommitHold } from './commit-hold.ts';
import { Door } from './door.ts';
import { Exchange } from './exchange.ts';
import type { HeldStatement } from './gate.ts';
import { Holding } from './holding.ts';
import type { ExecuteInFlight, QueryInFlight } from './in-flight.ts';
import { Judge } from './judgement.ts';
import { SessionNames } from './names.ts';
import { OWN_QUERY_DROPPED, OwnQueries } from './own-query.ts';
import { ResultMaskingSource } from './result-masking.ts';
import { ServerState } from './server-state.ts';
import type { SessionParts } from './session-parts.ts';
import { destroySoon, watchArrival, watchReader } from './stalls.ts';
import { probeState } from './state-probe.ts';
import { StatementQueue } from './statements.ts';
import { TargetMessages } from './target-messages.ts';
import type { TargetSideHost } from './target-side-host.ts';
import { TurnSending } from './turn-sending.ts';
import { fatalError } from './words.ts';

/** What a client may send ahead while a statement waits: then its socket is no longer read. */
const AHEAD_LIMIT = 1024 * 1024;

/**
 * One client's session from ReadyForQuery to the end. Bytes of the client go through `ClientMessages` and the
 * door to the target; the target's come back through `TargetMessages` and the output. Here the two sockets are
 * tied to them: backpressure both ways, the ends, and the one place where a failure becomes the last words.
 */
export class PostgresSession implements ClientSideHost, TargetSideHost {
  readonly #parts: SessionParts;
  readonly #x: Exchange;
  readonly #own: OwnQueries;
  readonly #sending: TurnSending;
  readonly #clientSide: ClientMessages;
  readonly #targetSide: TargetMessages;
  readonly #holding: Holding;
  #closed = false;
  /** Pieces received, each way. */
  #fromClientCount = 0;
  #fromTargetCount = 0;
  #clientEnded = false;
  #resolveDone: (reason: string) => void = () => {};
  /** Settles with the reason when the session is over. */
  readonly done: Promise<string>;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    const { client, target, desk, analyst } = parts;
    const names = new SessionNames();
    const state = new ServerState(names, (one) => judge.judgePrepared(one).facts.statements[0]);
    const judge: Judge = new Judge(desk, analyst, state);
    const masking = new ResultMaskingSource(judge, parts.maskKey);
    this.#x = new Exchange({
      desk,
      judge,
      names,
      state,
      queue: new StatementQueue(),
      door: new Door(target, desk),
      output: new ClientOutput(client, desk),
      changes: analyst.changes,
      commit: new CommitHold(desk, () => this.cut('its writes have waited too long for their COMMIT')),
      masking: () => masking.current(),
      refusalPortal: `hoopctl_refused_${randomBytes(12).toString('hex')}`,
    });
    const send = () => {
      this.#send();
      if (this.#clientEnded) this.#finishWhenIdle();
    };
    this.#sending = new TurnSending(this.#x, (run) => this.#guard(run), send);
    this.#own = new OwnQueries(this.#x);
    this.#clientSide = new ClientMessages(this.#x, this);
    this.#targetSide = new TargetMessages(this.#x, this.#own, this);
    this.#holding = new Holding(this.#x, {
      ...parts.terms,
      closed: () => this.#closed,
      refresh: () => this.#lookAgain(),
      rollBack: async () => void (await this.#own.ask('ROLLBACK')),
    });
    this.done = new Promise((resolve) => {
      this.#resolveDone = resolve;
    });
  }

  /** Listens to the target and learns the session's state; the client is not listened to yet. Rejects when the target fails. */
  async begin(): Promise<void> {
    const { target, desk } = this.#parts;
    takeChunks(target, (chunk) => this.#guard(() => this.#fromTarget(chunk)));
    target.on('drain', () => this.#parts.client.resume());
    target.on('end', () => this.#targetGone('the target closed the connection'));
    target.on('error', () => this.#targetGone('the connection to the target broke'));
    target.on('close', () => this.#targetGone('the target closed the connection'));
    desk.onCut((reason) => this.cut(reason));
    target.resume();
    await probeState(this.#x, this.#own, this.#parts.analyst);
  }

  /** From now on the client is served. */
  serve(): void {
    const { client } = this.#parts;
    takeChunks(client, (chunk) => this.#guard(() => this.#fromClient(chunk)));
    client.on('drain', () => this.#parts.target.resume());
    client.on('end', () => this.#guard(() => this.#clientFinished()));
    client.on('error', () => this.#clientGone());
    client.on('close', () => this.#clientGone());
    watchArrival(
      client,
      () => this.#fromClientCount,
      () => this.#clientSide.midMessage && !this.#clientSide.blocked,
      () => this.#fail('08P01', 'the client stopped in the middle of a message'),
    );
    watchArrival(
      this.#parts.target,
      () => this.#fromTargetCount,
      () => this.#targetSide.midMessage && !this.#targetSide.blocked && !this.#parts.client.writableNeedDrain,
      () => this.#fail('08006', 'the target stopped in the middle of a message'),
    );
    watchReader(client, () => this.#fail('57P05', 'the client does not read what it asked for'));
    client.resume();
  }

  #fromClient(chunk: Buffer): void {
    if (this.#closed) return;
    this.#fromClientCount++;
    this.#x.desk.record(FRAME.client, chunk);
    const { outgrown } = this.#x.judge;
    if (outgrown !== undefined) return this.cut(outgrown);
    this.#clientSide.receive(chunk);
    this.#sending.soon();
    if (this.#holding.active && this.#clientSide.terminateWaits())
      this.#holding.withdraw('the client ended its session');
    if (this.#clientSide.waitingBytes > AHEAD_LIMIT) this.#parts.client.pause();
  }

  #fromTarget(chunk: Buffer): void {
    if (this.#closed) return;
    this.#fromTargetCount++;
    this.#targetSide.receive(chunk);
    this.#afterTarget();
  }

  #afterTarget(): void {
    if (this.#closed) return;
    if (this.#targetSide.blocked) this.#parts.target.pause();
    this.#clientSide.resume('answers');
    this.#sending.soon();
  }

  /** What was let through goes to the target; what was said goes to the client. */
  #send(): void {
    if (this.#closed) return;
    if (!this.#x.output.flush()) this.#parts.target.pause();
    if (!this.#x.door.flush()) this.#parts.client.pause();
    if (this.#clientSide.waitingBytes <= AHEAD_LIMIT && !this.#parts.target.writableNeedDrain) {
      this.#parts.client.resume();
    }
  }

  probe(): void {
    const goOn = () =>
      this.#guard(() => {
        this.#clientSide.resume('probe');
        this.#send();
        if (this.#clientEnded) this.#finishWhenIdle();
      });
    probeState(this.#x, this.#own, this.#parts.analyst).then(goOn, (error: unknown) => {
      if (error instanceof HoopError && error.code === OWN_QUERY_DROPPED) return goOn();
      this.#guard(() => {
        throw error;
      });
    });
  }

  /** Goes on with what waited for this, whether it came or failed. */
  #after(work: Promise<unknown>, goOn: () => void): void {
    work.then(
      () => this.#guard(goOn),
      (error: unknown) =>
        this.#guard(() => {
          throw error;
        }),
    );
  }

  /** The client's messages are looked at again. */
  #resumeClient(reason: 'probe' | 'held'): void {
    if (this.#closed) return;
    this.#clientSide.resume(reason);
    this.#send();
    if (this.#clientEnded) this.#finishWhenIdle();
  }

  /** Before an approved statement runs: what it means is asked of the target once more. */
  async #lookAgain(): Promise<void> {
    const { judge, state } = this.#x;
    await this.#parts.analyst.refreshIfChanged();
    if (state.transaction === 'failed' || this.#closed) return;
    state.stale = true;
    if (judge.overlaid) state.catalogStale = true;
    await probeState(this.#x, this.#own, this.#parts.analyst);
  }

  estimate(text: string): void {
    const { judge, state } = this.#x;
    const asked = this.#parts.planRows(text, judge.judge(text).facts, state.searchPath);
    this.#after(
      asked.then((rows) => judge.learn(text, rows)),
      () => this.#resumeClient('probe'),
    );
  }

  hold(held: HeldStatement): void {
    this.#after(this.#holding.run(held), () => this.#resumeClient('held'));
    this.#x.output.flush();
  }

  cancelOnTarget(): void {
    this.#after(this.#x.barrier(this.#parts.cancelOnTarget()), () => this.#afterTarget());
  }

  holdResult(passed: PassedLimit, head: QueryInFlight | ExecuteInFlight): void {
    let refusal: Buffer | undefined;
    const asked = this.#holding.askLimit(passed, head).then((error) => {
      refusal = error;
    });
    this.#after(asked, () => {
      if (this.#closed) return;
      this.#parts.target.resume();
      if (refusal !== undefined) this.#targetSide.stop(refusal);
      if (refusal === undefined) this.#targetSide.resume();
      else this.#targetSide.pump();
      this.#afterTarget();
    });
    this.#x.output.flush();
  }

  catalogChanged(): void {
    this.#parts.analyst.catalogChanged();
  }

  refreshCatalog(): void {
    this.#after(this.#parts.analyst.refresh(), () => {
      this.#parts.target.resume();
      this.#targetSide.resume();
      this.#afterTarget();
    });
  }

  /** CancelRequest: withdraws what waits for approval, otherwise asks the target to cancel what runs. */
  cancel(): void {
    if (this.#holding.active) this.#holding.withdraw('cancelled by the client');
    else void this.#parts.cancelOnTarget();
  }

  terminate(): void {
    this.#x.door.flush();
    this.#close('closed by the client');
  }

  /** Ends the session now: told to the client in its protocol, what runs on the target is cancelled. */
  cut(reason: string): void {
    if (this.#closed) return;
    if (!this.#x.queue.empty) void this.#parts.cancelOnTarget();
    this.#holding.withdraw(reason);
    this.#close(reason, fatalError('57P01', reason));
  }

  #clientFinished(): void {
    this.#clientEnded = true;
    if (this.#holding.active) this.#close('the client went away');
    else this.#finishWhenIdle();
  }

  /** The client sent FIN: what it asked before is still answered. */
  #finishWhenIdle(): void {
    if (this.#clientSide.blocked) return;
    if (this.#x.queue.empty || this.#x.queue.segmentOpen || this.#x.copyIn)
      this.#close('closed by the client');
  }

  #clientGone(): void {
    if (this.#closed) return;
    if (!this.#x.queue.empty) void this.#parts.cancelOnTarget();
    this.#holding.withdraw('the client went away');
    this.#close('the client went away');
  }

  #targetGone(reason: string): void {
    if (this.#closed) return;
    if (this.#targetSide.fatal) return this.#close('ended by the target');
    this.#own.failed(reason);
    this.#guard(() => this.#parts.desk.note('target lost'));
    this.#fail('08006', reason, 'target lost');
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (error instanceof HoopError) {
        const sqlstate = error instanceof ProtocolViolation ? '08P01' : '58030';
        this.#fail(sqlstate, error.message, error.code);
        return;
      }
      this.#fail(
        'XX000',
        'internal error',
        error instanceof Error ? `${error.name}: ${error.message}` : 'unknown',
      );
    }
  }

  #fail(sqlstate: string, message: string, reason = message): void {
    this.#close(reason, fatalError(sqlstate, message));
  }

  #close(reason: string, lastWords?: Buffer): void {
    if (this.#closed) return;
    this.#closed = true;
    const { client, target } = this.#parts;
    this.#holding.withdraw(reason);
    this.#x.over();
    this.#own.failed(reason);
    this.#x.output.end(lastWords);
    if (target.writable) this.#x.door.close(TERMINATE);
    destroySoon(client);
    destroySoon(target);
    this.#resolveDone(reason);
  }
}
