import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';

/** Sockets of one endpoint that authenticate at a time; the next wait for one of them to be done. */
export const MAX_UNAUTHENTICATED = 64;
/** Sockets that wait for that, as when a pool opens all its connections at once; for one more, the oldest is closed. */
export const MAX_WAITING = 512;
/** A client that has a place while others wait, and has said nothing for so many milliseconds, is no client. */
export const SILENCE = 500;
/** One that has begun, however long its way: half of what a login may take where nobody waits. */
export const PATIENCE = 5000;

/**
 * Who may authenticate now, and who waits for it. Whoever opens connections and leaves them half-open keeps nobody
 * else out: while others wait, silent ones lose their place, and the newest comes first, since those before it may be
 * a flood.
 */
export class HandshakeQueue {
  readonly #clock: Clock;
  readonly #serve: (socket: Socket) => void;
  /** With the time since when. */
  readonly #serving = new Map<Socket, number>();
  readonly #waiting = new Set<Socket>();
  #looking = false;

  constructor(clock: Clock, serve: (socket: Socket) => void) {
    this.#clock = clock;
    this.#serve = serve;
  }

  enter(socket: Socket): void {
    if (this.#waiting.size >= MAX_WAITING) {
      const [oldest] = this.#waiting;
      if (oldest !== undefined) this.#waiting.delete(oldest);
      oldest?.destroy();
    }
    this.#waiting.add(socket);
    socket.once('close', () => this.leave(socket));
    this.#serveNext();
  }

  /** It has authenticated, or gone. */
  leave(socket: Socket): void {
    this.#waiting.delete(socket);
    if (this.#serving.delete(socket)) this.#serveNext();
  }

  destroyAll(): void {
    const all = [...this.#waiting, ...this.#serving.keys()];
    this.#waiting.clear();
    this.#serving.clear();
    for (const socket of all) socket.destroy();
  }

  #serveNext(): void {
    while (this.#serving.size < MAX_UNAUTHENTICATED) {
      const next = [...this.#waiting].at(-1);
      if (next === undefined) return;
      this.#waiting.delete(next);
      this.#serving.set(next, this.#clock.monotonic());
      this.#serve(next);
    }
    this.#lookLater();
  }

  #lookLater(): void {
    if (this.#looking || this.#waiting.size === 0) return;
    this.#looking = true;
    this.#clock.after(SILENCE / 2, () => {
      this.#looking = false;
      this.#makeRoom();
      this.#lookLater();
    });
  }

  #makeRoom(): void {
    if (this.#waiting.size === 0) return;
    const now = this.#clock.monotonic();
    for (const [socket, since] of this.#serving) {
      const limit = socket.bytesRead === 0 ? SILENCE : PATIENCE;
      if (now - since >= limit) socket.destroy();
    }
  }
}
