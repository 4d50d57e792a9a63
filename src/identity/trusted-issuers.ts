import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { LoginNeeded } from '../base/errors.ts';
import type { GetJson } from './bounded-get.ts';
import { type TokenExpectation, type VerifiedToken, verifyExternalToken } from './external-token.ts';
import { IssuerKeys } from './issuer-keys.ts';
import type { Issuer, SignInSource } from './issuer-schema.ts';
import { type LogoutToken, verifyLogoutToken } from './logout-token.ts';
import { claimedIssuer } from './signed-token.ts';

/** SHA-256 (hex) of an issuer's part of the policy: what was read by it counts as long as it stays the same. */
export function issuerHash(issuer: SignInSource): string {
  return createHash('sha256').update(JSON.stringify(issuer)).digest('hex');
}

/** The issuers of the applied policy, each with its keys. Mutable: the keys that are kept. */
export class TrustedIssuers {
  readonly #deps: {
    readonly clock: Clock;
    readonly getJson: GetJson;
    readonly issuers: () => readonly Issuer[];
  };
  readonly #keys = new Map<string, IssuerKeys>();

  constructor(deps: {
    readonly clock: Clock;
    readonly getJson: GetJson;
    readonly issuers: () => readonly Issuer[];
  }) {
    this.#deps = deps;
  }

  list(): readonly Issuer[] {
    return this.#deps.issuers();
  }

  /** Throws LoginNeeded `token_issuer` for one that the policy does not trust, and what verifying throws. */
  async verify(
    token: string,
    expected: Omit<TokenExpectation, 'now'>,
  ): Promise<{ readonly issuer: Issuer; readonly verified: VerifiedToken }> {
    const issuer = this.#issuerOf(token);
    const now = this.#deps.clock.now();
    const verified = await verifyExternalToken(token, issuer, this.#keysOf(issuer), { ...expected, now });
    return { issuer, verified };
  }

  /** Throws like `verify`, for a token by which an issuer says that somebody's session has ended. */
  async verifyLogout(token: string): Promise<{ readonly issuer: Issuer; readonly logout: LogoutToken }> {
    const issuer = this.#issuerOf(token);
    const logout = await verifyLogoutToken(token, issuer, this.#keysOf(issuer), this.#deps.clock.now());
    return { issuer, logout };
  }

  /** Where the issuer says who an access token stands for. Throws NotReachable `issuer_unreachable`. */
  userinfoOf(issuer: Issuer): Promise<string | undefined> {
    return this.#keysOf(issuer).userinfo();
  }

  /** Where the issuer says whether a token counts. Throws NotReachable `issuer_unreachable`. */
  introspectionOf(issuer: Issuer): Promise<string | undefined> {
    return this.#keysOf(issuer).introspection();
  }

  #issuerOf(token: string): Issuer {
    const claimed = claimedIssuer(token);
    const issuer = this.list().find((candidate) => candidate.issuer === claimed);
    if (issuer) return issuer;
    throw new LoginNeeded('token_issuer', 'the policy trusts no issuer of that name (iss)', {
      next: 'an owner adds it under identity, issuers in the policy',
    });
  }

  /** Kept while the issuer is described the same way; what is not trusted any more is dropped. */
  #keysOf(issuer: Issuer): IssuerKeys {
    const hash = issuerHash(issuer);
    const known = this.#keys.get(hash);
    if (known) return known;
    const trusted = new Set(this.list().map((each) => issuerHash(each)));
    for (const old of this.#keys.keys()) if (!trusted.has(old)) this.#keys.delete(old);
    const keys = new IssuerKeys(this.#deps, issuer);
    this.#keys.set(hash, keys);
    return keys;
  }
}
