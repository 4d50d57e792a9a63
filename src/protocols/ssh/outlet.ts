import type { ServerChannel } from 'ssh2';
import { MOST_UNSENT, socketOf } from './channel-socket.ts';

/** What may wait here before the target is no longer read, in bytes. */
const HIGH_WATER = 256 * 1024;

type Lane = 'stdout' | 'stderr';

/**
 * Everything that goes to one channel of the client, one piece after the other. The channel's two streams share one
 * window, and a piece that waits for it on one of them is only woken by the next grant; so never two at a time.
 */
export class Outlet {
  readonly #channel: ServerChannel;
  readonly #queue: { readonly lane: Lane; readonly bytes: Buffer }[] = [];
  readonly #drained: () => void;
  #waiting = 0;
  #writing = false;
  #closed = false;
  #idle: (() => void)[] = [];

  /** `drained` is called when there is room again. */
  constructor(channel: ServerChannel, drained: () => void) {
    this.#channel = channel;
    this.#drained = drained;
    channel.once('close', () => this.abandon());
  }

  get full(): boolean {
    return this.#waiting >= HIGH_WATER;
  }

  push(lane: Lane, bytes: Buffer): void {
    if (this.#closed || bytes.length === 0) return;
    this.#queue.push({ lane, bytes });
    this.#waiting += bytes.length;
    this.#next();
  }

  /** When all that was pushed has gone out, or can't any more. */
  emptied(): Promise<void> {
    if (this.#closed || (!this.#writing && this.#queue.length === 0)) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** The client has gone: nothing more can be said. */
  abandon(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.length = 0;
    this.#waiting = 0;
    this.#drained();
    this.#settle();
  }

  #next(): void {
    if (this.#writing || this.#closed) return;
    const piece = this.#queue.shift();
    if (piece === undefined) return this.#settle();
    this.#writing = true;
    const stream = piece.lane === 'stdout' ? this.#channel : this.#channel.stderr;
    stream.write(piece.bytes, () =>
      this.#sent(() => {
        this.#writing = false;
        const wasFull = this.full;
        this.#waiting = Math.max(0, this.#waiting - piece.bytes.length);
        if (wasFull && !this.full) this.#drained();
        this.#next();
      }),
    );
  }

  /** The library takes as much as the window grants, whether or not the socket takes it off. */
  #sent(then: () => void): void {
    const socket = socketOf(this.#channel);
    if (socket === undefined || socket.writableLength < MOST_UNSENT) then();
    else socket.once('drain', then);
  }

  #settle(): void {
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }
}
