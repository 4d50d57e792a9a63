import type { AuditLog } from '../audit/entry.ts';
import type { Clock } from '../base/clock.ts';
import { HoopError, UsageError } from '../base/errors.ts';
import type { SignInRow, Store } from '../store/store.ts';
import type { LogoutToken } from './logout-token.ts';
import { takeToken } from './one-time.ts';
import type { TrustedIssuers } from './trusted-issuers.ts';

export interface IssuerLogoutsDeps {
  readonly issuers: Pick<TrustedIssuers, 'verifyLogout'>;
  readonly identities: Pick<Store['identities'], 'find'>;
  readonly signIns: Pick<Store['signIns'], 'live' | 'end'>;
  readonly usedTokens: Store['usedTokens'];
  readonly audit: AuditLog;
  readonly clock: Pick<Clock, 'now'>;
  /** Ends what was opened by a sign-in. */
  readonly cut: (signIn: string, reason: string) => void;
}

/** Ends sign-ins because their issuer says so. */
export class IssuerLogouts {
  readonly #deps: IssuerLogoutsDeps;

  constructor(deps: IssuerLogoutsDeps) {
    this.#deps = deps;
  }

  /**
   * A logout token of an issuer (OpenID Connect Back-Channel Logout 1.0): answers how many sign-ins have ended.
   * Throws UsageError `bad_logout_token`, as the specification wants (400), NotReachable `issuer_unreachable`.
   */
  async logout(token: string): Promise<number> {
    const { clock, issuers, signIns, usedTokens } = this.#deps;
    const { issuer, logout } = await issuers.verifyLogout(token).catch((error: unknown) => {
      throw error instanceof HoopError && error.kind === 'login-needed' ? refused(error) : error;
    });
    const now = clock.now();
    if (!(await takeToken(usedTokens, issuer, `logout ${logout.id}`, logout.until, now))) {
      throw new UsageError('bad_logout_token', 'the logout token was sent before');
    }
    const live = await signIns.live(issuer.name, new Date(now).toISOString());
    const meant = live.filter((signIn) => isMeant(signIn, logout));
    for (const signIn of meant) await this.end(signIn, `the issuer ${issuer.name} ended the sign-in`);
    return meant.length;
  }

  /** Ends one sign-in and what was opened by it. */
  async end(signIn: SignInRow, why: string): Promise<void> {
    const { audit, clock, cut, identities, signIns } = this.#deps;
    const name = (await identities.find(signIn.identityId))?.name ?? signIn.identityId;
    const facts = { identity: signIn.identityId, signIn: signIn.id, issuer: signIn.issuerName, reason: why };
    audit.append({ kind: 'logout', actor: 'hoopctl', facts: { ...facts, name } });
    await signIns.end(signIn.id, new Date(clock.now()).toISOString());
    cut(signIn.id, why);
  }
}

/**
 * Section 2.6: with a `sid` that session alone has ended, without one all of the person's. A sign-in whose session
 * at the issuer nobody told could be the one.
 */
function isMeant({ issuerSession, subject }: SignInRow, logout: LogoutToken): boolean {
  if (logout.subject !== undefined && logout.subject !== subject) return false;
  if (logout.session === undefined || logout.session === issuerSession) return true;
  return issuerSession === undefined && logout.subject !== undefined;
}

function refused(cause: HoopError): UsageError {
  return new UsageError('bad_logout_token', 'the logout token does not count', {
    why: [cause.message, cause.why].filter(Boolean).join(': '),
    cause,
  });
}
