import { ApprovalPending, Conflict, UsageError } from '../base/errors.ts';
import type { ApprovalTerms } from '../policy/decision.ts';
import { wantedOf } from '../policy/terms.ts';
import type { ApprovalDecision, ApprovalRequest, ApprovalStatus } from './request.ts';
import { type Decider, goesBy, refuseStranger } from './stranger.ts';

/**
 * The life of a request: pending -> approved | denied | expired | withdrawn, approved -> used | expired |
 * withdrawn. Every function takes a request and gives the next one, its version one higher, or throws why not;
 * the store's compare-and-set on the version settles races.
 */

/** What a request is made of before anybody decided. */
export type ApprovalDraft = Omit<
  ApprovalRequest,
  'createdAt' | 'expiresAt' | 'status' | 'decisions' | 'comments' | 'endReason' | 'version'
>;

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
    comments: [],
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
    ...(decider.standsFor?.length ? { standsFor: decider.standsFor } : {}),
    decision: vote.decision,
    reason,
    at: new Date(now).toISOString(),
  };
  const decisions = [...request.decisions, decision];
  if (vote.decision === 'deny') return next(request, { status: 'denied', decisions, endReason: reason });
  if (!isEnough(request.terms, decisions)) return next(request, { decisions });
  // Nobody waits for a request that was made ahead: from here it has the time again to be run in.
  const expiresAt = new Date(now + request.terms.expires).toISOString();
  return next(request, { status: 'approved', decisions, ...(request.ahead ? { expiresAt } : {}) });
}

/** As many as are asked for, and for each thing that is wanted as many as for that. */
export function isEnough(
  terms: ApprovalTerms,
  given: readonly { readonly standsFor?: readonly string[] | undefined }[],
): boolean {
  const each = [...wantedOf(terms)].every(
    ([one, wanted]) => given.filter(({ standsFor }) => standsFor?.includes(one)).length >= wanted,
  );
  return each && given.length >= terms.approvals;
}

/** How many approvals it takes at the least: where several rules ask, more people may be needed than any of them wants. */
export function approvalsNeeded({ decisions, status, terms }: ApprovalRequest): number {
  return Math.max(terms.approvals, status === 'pending' ? decisions.length + 1 : 0);
}

/** A comment's longest text, in UTF-16 code units, and how many a request takes: an approver reads them all. */
const LONGEST_COMMENT = 1000;
const MOST_COMMENTS = 20;

/**
 * What an approver says without deciding. Throws NotPermitted as `decideRequest` does, Conflict
 * `approval_not_pending` and `too_many_comments`, UsageError `bad_comment`, ApprovalPending `approval_expired`.
 */
export function commentRequest(
  request: ApprovalRequest,
  decider: Decider,
  text: string,
  now: number,
): ApprovalRequest {
  refuseStranger(request, decider);
  const said = text.trim();
  if (said === '' || said.length > LONGEST_COMMENT) {
    throw new UsageError('bad_comment', `a comment has 1 to ${LONGEST_COMMENT} characters`);
  }
  refuseWhenOver(request, now);
  if (request.comments.length >= MOST_COMMENTS) {
    throw new Conflict('too_many_comments', `${request.id} has ${MOST_COMMENTS} comments already`);
  }
  const comment = { by: decider.id, byName: decider.name, text: said, at: new Date(now).toISOString() };
  return next(request, { comments: [...request.comments, comment] });
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
 * Spends an approval: the held bytes may go, this once. `where` says in which session, for one made ahead. Throws Conflict `approval_not_approved` unless it is
 * approved and unused, ApprovalPending `approval_expired` when its time is over.
 */
export function spendApproval(request: ApprovalRequest, now: number, where?: string): ApprovalRequest {
  if (request.status !== 'approved') {
    throw new Conflict('approval_not_approved', `${request.id} is ${request.status}, so nothing runs`);
  }
  if (now >= Date.parse(request.expiresAt)) throw expired(request);
  return next(request, { status: 'used', ...(where === undefined ? {} : { endReason: where }) });
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

/** Why nothing can change it: it has ended, and as far as anybody did that, who. */
export function notWaiting(request: ApprovalRequest): Conflict {
  const by = request.decisions.at(-1)?.byName;
  const who = by !== undefined && request.status !== 'expired' ? ` by ${by}` : '';
  return new Conflict('approval_not_pending', `${request.id} is already ${request.status}${who}`);
}

/** When the last of what is written of it happened, in milliseconds: no clock may be before that. */
export function lastChange({ createdAt, decisions }: ApprovalRequest): number {
  return Date.parse(decisions.at(-1)?.at ?? createdAt);
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

function next(request: ApprovalRequest, change: Partial<ApprovalRequest>): ApprovalRequest {
  return { ...request, ...change, version: request.version + 1 };
}
