import type { ApprovalDraft } from '../approval/state.ts';
import { NotPermitted } from '../base/errors.ts';
import type { Policy } from '../policy/decision.ts';
import { personOf } from '../policy/people.ts';
import { wantedOf } from '../policy/terms.ts';
import type { IdentityRow } from '../store/store.ts';
import { approverWords } from './approver-words.ts';
import { mayActForThem } from './deciders.ts';

/**
 * Waiting for someone who does not exist would only time out. Throws NotPermitted `no_approver` when fewer
 * people than the rule asks could ever decide; people whom an issuer vouches for may come at any time.
 */
export function requireApprover(
  draft: Omit<ApprovalDraft, 'id'>,
  identities: readonly IdentityRow[],
  policy: Policy,
  now: number,
): void {
  const able = identities.filter((identity) => mayDecide(draft, identity, policy, now));
  const people = new Set(able.map(({ name }) => personOf((one) => policy.namesOf(one), name)));
  const heard = able.flatMap((identity) => policy.standsFor(draft.terms, identity));
  const unheard = [...wantedOf(draft.terms)].filter(
    ([one, wanted]) => heard.filter((other) => other === one).length < wanted,
  );
  const enough = people.size >= draft.terms.approvals && unheard.length === 0;
  if (enough || policy.approversMayCome(draft.terms)) return;
  const who = approverWords(draft.terms).join(', ') || 'anyone with the role approver or owner';
  throw new NotPermitted('no_approver', `rule "${draft.rule}" wants an approval that nobody could give`, {
    why: `it asks ${draft.terms.approvals} of ${who}; ${people.size} such people exist besides the requester`,
    next: 'an owner creates one: hoopctl identity create NAME --role approver',
    rule: draft.rule,
  });
}

function mayDecide(
  draft: Omit<ApprovalDraft, 'id'>,
  identity: IdentityRow,
  policy: Policy,
  now: number,
): boolean {
  const { card, endUserId, requesterId, terms } = draft;
  if (mayActForThem(draft, identity, policy)) return false;
  if (identity.revokedAt !== undefined || Date.parse(identity.expiresAt ?? '') <= now) return false;
  const roles = [...identity.roles, ...policy.rolesOf(identity)];
  if (!roles.includes('approver') && !roles.includes('owner')) return false;
  const names = policy.namesOf(identity.name);
  if (identity.id === endUserId || (card.endUser !== undefined && names.has(card.endUser))) return false;
  const self = identity.id === requesterId || names.has(card.requester);
  return (!self || terms.selfApproval) && policy.mayApprove(terms, identity);
}
