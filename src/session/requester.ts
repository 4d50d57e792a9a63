import type { Requester } from '../policy/decision.ts';
import type { EndUser, IdentityRow } from '../store/store.ts';

/** An identity as policy sees it, with the person for whom it acts. */
export function requesterOf(identity: IdentityRow): Requester {
  const { groups, id, name } = identity;
  const endUser = endUserOf(identity);
  return { id, name, groups, ...(endUser === undefined ? {} : { endUser }) };
}

/** The person for whom a machine acts in this sign-in. */
export function endUserOf(identity: IdentityRow): EndUser | undefined {
  return identity.signIn?.endUser;
}
