/**
 * Watches over one endpoint's door: how many clients may be half-way in, and how long a failed login waits
 * for its answer. One for all sockets of an endpoint.
 */
export class LoginGuard {
  readonly #mostWaiting: number;
  /** Clients that have not authenticated yet, oldest first, with what cuts each off. */
  readonly #waiting = new Set<() => void>();
  #failures = 0;

  constructor(mostWaiting = MOST_WAITING) {
    this.#mostWaiting = mostWaiting;
  }

  /**
   * Lets a socket begin its handshake; the result ends its waiting and must be called. When too many wait, the
   * one that has waited longest is cut off: an honest client is through in milliseconds.
   */
  enter(cutOff: () => void): () => void {
    // A wrapper of its own, so that the same function given twice counts twice.
    const entry = () => cutOff();
    this.#waiting.add(entry);
    if (this.#waiting.size > this.#mostWaiting) {
      const [oldest] = this.#waiting;
      if (oldest !== undefined) {
        this.#waiting.delete(oldest);
        oldest();
      }
    }
    return () => this.#waiting.delete(entry);
  }

  /** A login failed; milliseconds to wait before it is said so. Grows with every failure in a row. */
  failed(): number {
    const delay = Math.min(FIRST_DELAY_MS * 2 ** Math.min(this.#failures, 20), LONGEST_DELAY_MS);
    this.#failures += 1;
    return delay;
  }

  succeeded(): void {
    this.#failures = 0;
  }
}

/** Handshakes under way at once on one endpoint. */
const MOST_WAITING = 100;
const FIRST_DELAY_MS = 50;
/** Below the handshake's deadline, so that the client still gets its answer. */
const LONGEST_DELAY_MS = 5000;

const guards = new WeakMap<object, LoginGuard>();

/** The guard that belongs to an endpoint's credentials, the same one each time. */
export function guardOf(credentials: object): LoginGuard {
  let guard = guards.get(credentials);
  if (guard === undefined) {
    guard = new LoginGuard();
    guards.set(credentials, guard);
  }
  return guard;
}
