import type { SessionDesk } from '../../session/desk.ts';
import type { Status } from './status.ts';

/** How long a session waits for the next connection of its client: each request of kubectl may have one of its own. */
const LINGER_MS = 1500;

/**
 * One requester's session: the requests of all connections of one endpoint, side by side, in one recording. It ends
 * a moment after the last connection, or when it is cut.
 */
export class KubernetesSession {
  readonly desk: SessionDesk;
  readonly clientAddress: string;
  /** Upgrades that were just refused, by request target. */
  readonly refusals = new Map<string, Status>();
  readonly #ended: () => void;
  readonly #cutters = new Set<(reason: string) => void>();
  #connections = 0;
  #requests = 0;
  #linger: NodeJS.Timeout | undefined;
  #over = false;

  constructor(desk: SessionDesk, clientAddress: string, ended: () => void) {
    this.desk = desk;
    this.clientAddress = clientAddress;
    this.#ended = ended;
    desk.onCut((reason) => this.#cut(reason));
  }

  get over(): boolean {
    return this.#over;
  }

  /** A number for the next request. */
  nextRequest(): number {
    return ++this.#requests;
  }

  /** Told when the session is cut; answers how to stop listening. */
  onCut(listener: (reason: string) => void): () => void {
    this.#cutters.add(listener);
    return () => this.#cutters.delete(listener);
  }

  /** A connection serves this session; answers what to call when it has closed. */
  enter(): () => void {
    clearTimeout(this.#linger);
    this.#connections++;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#connections--;
      if (this.#connections > 0 || this.#over) return;
      this.#linger = setTimeout(() => this.#close('closed by the client'), LINGER_MS);
      this.#linger.unref();
    };
  }

  #cut(reason: string): void {
    for (const cutter of [...this.#cutters]) cutter(reason);
    this.#close(reason);
  }

  #close(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#linger);
    this.#ended();
    void this.desk.close(reason);
  }
}
