import type { ApprovalDraft } from '../approval/state.ts';
import { NotPermitted } from '../base/errors.ts';
import type { Policy } from '../policy/decision.ts';
import type { IdentityRow } from '../store/store.ts';
import { approverWords } from './approver-words.ts';

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
  if (able.length >= draft.terms.approvals || policy.approversMayCome(draft.terms)) return;
  const who = approverWords(draft.terms).join(', ') || 'anyone with the role approver or owner';
  throw new NotPermitted('no_approver', `rule "${draft.rule}" wants an approval that nobody could give`, {
    why: `it asks ${draft.terms.approvals} of ${who}; ${able.length} such identities exist besides the requester`,
    next: 'an owner creates one: hoopctl identity create NAME --role approver',
    rule: draft.rule,
  });
}

function mayDecide(
  { card, endUserId, requesterId, terms }: Omit<ApprovalDraft, 'id'>,
  identity: IdentityRow,
  policy: Policy,
  now: number,
): boolean {
  if (identity.revokedAt !== undefined || Date.parse(identity.expiresAt ?? '') <= now) return false;
  const roles = [...identity.roles, ...policy.rolesOf(identity)];
  if (!roles.includes('approver') && !roles.includes('owner')) return false;
  if (identity.id === endUserId || identity.name === card.endUser) return false;
  const self = identity.id === requesterId || identity.name === card.requester;
  return (!self || terms.selfApproval) && policy.mayApprove(terms, identity);
}
