import type { Requester, Stated } from '../policy/decision.ts';
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

/** For recordings: `the requester says: OPS-42 · fix the plan`. */
export function statedWords({ reason, ticket }: Stated): string {
  const words = [ticket, reason].filter((one) => one !== undefined);
  return `the requester says: ${words.length === 0 ? 'nothing' : words.join(' · ')}`;
}

/** Without what is blank. */
export function statedBy({ reason, ticket }: Stated): Stated {
  return {
    ...(reason === undefined || reason.trim() === '' ? {} : { reason: reason.trim() }),
    ...(ticket === undefined || ticket.trim() === '' ? {} : { ticket: ticket.trim() }),
  };
}
