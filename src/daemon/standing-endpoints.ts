import type { EndpointEvent, StandingEndpoint } from '../api/endpoint-schemas.ts';
import type { Clock } from '../base/clock.ts';
import { Internal } from '../base/errors.ts';
import type { Endpoint } from './endpoint.ts';

/** How long a credential is good after it was last asked for, while no session uses it, in milliseconds. */
const LIFETIME = 15 * 60_000;
/** Clients ask again this much before its end. */
const EARLY = 60_000;

interface Standing {
  readonly ready: Extract<EndpointEvent, { type: 'ready' }>;
  readonly abort: AbortController;
  sessions: number;
  cancelExpiry: () => void;
}

/**
 * Endpoints that nobody holds open: for clients whose own configuration names a port and a program that fetches the
 * credential. Each lives a while after its credential was last asked for, and as long as a session uses it.
 */
export class StandingEndpoints {
  readonly #clock: Clock;
  readonly #standing = new Map<string, Standing>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The endpoint of these ids at this port, opened where there is none. Throws what `open` throws. */
  async lend(
    identityId: string,
    connectionId: string,
    port: number,
    open: (signal: AbortSignal) => Promise<Endpoint>,
  ): Promise<StandingEndpoint> {
    const known = this.#standing.get(keyOf(identityId, connectionId, port));
    const standing = known ?? (await this.#open(identityId, connectionId, open));
    this.#renew(standing);
    const { certificate = '', database, port: at, password, url } = standing.ready;
    return {
      url,
      port: at,
      certificate,
      database,
      token: password,
      expiresAt: new Date(this.#clock.now() + LIFETIME - EARLY).toISOString(),
    };
  }

  async #open(
    identityId: string,
    connectionId: string,
    open: (signal: AbortSignal) => Promise<Endpoint>,
  ): Promise<Standing> {
    const abort = new AbortController();
    const endpoint = await open(abort.signal);
    const events = endpoint.events[Symbol.asyncIterator]();
    const first = await events.next();
    if (first.done || first.value.type !== 'ready') {
      abort.abort();
      throw new Internal('endpoint_failed', 'the endpoint did not begin to serve');
    }
    const standing: Standing = { ready: first.value, abort, sessions: 0, cancelExpiry: () => {} };
    const key = keyOf(identityId, connectionId, first.value.port);
    this.#standing.set(key, standing);
    void follow(events, standing).finally(() => {
      standing.cancelExpiry();
      if (this.#standing.get(key) === standing) this.#standing.delete(key);
    });
    return standing;
  }

  #renew(standing: Standing): void {
    standing.cancelExpiry();
    standing.cancelExpiry = this.#clock.after(LIFETIME, () => {
      if (standing.sessions > 0) this.#renew(standing);
      else standing.abort.abort();
    });
  }
}

/** Reads an endpoint's events to their end, and counts its sessions. */
async function follow(events: AsyncIterator<EndpointEvent>, standing: Standing): Promise<void> {
  for (;;) {
    const { done, value } = await events.next();
    if (done) return;
    if (value.type === 'session-opened') standing.sessions += 1;
    if (value.type === 'session-closed') standing.sessions -= 1;
  }
}

function keyOf(identityId: string, connectionId: string, port: number): string {
  return `${identityId} ${connectionId} ${port}`;
}
