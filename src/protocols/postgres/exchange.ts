import type { SessionDesk } from '../../session/desk.ts';
import type { ClientOutput } from './client-output.ts';
import { executeMessage, SYNC } from './codec/frontend-builders.ts';
import type { CommitHold } from './commit-hold.ts';
import type { Door } from './door.ts';
import type { Judge } from './judgement.ts';
import type { SessionNames } from './names.ts';
import type { ResultMasking } from './result-plan.ts';
import type { ServerState } from './server-state.ts';
import type { InFlight, StatementQueue } from './statements.ts';
import { clampedNotice } from './words.ts';

/** What the two directions of one session share. Mutable; lives as long as the session. */
export class Exchange {
  readonly desk: SessionDesk;
  readonly judge: Judge;
  readonly names: SessionNames;
  readonly state: ServerState;
  readonly queue: StatementQueue;
  readonly door: Door;
  readonly output: ClientOutput;
  /** Writes that ran ahead of their approval. */
  readonly commit: CommitHold;
  /** Masks of this moment, ready for results. */
  readonly masking: () => ResultMasking;
  /** COPY FROM STDIN is running: the client's CopyData belongs to it. */
  copyIn = false;
  /** Number of the present pipeline segment: grows with each Sync and each simple query. */
  segment = 1;
  /** Sent statements after which names may mean something else, not yet completed. */
  barriers = 0;
  readonly #refusal: Buffer;

  /** `refusalPortal` is a name no client can guess: an Execute of it is how the target is made to refuse. */
  constructor(parts: {
    readonly desk: SessionDesk;
    readonly judge: Judge;
    readonly names: SessionNames;
    readonly state: ServerState;
    readonly queue: StatementQueue;
    readonly door: Door;
    readonly output: ClientOutput;
    readonly commit: CommitHold;
    readonly masking: () => ResultMasking;
    readonly refusalPortal: string;
  }) {
    this.desk = parts.desk;
    this.judge = parts.judge;
    this.names = parts.names;
    this.state = parts.state;
    this.queue = parts.queue;
    this.door = parts.door;
    this.output = parts.output;
    this.commit = parts.commit;
    this.masking = parts.masking;
    this.#refusal = executeMessage(parts.refusalPortal, 0);
  }

  /**
   * Answers a message that must not reach the target with `error`, in order and with the effects an error has:
   * in its place goes an Execute of a portal that does not exist. The target fails it, aborts the transaction
   * that is open and skips up to the next Sync, all by itself; its error is replaced on the way back.
   */
  refuse(error: Buffer, answersWithReady: boolean): void {
    this.door.own(this.#refusal);
    this.queue.sent({ kind: 'refusal', error, own: false });
    if (answersWithReady) {
      this.door.own(SYNC);
      this.queue.sent({ kind: 'sync', own: false });
      this.segment++;
    }
  }

  /** Tells that something else went to the target than the client wrote; recorded as what it was. */
  tellClamped({ text, words }: { readonly text: string; readonly words: string }): void {
    this.desk.note(`sent instead: ${text}`);
    this.output.say(clampedNotice(words));
  }

  /** An entry left the queue, answered or dropped. */
  settled(entry: InFlight): void {
    if (entry.kind === 'query' && entry.judgement.barrier) this.barriers--;
    if (entry.kind === 'execute' && entry.portal.judgement?.barrier) this.barriers--;
  }
}
