import type { Clock } from '../base/clock.ts';
import { LoginNeeded } from '../base/errors.ts';
import type { Policy } from '../policy/decision.ts';
import type { IdentityRow, SignInRow, Store } from '../store/store.ts';
import type { SignInSource } from './issuer-schema.ts';
import { ROLES } from './roles.ts';
import { hashToken, requireLive } from './token.ts';
import { issuerHash } from './trusted-issuers.ts';

export interface CurrentIdentitiesDeps {
  readonly identities: Pick<Store['identities'], 'find'>;
  readonly signIns: Pick<Store['signIns'], 'find' | 'byTokenHash'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly policy: () => Policy | undefined;
}

/** Who an identity is at this moment: revocation, expiry, groups and roles as they stand, whatever a caller holds. */
export class CurrentIdentities {
  readonly #deps: CurrentIdentitiesDeps;

  constructor(deps: CurrentIdentitiesDeps) {
    this.#deps = deps;
  }

  /**
   * The same identity as it is now. Throws LoginNeeded `token_revoked`, `token_expired`, `token_wrong`,
   * `signed_out`, `issuer_changed`, `delegation_changed`.
   */
  async current(known: IdentityRow): Promise<IdentityRow> {
    const signIn = known.signIn && (await this.#deps.signIns.find(known.signIn.id));
    if (known.signIn && !signIn) throw signedOut();
    return this.#identity(known.id, known.name, signIn);
  }

  /** Whose session token that is; undefined when it is none. Throws like `current`. */
  async ofSessionToken(token: string): Promise<IdentityRow | undefined> {
    const signIn = await this.#deps.signIns.byTokenHash(hashToken(token));
    return signIn && this.#identity(signIn.identityId, 'this token', signIn);
  }

  /** With the roles that the policy gives. */
  withRoles(identity: IdentityRow): IdentityRow {
    const given = this.#deps.policy()?.rolesOf(identity) ?? [];
    const roles = ROLES.filter((role) => identity.roles.includes(role) || given.includes(role));
    return { ...identity, roles };
  }

  async #identity(id: string, name: string, signIn: SignInRow | undefined): Promise<IdentityRow> {
    const row = await this.#deps.identities.find(id);
    if (!row) throw new LoginNeeded('token_wrong', `the identity of ${name} no longer exists`);
    requireLive(row, this.#deps.clock.now());
    if (!signIn) {
      // One of an issuer comes with a sign-in or not at all.
      if (row.origin) throw signedOut();
      return this.withRoles(row);
    }
    this.#requireSignIn(row, signIn);
    await this.#requireEndUser(row, signIn);
    const own = row.origin ? { roles: signIn.roles, groups: signIn.groups } : {};
    const expiresAt = earlier(row.expiresAt, signIn.expiresAt);
    return this.withRoles({ ...row, ...own, expiresAt, signIn });
  }

  /**
   * Nobody acts for a person who was removed here, whoever vouched for it: by its identity, and by its name where a
   * machine named it before it ever came.
   */
  async #requireEndUser({ name }: IdentityRow, { endUser }: SignInRow): Promise<void> {
    if (endUser === undefined) return;
    const { identities } = this.#deps;
    const byId = await identities.find(endUser.id);
    const named = endUser.vouchedBy === 'asserted' ? await identities.find(endUser.name) : undefined;
    const person = byId?.id === endUser.id ? byId : named;
    if (person === undefined) return;
    try {
      requireLive(person, this.#deps.clock.now());
    } catch (cause) {
      if (!(cause instanceof LoginNeeded)) throw cause;
      throw new LoginNeeded('delegation_changed', `${name} may no longer act for ${person.name}`, {
        why: 'that identity was revoked, or has expired',
        cause,
      });
    }
  }

  #requireSignIn(row: IdentityRow, signIn: SignInRow): void {
    if (signIn.endedAt !== undefined) throw signedOut();
    if (!(this.#deps.clock.now() < Date.parse(signIn.expiresAt))) {
      throw new LoginNeeded(
        'token_expired',
        `the sign-in of ${row.name} expired at ${signIn.expiresAt}`,
        again,
      );
    }
    const policy = this.#deps.policy();
    if (row.origin) {
      const issuer = sourceNamed(policy, signIn.issuerName);
      if (!issuer || issuerHash(issuer) !== signIn.issuerHash) {
        throw new LoginNeeded(
          'issuer_changed',
          `the policy changed what it says of the issuer of ${row.name}`,
          again,
        );
      }
    }
    const { endUser } = signIn;
    if (
      endUser?.vouchedBy !== 'asserted' ||
      policy?.mayActFor(row.origin ? { ...row, groups: signIn.groups } : row, endUser.name)
    )
      return;
    throw new LoginNeeded('delegation_changed', `${row.name} may no longer act for ${endUser.name}`, again);
  }
}

/** The issuer or SAML provider of that name in the policy. */
export function sourceNamed(policy: Policy | undefined, name: string): SignInSource | undefined {
  return [...(policy?.issuers ?? []), ...(policy?.saml ?? [])].find((source) => source.name === name);
}

const again = { next: 'hoopctl login' };

function signedOut(): LoginNeeded {
  return new LoginNeeded('signed_out', 'this sign-in has ended', again);
}

function earlier(a: string | undefined, b: string): string {
  return a !== undefined && Date.parse(a) < Date.parse(b) ? a : b;
}
