import type { AuditLog } from '../audit/entry.ts';
import type { Clock } from '../base/clock.ts';
import { LoginNeeded } from '../base/errors.ts';
import { authenticate } from '../identity/token.ts';
import type { Store } from '../store/store.ts';
import type { TokenHolder } from './api-server.ts';
import type { Bootstrap } from './bootstrap.ts';

/** An identity that was quiet for this long logs in anew, as far as the audit log goes. In milliseconds. */
const LOGIN_AGAIN = 60 * 60 * 1000;
/** Failed calls that are audited in a minute; the rest are counted, so that a flood does not fill the disk. */
const FAILURES_PER_MINUTE = 20;
const MINUTE = 60_000;

export interface AuthenticatorDeps {
  readonly identities: Store['identities'];
  readonly bootstrap: Bootstrap;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** Whose token it is, for every call; logins and failures are audited. Throws LoginNeeded. */
export function createAuthenticator(deps: AuthenticatorDeps): (token: string) => Promise<TokenHolder> {
  const { audit, bootstrap, clock, identities } = deps;
  const seen = new Map<string, number>();
  let minute = { began: Number.NEGATIVE_INFINITY, failures: 0 };

  function failed(error: unknown): void {
    const now = clock.monotonic();
    if (now - minute.began >= MINUTE) {
      const unwritten = minute.failures - FAILURES_PER_MINUTE;
      if (unwritten > 0) audit.append({ kind: 'login.failed', actor: 'unknown', facts: { more: unwritten } });
      minute = { began: now, failures: 0 };
    }
    minute.failures += 1;
    if (minute.failures > FAILURES_PER_MINUTE) return;
    const code = error instanceof LoginNeeded ? error.code : 'unexpected';
    audit.append({ kind: 'login.failed', actor: 'unknown', facts: { code } });
  }

  return async (token) => {
    if (bootstrap.matches(token)) return { kind: 'bootstrap' };
    try {
      const identity = await authenticate(token, identities, clock.now());
      const now = clock.monotonic();
      if (now - (seen.get(identity.id) ?? Number.NEGATIVE_INFINITY) >= LOGIN_AGAIN) {
        audit.append({ kind: 'login', actor: identity.name, facts: { identity: identity.id } });
      }
      seen.set(identity.id, now);
      return { kind: 'identity', identity };
    } catch (error) {
      if (error instanceof LoginNeeded) failed(error);
      throw error;
    }
  };
}
