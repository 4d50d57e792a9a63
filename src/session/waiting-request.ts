import type { ApprovalRequest } from '../approval/request.ts';
import type { Clock } from '../base/clock.ts';

/** A moment by both clocks, in milliseconds. */
export interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

/** A request that waits: its place in time, and the changes to it, which happen one after the other. Mutable. */
export class WaitingRequest {
  /** As it stands. */
  request: ApprovalRequest;
  /** Told once when it is approved or has ended. */
  readonly decided: (request: ApprovalRequest) => void;
  readonly #clock: Clock;
  readonly #began: Moment;
  #cancelTimer: () => void = () => {};
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    clock: Clock,
    request: ApprovalRequest,
    began: Moment,
    decided: (request: ApprovalRequest) => void,
  ) {
    this.#clock = clock;
    this.request = request;
    this.#began = began;
    this.decided = decided;
  }

  /** By the clock that never runs backwards, or by the wall clock where that is ahead (a machine that slept). */
  get now(): number {
    return Math.max(this.#clock.now(), this.#began.wall + this.#clock.monotonic() - this.#began.monotonic);
  }

  /** Calls `expire` once, when its time has come. Asked again it goes by the time that the request has by then. */
  watchExpiry(expire: () => void): void {
    this.stopWatching();
    const left = Math.max(0, Date.parse(this.request.expiresAt) - this.now);
    this.#cancelTimer = this.#clock.after(left, expire);
  }

  stopWatching(): void {
    this.#cancelTimer();
  }

  /** Makes a change when those before it are through, whatever became of them. Rejects as the change does. */
  inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(change);
    // Whoever asked for a change hears of its failure; the next one does not.
    this.#turn = turn.catch(() => {});
    return turn;
  }
}
