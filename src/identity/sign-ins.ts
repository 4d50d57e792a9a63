import type { AuditEntry, AuditLog } from '../audit/entry.ts';
import type { Clock } from '../base/clock.ts';
import { Conflict, LoginNeeded, NotPermitted, UsageError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Policy } from '../policy/decision.ts';
import type { EndUser, IdentityRow, SignInCheck, SignInRow, Store } from '../store/store.ts';
import type { CurrentIdentities } from './current.ts';
import { assertedUser, delegatedSignIn, endUserOfBearer } from './delegation.ts';
import type { VerifiedToken } from './external-token.ts';
import { identityOf } from './issuer-identity.ts';
import type { Issuer, SignInSource } from './issuer-schema.ts';
import type { Liveness } from './liveness.ts';
import { LastTokens, takeToken } from './one-time.ts';
import { authenticate, hashToken, newToken } from './token.ts';
import { bearerOf, type TokenBearer } from './token-bearer.ts';
import { issuerHash, type TrustedIssuers } from './trusted-issuers.ts';

export interface SignInsDeps {
  readonly identities: Store['identities'];
  readonly signIns: Store['signIns'];
  readonly usedTokens: Store['usedTokens'];
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly policy: () => Policy | undefined;
  readonly issuers: TrustedIssuers;
  readonly current: CurrentIdentities;
  readonly liveness: Pick<Liveness, 'begin'>;
}

/** An access token of the issuer beside the one that says who somebody is. */
interface AccessToken {
  readonly accessToken?: string | undefined;
  /** Seconds. */
  readonly accessTokenExpiresIn?: number | undefined;
}

/** What somebody shows to sign in. */
export interface TokenToExchange extends AccessToken {
  /** A token of a trusted issuer, or an identity's own token together with `onBehalfOf`. */
  readonly token: string;
  readonly nonce?: string | undefined;
  /** The name of the person for whom a machine says that it acts. */
  readonly onBehalfOf?: string | undefined;
}

export interface SignedIn {
  /** The session token, told this once; undefined when one was renewed. */
  readonly token: string | undefined;
  readonly identity: IdentityRow;
  readonly entry: AuditEntry;
}

/**
 * Before an issuer's token by which a client without hoopctl is known: with a blank, which no bearer token has (RFC
 * 6750, section 2.1), so that it counts for connections and never for the API.
 */
const NATIVE = 'native ';
/** How long ended sign-ins are kept for looking back, in milliseconds. */
const KEEP_ENDED = 86_400_000;

/** Exchanges tokens of trusted issuers for session tokens, renews them and ends them. */
export class SignIns {
  readonly #deps: SignInsDeps;
  readonly #lastTokens = new LastTokens();
  /** Sign-ins that begin by tokens which clients show themselves, by the token's hash. */
  readonly #beginning = new Map<string, Promise<IdentityRow>>();

  constructor(deps: SignInsDeps) {
    this.#deps = deps;
  }

  /** Throws LoginNeeded for a token that does not count, NotPermitted `on_behalf_of`, NotReachable `issuer_unreachable`. */
  async exchange(shown: TokenToExchange): Promise<SignedIn> {
    if (shown.token.startsWith('hpt_')) return this.#delegate(shown);
    return this.#exchange(shown, newToken());
  }

  /**
   * Whose token of an issuer it is that a client without hoopctl shows: by its first connection it signs in, by the
   * others it shows that sign-in, which ends with the token. Throws like `exchange` and `CurrentIdentities.current`.
   */
  async ofIssuerToken(token: string): Promise<IdentityRow> {
    const { current } = this.#deps;
    const native = `${NATIVE}${token}`;
    const key = hashToken(native);
    // A pool opens its connections at once; the token counts once.
    const begun = this.#beginning.get(key);
    if (begun) return current.current(await begun);
    const known = await current.ofSessionToken(native);
    if (known) return known;
    const again = this.#beginning.get(key);
    if (again) return current.current(await again);
    const beginning = this.#exchange({ token, accessToken: token }, native).then(({ identity }) => identity);
    this.#beginning.set(key, beginning);
    try {
      return await beginning;
    } finally {
      this.#beginning.delete(key);
    }
  }

  /** `sessionToken`: what the sign-in is known by; one that was made of the issuer's ends with it. */
  async #exchange(shown: TokenToExchange, sessionToken: string): Promise<SignedIn> {
    const { issuer, verified } = await this.#deps.issuers.verify(shown.token, { nonce: shown.nonce });
    const bearer = bearerOf(issuer, verified);
    await this.#takeToken(issuer, verified);
    const { once } = verified;
    const row = await identityOf(this.#deps, issuer, bearer);
    const endUser = await endUserOfBearer(this.#deps, row, bearer, shown.onBehalfOf);
    const alive = await this.#alive(issuer, bearer, verified, shown);
    const checked = { ...this.#checked(issuer, bearer, verified, endUser), ...alive };
    const own = sessionToken.startsWith(NATIVE);
    const ends = own
      ? Math.min(verified.until, Date.parse(checked.expiresAt))
      : Date.parse(checked.expiresAt);
    const until = { ...checked, expiresAt: new Date(ends).toISOString() };
    const signedIn = await this.#begin(row, issuer.name, until, sessionToken);
    if (signedIn.identity.signIn) this.#lastTokens.keep(signedIn.identity.signIn.id, once);
    return signedIn;
  }

  /**
   * Signs in whom another protocol (SAML) has proven; `source` is its part of the policy, `until` when its session
   * there ends (milliseconds).
   */
  async begin(
    source: SignInSource,
    bearer: TokenBearer,
    verified: Pick<VerifiedToken, 'authTime' | 'acr'> & { readonly until: number | undefined },
  ): Promise<SignedIn> {
    const row = await identityOf(this.#deps, source, bearer);
    const checked = this.#checked(source, bearer, verified, undefined);
    const lasts = Math.min(source.session, (verified.until ?? Infinity) - this.#deps.clock.now());
    return this.#begin(row, source.name, { ...checked, expiresAt: this.#after(lasts) });
  }

  /**
   * A fresh token of the same identity gives its session token more life and brings groups and roles up to date.
   * Throws like `exchange`, and NotPermitted `other_identity`.
   */
  async renew(caller: IdentityRow, shown: { readonly token: string } & AccessToken): Promise<SignedIn> {
    const { signIn } = caller;
    if (!signIn || !caller.origin) throw notSignedIn(caller);
    const { issuer, verified } = await this.#deps.issuers.verify(shown.token, {});
    const bearer = bearerOf(issuer, verified);
    const asserted = signIn.endUser?.vouchedBy === 'asserted' ? signIn.endUser : undefined;
    const sameEndUser = asserted ? bearer.endUser === undefined : bearer.endUser?.id === signIn.endUser?.id;
    if (bearer.id !== caller.id || issuer.name !== signIn.issuerName || !sameEndUser) {
      throw new NotPermitted('other_identity', 'the fresh token stands for somebody else', {
        next: 'hoopctl login',
      });
    }
    if (this.#lastTokens.is(signIn.id, verified.once)) return this.#asItIs(caller);
    await this.#takeToken(issuer, verified);
    const row = await identityOf(this.#deps, issuer, bearer);
    const alive = await this.#alive(issuer, bearer, verified, shown);
    const checked = {
      ...this.#checked(issuer, bearer, verified, asserted ?? bearer.endUser),
      // Who was asked for once is asked for as long as the sign-in lasts.
      liveness: signIn.liveness,
      ...alive,
    };
    if (!(await this.#deps.signIns.check(signIn.id, checked))) throw ended();
    this.#lastTokens.keep(signIn.id, verified.once);
    const identity = await this.#deps.current.current({ ...row, signIn });
    const entry = this.#audit('login.renewed', identity);
    return { token: undefined, identity, entry };
  }

  /** Within a second an issuer may give the very same token again: it gives its own sign-in nothing, and takes nothing. */
  async #asItIs(caller: IdentityRow): Promise<SignedIn> {
    const identity = await this.#deps.current.current(caller);
    return { token: undefined, identity, entry: this.#audit('login.renewed', identity) };
  }

  /** Throws Conflict `not_signed_in`. */
  async end(caller: IdentityRow): Promise<AuditEntry> {
    const { signIn } = caller;
    if (!signIn) throw notSignedIn(caller);
    const entry = this.#audit('logout', caller);
    await this.#deps.signIns.end(signIn.id, new Date(this.#deps.clock.now()).toISOString());
    return entry;
  }

  /** Throws LoginNeeded `token_used`: whoever finds a token in a log or a pipeline can do nothing with it. */
  async #takeToken(issuer: Issuer, { once, until }: VerifiedToken): Promise<void> {
    if (issuer.reusable_tokens) return;
    if (await takeToken(this.#deps.usedTokens, issuer, once, until, this.#deps.clock.now())) return;
    throw new LoginNeeded('token_used', 'the token was exchanged before, and counts once', {
      next: `get a fresh one; or an owner sets reusable_tokens: true for the issuer ${issuer.name} in the policy`,
    });
  }

  /**
   * What a sign-in keeps to be asked for; it then lasts no longer than its access token does. A person who cannot be
   * asked for, though the policy wants it, comes again soon: whom the issuer refuses by then is gone.
   */
  async #alive(
    issuer: Issuer,
    { identity }: TokenBearer,
    { subject, until }: VerifiedToken,
    { accessToken, accessTokenExpiresIn, token }: AccessToken & { readonly token: string },
  ): Promise<Partial<Pick<SignInCheck, 'liveness' | 'expiresAt'>>> {
    const liveness = await this.#deps.liveness.begin(issuer, {
      subject,
      kind: identity.kind,
      token,
      accessToken,
    });
    if (liveness === undefined) {
      const { check, unasked } = issuer.liveness;
      if (check === 'none' || identity.kind === 'machine') return {};
      return { expiresAt: this.#after(Math.min(issuer.session, unasked)) };
    }
    const counts =
      accessToken === undefined ? until - this.#deps.clock.now() : (accessTokenExpiresIn ?? Infinity) * 1000;
    const lasts = Math.min(issuer.session, counts);
    return { liveness, expiresAt: this.#after(lasts) };
  }

  #after(milliseconds: number): string {
    return new Date(this.#deps.clock.now() + milliseconds).toISOString();
  }

  /** A machine of this daemon says for whom it acts. */
  async #delegate({ token, onBehalfOf }: TokenToExchange): Promise<SignedIn> {
    const { clock, current, identities } = this.#deps;
    const row = await authenticate(token, identities, clock.now());
    if (onBehalfOf === undefined) {
      throw new UsageError('nothing_to_exchange', 'the token of a local identity is used as it is', {
        next: 'export HOOPCTL_TOKEN, or name the person with --on-behalf-of',
      });
    }
    const endUser = await assertedUser(this.#deps, current.withRoles(row), onBehalfOf);
    return this.#begin(row, '', delegatedSignIn(row, endUser, clock.now()));
  }

  async #begin(
    row: IdentityRow,
    issuerName: string,
    checked: SignInCheck,
    token = newToken(),
  ): Promise<SignedIn> {
    const { clock, current, signIns } = this.#deps;
    const now = clock.now();
    const signIn: SignInRow = {
      id: newId('si', now),
      identityId: row.id,
      tokenHash: hashToken(token),
      issuerName,
      createdAt: new Date(now).toISOString(),
      endedAt: undefined,
      ...checked,
    };
    const entry = this.#audit('login', { ...row, signIn });
    await signIns.create(signIn);
    await signIns.forget(new Date(now - KEEP_ENDED).toISOString());
    return { token, identity: await current.current({ ...row, signIn }), entry };
  }

  #checked(
    issuer: SignInSource,
    { groups, identity }: TokenBearer,
    verified: Pick<VerifiedToken, 'authTime' | 'acr'> & Partial<Pick<VerifiedToken, 'subject' | 'session'>>,
    endUser: EndUser | undefined,
  ): SignInCheck {
    const now = this.#deps.clock.now();
    const { acr, authTime, session, subject } = verified;
    return {
      issuerHash: issuerHash(issuer),
      roles: identity.roles,
      groups,
      endUser,
      authTime: authTime === undefined ? undefined : new Date(authTime).toISOString(),
      acr,
      subject,
      issuerSession: session,
      checkedAt: new Date(now).toISOString(),
      expiresAt: new Date(now + issuer.session).toISOString(),
    };
  }

  #audit(kind: 'login' | 'login.renewed' | 'logout', identity: IdentityRow): AuditEntry {
    const { signIn } = identity;
    return this.#deps.audit.append({
      kind,
      actor: identity.name,
      facts: {
        identity: identity.id,
        signIn: signIn?.id ?? null,
        issuer: signIn?.issuerName || null,
        ...(signIn?.endUser ? { endUser: signIn.endUser.name, vouchedBy: signIn.endUser.vouchedBy } : {}),
        groups: identity.groups,
      },
    });
  }
}

function notSignedIn(caller: IdentityRow): Conflict {
  return new Conflict('not_signed_in', `${caller.name} did not sign in through an issuer`, {
    next: 'a token that hoopctl gave is revoked by an owner: hoopctl identity revoke',
  });
}

function ended(): LoginNeeded {
  return new LoginNeeded('signed_out', 'this sign-in has ended', { next: 'hoopctl login' });
}
