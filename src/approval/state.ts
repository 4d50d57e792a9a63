import { ApprovalPending, Conflict, NotPermitted, UsageError } from '../base/errors.ts';
import type { ApprovalDecision, ApprovalRequest, ApprovalStatus } from './request.ts';

/**
 * The life of a request: pending -> approved | denied | expired | withdrawn, approved -> used | expired |
 * withdrawn. Every function takes a request and gives the next one, its version one higher, or throws why not;
 * the store's compare-and-set on the version settles races.
 */

/** What a request is made of before anybody decided. */
export type ApprovalDraft = Omit<
  ApprovalRequest,
  'createdAt' | 'expiresAt' | 'status' | 'decisions' | 'endReason' | 'version'
>;

/** Who decides. The policy's and the roles' say come in as facts. */
export interface Decider {
  readonly id: string;
  readonly name: string;
  /** Every name of the same person. */
  readonly names?: ReadonlySet<string>;
  /** Decides for another person, by what it says or its token. */
  readonly delegated?: boolean;
  /** Has the role approver or owner. */
  readonly hasRole: boolean;
  /** `Policy.mayApprove` for the request's terms. */
  readonly amongApprovers: boolean;
}

export interface Vote {
  readonly decision: 'approve' | 'deny';
  readonly reason: string | undefined;
  /** The version of the card that the decider was shown. */
  readonly version: number;
}

/** A new pending request; `now` is the wall clock in milliseconds. */
export function openRequest(draft: ApprovalDraft, now: number): ApprovalRequest {
  return {
    ...draft,
    createdAt: new Date(now).toISOString(),
    expiresAt: new Date(now + draft.terms.expires).toISOString(),
    status: 'pending',
    decisions: [],
    endReason: undefined,
    version: 1,
  };
}

/**
 * Counts one vote: a denial ends the request, an approval ends it when enough different people gave one.
 * Throws NotPermitted `self_approval`, `delegated_decision`, `role_missing`, `not_an_approver`; UsageError `reason_required`;
 * Conflict `approval_not_pending`, `already_decided`, `approval_changed`; ApprovalPending `approval_expired`.
 */
export function decideRequest(
  request: ApprovalRequest,
  decider: Decider,
  vote: Vote,
  now: number,
): ApprovalRequest {
  refuseStranger(request, decider);
  const reason = vote.reason?.trim() || undefined;
  if (vote.decision === 'deny' && reason === undefined) {
    throw new UsageError('reason_required', 'a denial needs a reason', {
      next: `hoopctl deny ${request.id} --reason TEXT`,
    });
  }
  refuseWhenOver(request, now);
  if (request.decisions.some((earlier) => earlier.by === decider.id || goesBy(decider, earlier.byName))) {
    throw new Conflict('already_decided', `you have decided ${request.id} before; another person is needed`);
  }
  if (vote.version !== request.version) {
    throw new Conflict('approval_changed', `${request.id} changed since it was shown`, {
      next: `look again: hoopctl approve ${request.id}`,
      retryable: true,
    });
  }
  const decision: ApprovalDecision = {
    by: decider.id,
    byName: decider.name,
    decision: vote.decision,
    reason,
    at: new Date(now).toISOString(),
  };
  const decisions = [...request.decisions, decision];
  if (vote.decision === 'deny') return next(request, { status: 'denied', decisions, endReason: reason });
  const approved = decisions.length >= request.terms.approvals;
  return next(request, { status: approved ? 'approved' : 'pending', decisions });
}

/** Why this decider may not decide it now, in words; undefined when it may. For lists and cards. */
export function mayNotDecide(request: ApprovalRequest, decider: Decider, now: number): string | undefined {
  try {
    decideRequest(
      request,
      decider,
      { decision: 'approve', reason: undefined, version: request.version },
      now,
    );
    return undefined;
  } catch (error) {
    if (error instanceof Error) return error.message;
    throw error;
  }
}

/** Ends a request whose time is over, approved or not; undefined when there is nothing to end. */
export function expireRequest(request: ApprovalRequest, now: number): ApprovalRequest | undefined {
  if (isEnded(request.status) || now < Date.parse(request.expiresAt)) return undefined;
  return next(request, { status: 'expired', endReason: 'nobody decided in time' });
}

/** Ends a request whatever its time: after a restart its statement is held by nobody. */
export function abandonRequest(request: ApprovalRequest, reason: string): ApprovalRequest | undefined {
  return isEnded(request.status) ? undefined : next(request, { status: 'expired', endReason: reason });
}

/** The requester or its session went away: undefined when the request had ended before. */
export function withdrawRequest(request: ApprovalRequest, reason: string): ApprovalRequest | undefined {
  return isEnded(request.status) ? undefined : next(request, { status: 'withdrawn', endReason: reason });
}

/**
 * Spends an approval: the held bytes may go, this once. Throws Conflict `approval_not_approved` unless it is
 * approved and unused, ApprovalPending `approval_expired` when its time is over.
 */
export function spendApproval(request: ApprovalRequest, now: number): ApprovalRequest {
  if (request.status !== 'approved') {
    throw new Conflict('approval_not_approved', `${request.id} is ${request.status}, so nothing runs`);
  }
  if (now >= Date.parse(request.expiresAt)) throw expired(request);
  return next(request, { status: 'used' });
}

/** True when nothing can change the request any more. */
export function isEnded(status: ApprovalStatus): boolean {
  switch (status) {
    case 'pending':
    case 'approved':
      return false;
    case 'denied':
    case 'expired':
    case 'withdrawn':
    case 'used':
      return true;
    default:
      return status satisfies never;
  }
}

/** A name of this person, of whichever of its identities. */
function goesBy({ name, names }: Decider, other: string): boolean {
  return name === other || names?.has(other) === true;
}

/** The same name counts as the same person: an identity created again under it gains nothing. */
function refuseStranger(request: ApprovalRequest, decider: Decider): void {
  if (decider.delegated) {
    throw new NotPermitted(
      'delegated_decision',
      `${decider.name} acts for somebody else and decides for nobody`,
      {
        next: 'decide with a sign-in of your own',
      },
    );
  }
  const { endUser } = request.card;
  if (decider.id === request.endUserId || (endUser !== undefined && goesBy(decider, endUser))) {
    throw new NotPermitted('self_approval', 'the statement runs for you, so you cannot decide it', {
      rule: request.rule,
      next: 'ask another approver',
    });
  }
  const own = decider.id === request.requesterId || goesBy(decider, request.card.requester);
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

function refuseWhenOver(request: ApprovalRequest, now: number): void {
  if (request.status !== 'pending') {
    const last = request.decisions.at(-1);
    const by =
      last && (request.status === 'approved' || request.status === 'denied') ? ` by ${last.byName}` : '';
    throw new Conflict('approval_not_pending', `${request.id} is already ${request.status}${by}`);
  }
  if (now >= Date.parse(request.expiresAt)) throw expired(request);
}

function expired(request: ApprovalRequest): ApprovalPending {
  return new ApprovalPending('approval_expired', `${request.id} expired at ${request.expiresAt}`, {
    next: 'the requester sends the statement again',
  });
}

function approverWords(request: ApprovalRequest): string {
  const lists = [request.terms.approvers, ...(request.terms.alsoAdmittedBy ?? [])];
  return lists.map((list) => list.join(' or ')).join(', and ') || 'anyone with the role approver or owner';
}

function next(request: ApprovalRequest, change: Partial<ApprovalRequest>): ApprovalRequest {
  return { ...request, ...change, version: request.version + 1 };
}
