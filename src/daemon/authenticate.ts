import type { AuditLog } from '../audit/entry.ts';
import type { Clock } from '../base/clock.ts';
import { LoginNeeded } from '../base/errors.ts';
import type { CurrentIdentities } from '../identity/current.ts';
import { authenticate } from '../identity/token.ts';
import type { IdentityRow, Store } from '../store/store.ts';
import type { CallPeer } from './api-server.ts';
import type { TokenHolder } from './authorize.ts';
import type { Bootstrap } from './bootstrap.ts';
import type { LoginFailures } from './login-failures.ts';

/** An identity that was quiet for this long logs in anew, as far as the audit log goes. In milliseconds. */
const LOGIN_AGAIN = 60 * 60 * 1000;

export interface AuthenticatorDeps {
  readonly identities: Store['identities'];
  readonly current: CurrentIdentities;
  /** Throws LoginNeeded for somebody whom its issuer does not know any more. */
  readonly requireAlive: (identity: IdentityRow) => Promise<void>;
  readonly bootstrap: Bootstrap;
  readonly audit: AuditLog;
  readonly loginFailures: LoginFailures;
  readonly clock: Clock;
}

/**
 * Whose token it is, for every call: an identity's own or the session token of one that signed in. Logins and
 * failures are audited. Throws LoginNeeded.
 */
export function createAuthenticator(
  deps: AuthenticatorDeps,
): (token: string, from: CallPeer) => Promise<TokenHolder> {
  const { audit, bootstrap, clock, current, identities, loginFailures } = deps;
  const seen = new Map<string, number>();

  async function identityOf(token: string): Promise<IdentityRow> {
    const signedIn = await current.ofSessionToken(token);
    // Signing in has been audited.
    if (signedIn) {
      await deps.requireAlive(signedIn);
      return signedIn;
    }
    const identity = current.withRoles(await authenticate(token, identities, clock.now()));
    const now = clock.monotonic();
    if (now - (seen.get(identity.id) ?? Number.NEGATIVE_INFINITY) >= LOGIN_AGAIN) {
      audit.append({ kind: 'login', actor: identity.name, facts: { identity: identity.id } });
    }
    seen.set(identity.id, now);
    return identity;
  }

  return async (token, { remoteAddress }) => {
    if (bootstrap.matches(token)) return { kind: 'bootstrap' };
    try {
      return { kind: 'identity', identity: await identityOf(token) };
    } catch (error) {
      if (error instanceof LoginNeeded)
        loginFailures.add({ code: error.code, address: remoteAddress ?? 'local' });
      throw error;
    }
  };
}
