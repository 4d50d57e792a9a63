import type { Clock } from '../../base/clock.ts';
import { network } from './login-throttle.ts';

/** What a connection is told apart by: a TLS socket has it from the one below it. */
export interface Peer {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

interface Closable extends Peer {
  destroy(): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** For so long a connection may be a stranger's, whatever it does meanwhile; in milliseconds. */
const PATIENCE = 60_000;

/** Connections that one listener has open: at most so many, and at most so many strangers from one network. */
export class DoorKeeper {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #most: number;
  readonly #mostStrangers: number;
  readonly #open = new Set<Closable>();
  readonly #strangers = new Map<string, number>();
  readonly #introduce = new Map<string, () => void>();

  constructor(clock: Pick<Clock, 'after'>, most: number, mostStrangers: number) {
    this.#clock = clock;
    this.#most = most;
    this.#mostStrangers = mostStrangers;
  }

  get open(): number {
    return this.#open.size;
  }

  /** Lets a new connection in as a stranger; false (and destroyed) when there are too many. */
  enter(connection: Closable): boolean {
    const from = network(connection.remoteAddress ?? 'gone');
    const strangers = this.#strangers.get(from) ?? 0;
    if (this.#open.size >= this.#most || strangers >= this.#mostStrangers) {
      connection.destroy();
      return false;
    }
    this.#open.add(connection);
    this.#strangers.set(from, strangers + 1);
    let stranger = true;
    const lostPatience = this.#clock.after(PATIENCE, () => connection.destroy());
    const known = () => {
      if (!stranger) return;
      stranger = false;
      lostPatience();
      const left = (this.#strangers.get(from) ?? 1) - 1;
      if (left > 0) this.#strangers.set(from, left);
      else this.#strangers.delete(from);
    };
    const key = keyOf(connection);
    this.#introduce.set(key, known);
    connection.once('close', () => {
      known();
      this.#introduce.delete(key);
      this.#open.delete(connection);
    });
    return true;
  }

  /** It has authenticated. Idempotent. */
  known(peer: Peer): void {
    this.#introduce.get(keyOf(peer))?.();
  }

  closeAll(): void {
    for (const connection of this.#open) connection.destroy();
  }
}

function keyOf({ remoteAddress, remotePort }: Peer): string {
  return `${remoteAddress} ${remotePort}`;
}
