import { NotPermitted } from '../base/errors.ts';
import type { ApprovalRequest } from './request.ts';

/** Who decides. The policy's and the roles' say come in as facts. */
export interface Decider {
  readonly id: string;
  readonly name: string;
  /** Every name of the same person. */
  readonly names?: ReadonlySet<string>;
  /** Decides for another person, by what it says or its token. */
  readonly delegated?: boolean;
  /** A machine that may say that it acts for whoever asks, or for whom that acts, whether it says so now or not. */
  readonly mayActForThem?: boolean;
  /** Has the role approver or owner. */
  readonly hasRole: boolean;
  /** `Policy.mayApprove` for the request's terms. */
  readonly amongApprovers: boolean;
  /** `Policy.standsFor` for the request's terms. */
  readonly standsFor?: readonly string[];
}

/** A name of this person, of whichever of its identities; no two are told apart by capitals alone. */
export function goesBy({ name, names }: Decider, other: string): boolean {
  return [name, ...(names ?? [])].some((one) => one.toLowerCase() === other.toLowerCase());
}

/**
 * Keeps out who has no say in a request, whatever its state. Throws NotPermitted `delegated_decision`,
 * `self_approval`, `role_missing`, `not_an_approver`.
 *
 * The same name counts as the same person: an identity created again under it gains nothing.
 */
export function refuseStranger(request: ApprovalRequest, decider: Decider): void {
  if (decider.delegated) {
    throw new NotPermitted(
      'delegated_decision',
      `${decider.name} acts for somebody else and decides for nobody`,
      {
        next: 'decide with a sign-in of your own',
      },
    );
  }
  const { endUser, requester } = request.card;
  if (decider.mayActForThem) {
    throw new NotPermitted(
      'delegated_decision',
      `${decider.name} may act for ${endUser ?? requester}, so it decides nothing of theirs`,
      { rule: request.rule, next: 'ask another approver' },
    );
  }
  if (decider.id === request.endUserId || (endUser !== undefined && goesBy(decider, endUser))) {
    throw new NotPermitted('self_approval', 'the statement runs for you, so you cannot decide it', {
      rule: request.rule,
      next: 'ask another approver',
    });
  }
  const own = decider.id === request.requesterId || goesBy(decider, requester);
  if (own && !request.terms.selfApproval) {
    throw new NotPermitted('self_approval', 'you cannot decide your own statement', {
      rule: request.rule,
      next: 'ask another approver',
    });
  }
  if (!decider.hasRole) {
    throw new NotPermitted('role_missing', `${decider.name} has neither the role approver nor owner`, {
      next: 'an owner creates an approver: hoopctl identity create NAME --role approver',
    });
  }
  if (!decider.amongApprovers) {
    throw new NotPermitted(
      'not_an_approver',
      `rule "${request.rule}" does not name ${decider.name} as an approver`,
      {
        rule: request.rule,
        next: `it may be decided by ${approverWords(request)}`,
      },
    );
  }
}

function approverWords(request: ApprovalRequest): string {
  const lists = [request.terms.approvers, ...(request.terms.alsoAdmittedBy ?? [])];
  return lists.flat().join(' or ') || 'anyone with the role approver or owner';
}
