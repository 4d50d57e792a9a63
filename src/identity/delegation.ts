import { NotPermitted, UsageError } from '../base/errors.ts';
import type { Policy } from '../policy/decision.ts';
import type { EndUser, IdentityRow, SignInCheck, Store } from '../store/store.ts';
import type { TokenBearer } from './token-bearer.ts';

/** How a machine comes to act for a person by its own word, where the policy lets it (`on_behalf_of`). */

interface DelegationDeps {
  readonly identities: Pick<Store['identities'], 'list'>;
  readonly policy: () => Policy | undefined;
}

/** A session token of a machine that says for whom it acts lives as long as one of an issuer may, in milliseconds. */
const DELEGATED_SESSION = 3_600_000;

/**
 * For whom the bearer of a token acts: whom the token names, or else whom the bearer itself does.
 * Throws UsageError `two_end_users`, NotPermitted `on_behalf_of`.
 */
export async function endUserOfBearer(
  deps: DelegationDeps,
  row: IdentityRow,
  bearer: TokenBearer,
  onBehalfOf: string | undefined,
): Promise<EndUser | undefined> {
  if (onBehalfOf === undefined) return bearer.endUser;
  if (bearer.endUser !== undefined) {
    throw new UsageError('two_end_users', 'the token itself says for whom it acts');
  }
  return assertedUser(deps, row, onBehalfOf);
}

/** The person for whom a machine says that it acts. Throws NotPermitted `on_behalf_of`. */
export async function assertedUser(
  { identities, policy }: DelegationDeps,
  machine: IdentityRow,
  person: string,
): Promise<EndUser> {
  const allowed = machine.kind === 'machine' && policy()?.mayActFor(machine, person);
  const known = allowed ? named(await identities.list(), person) : undefined;
  if (!allowed || known?.revokedAt !== undefined || known?.kind === 'machine') {
    throw new NotPermitted('on_behalf_of', `${machine.name} may not act for ${person}`, {
      next: 'an owner allows it under identity, on_behalf_of in the policy',
    });
  }
  // What an issuer once said of the person's groups is not said now.
  const groups = known && !known.origin ? known.groups : [];
  return { id: known?.id ?? `name:${person}`, name: person, groups, vouchedBy: 'asserted' };
}

/** What is known of the sign-in of a machine made here that acts for somebody; `now` in milliseconds. */
export function delegatedSignIn(machine: IdentityRow, endUser: EndUser, now: number): SignInCheck {
  return {
    issuerHash: '',
    roles: machine.roles,
    groups: machine.groups,
    endUser,
    authTime: undefined,
    acr: undefined,
    checkedAt: new Date(now).toISOString(),
    expiresAt: new Date(now + DELEGATED_SESSION).toISOString(),
  };
}

/** Who goes by a name, if somebody does. Throws NotPermitted `on_behalf_of` for one that is spelt otherwise. */
function named(identities: readonly IdentityRow[], person: string): IdentityRow | undefined {
  const folded = identities.filter(({ name }) => name.toLowerCase() === person.toLowerCase());
  const exact = folded.filter(({ name }) => name === person);
  const found = exact.find(({ revokedAt }) => revokedAt === undefined) ?? exact.at(-1);
  const [other] = folded;
  // Issuers' names have small letters: in others it would be somebody else, who could decide what it asks for.
  const spelt = found?.name ?? other?.name ?? (person.includes('@') ? person.toLowerCase() : person);
  if (spelt === person) return found;
  throw new NotPermitted('on_behalf_of', `nobody is called ${person}`, { next: `write it as ${spelt}` });
}
