import type { Clock } from '../base/clock.ts';

/** When an identity stops counting, watched for the session it has open. Mutable: a renewed sign-in lasts longer. */
export class SessionExpiry {
  readonly #clock: Clock;
  readonly #expired: () => void;
  #at: number;
  #stop: () => void = () => {};

  /** `expired` is called when the moment has come; at once when it has passed. */
  constructor(clock: Clock, expiresAt: string | undefined, expired: () => void) {
    this.#clock = clock;
    this.#expired = expired;
    this.#at = millisecondsOf(expiresAt);
    this.#watch();
  }

  get passed(): boolean {
    return this.#clock.now() >= this.#at;
  }

  extend(expiresAt: string | undefined): void {
    const until = millisecondsOf(expiresAt);
    if (until === this.#at) return;
    this.#at = until;
    this.#stop();
    this.#watch();
  }

  close(): void {
    this.#stop();
  }

  /** `Clock.after` may fire early for far dates, so it is asked again until the moment has come. */
  #watch(): void {
    if (this.#at === Infinity) return;
    const left = this.#at - this.#clock.now();
    if (left <= 0) this.#expired();
    else this.#stop = this.#clock.after(left, () => this.#watch());
  }
}

function millisecondsOf(expiresAt: string | undefined): number {
  return expiresAt === undefined ? Infinity : Date.parse(expiresAt);
}
