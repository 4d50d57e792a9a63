import type { Route } from '../api/routes.ts';
import { HoopError, Internal, LoginNeeded } from '../base/errors.ts';
import { changeOfIdentity } from '../session/recheck.ts';
import type { IdentityRow } from '../store/store.ts';
import { requireRole } from './authorize.ts';

/** A stream of the API that is being read. */
export interface OpenStream {
  /** Fires when its reader may read no more; its reason is the HoopError that says why. */
  readonly signal: AbortSignal;
  /** It has ended by itself. */
  close(): void;
}

interface Reading {
  readonly identity: IdentityRow;
  readonly route: Pick<Route, 'allow'>;
  readonly ending: AbortController;
}

/**
 * The streams that identities read. Who may begin to read was asked when the stream was opened; it is asked again
 * as long as it is open, as it is for sessions. Mutable.
 */
export class OpenStreams {
  readonly #open = new Set<Reading>();

  open(route: Reading['route'], identity: IdentityRow): OpenStream {
    const reading = { identity, route, ending: new AbortController() };
    this.#open.add(reading);
    return { signal: reading.ending.signal, close: () => this.#open.delete(reading) };
  }

  /** Sign-ins of their readers. */
  signIns(): readonly string[] {
    return [...this.#open].flatMap(({ identity }) => identity.signIn?.id ?? []);
  }

  /** Ends those of a sign-in. */
  end(signIn: string, reason: string): void {
    for (const reading of this.#open) {
      if (reading.identity.signIn?.id !== signIn) continue;
      reading.ending.abort(new LoginNeeded('signed_out', reason, { next: 'hoopctl login' }));
    }
  }

  /** Ends those whose readers are not who they were, or may not read them any more. Never rejects. */
  async recheck(current: (known: IdentityRow) => Promise<IdentityRow>): Promise<void> {
    await Promise.all(
      [...this.#open].map(async ({ ending, identity, route }) => {
        try {
          const now = await current(identity);
          requireRole(route, now);
          const change = changeOfIdentity(identity, now);
          if (change !== undefined) throw new LoginNeeded('identity_changed', change, { retryable: true });
        } catch (error) {
          const why = error instanceof HoopError ? error : undefined;
          ending.abort(why ?? new Internal('unexpected', 'the reader of the stream could not be checked'));
        }
      }),
    );
  }
}
