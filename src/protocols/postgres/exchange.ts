import type { SessionDesk } from '../../session/desk.ts';
import type { StatementFacts } from '../../sql/facts.ts';
import type { CatalogChanges } from './catalog-changes.ts';
import type { ClientOutput } from './client-output.ts';
import { executeMessage, SYNC } from './codec/frontend-builders.ts';
import type { CommitHold } from './commit-hold.ts';
import type { Door } from './door.ts';
import { type InFlight, refusalInFlight, syncInFlight } from './in-flight.ts';
import { isOpaque, type Judge } from './judgement.ts';
import type { SessionNames } from './names.ts';
import type { ResultMasking } from './result-plan.ts';
import type { ServerState } from './server-state.ts';
import type { StatementQueue } from './statements.ts';
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
  readonly changes: CatalogChanges;
  /** Masks of this moment, ready for results. */
  readonly masking: () => ResultMasking;
  /** COPY FROM STDIN is running: the client's CopyData belongs to it. */
  copyIn = false;
  /** Number of the present pipeline segment: grows with each Sync and each simple query. */
  segment = 1;
  /** Sent statements after which names may mean something else, not yet completed. */
  barriers = 0;
  readonly #refusal: Buffer;
  /** Set while what this session has changed of the catalog is not settled. */
  #settle: (() => void) | undefined;

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
    readonly changes: CatalogChanges;
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
    this.changes = parts.changes;
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
    this.queue.sent(refusalInFlight(error));
    if (answersWithReady) {
      this.door.own(SYNC);
      this.queue.sent(syncInFlight());
      this.segment++;
    }
  }

  /** Tells that something else went to the target than the client wrote; recorded as what it was. */
  tellClamped({ text, words }: { readonly text: string; readonly words: string }): void {
    this.desk.note(`sent instead: ${text}`);
    this.output.say(clampedNotice(words));
  }

  /** What is remembered of the catalog's state with a statement that is sent. */
  catalogMark(statements: readonly StatementFacts[]): number {
    if (statements.some(changesCatalog)) this.#settle ??= this.changes.begin();
    return this.changes.mark(this.#settle !== undefined);
  }

  /** The session is over. */
  over(): void {
    this.commit.reset();
    this.catalogSettled();
  }

  /** No transaction of this session is open any more. */
  catalogSettled(): void {
    this.#settle?.();
    this.#settle = undefined;
  }

  /** Nothing more of the client is sent before `cancelled`, which never rejects: a cancel could hit that instead. */
  async barrier(cancelled: Promise<void>): Promise<void> {
    this.barriers++;
    await cancelled;
    this.barriers--;
  }

  /** An entry left the queue, answered or dropped. */
  settled(entry: InFlight): void {
    if (entry.kind === 'query' && entry.judgement.barrier) this.barriers--;
    if (entry.kind === 'execute' && entry.portal.judgement?.barrier) this.barriers--;
  }
}

const changesCatalog = (statement: StatementFacts) =>
  isOpaque(statement) || statement.changes.some(({ kind }) => kind === 'catalog' || kind === 'opaque');
