import { describe, expect, test } from 'vitest';
import type { ApprovalRequest } from '../../../src/approval/request.ts';
import {
  abandonRequest,
  approvalsNeeded,
  decideRequest,
  expireRequest,
  isEnded,
  mayNotDecide,
  openRequest,
  spendApproval,
  type Vote,
  withdrawRequest,
} from '../../../src/approval/state.ts';
import type { Decider } from '../../../src/approval/stranger.ts';
import type { HoopError } from '../../../src/base/errors.ts';
import { DRAFT, decider } from './request.ts';

const NOW = Date.parse('2026-05-01T10:00:00.000Z');
const MINUTE = 60_000;

function pending(terms: Partial<ApprovalRequest['terms']> = {}): ApprovalRequest {
  return openRequest({ ...DRAFT, terms: { ...DRAFT.terms, ...terms } }, NOW);
}

const YES: Vote = { decision: 'approve', reason: undefined, version: 1 };
const NO: Vote = { decision: 'deny', reason: 'not now', version: 1 };

function refusal(request: ApprovalRequest, who: Decider, vote: Vote, now = NOW): string {
  try {
    decideRequest(request, who, vote, now);
    return 'none';
  } catch (error) {
    return `${(error as HoopError).kind} ${(error as HoopError).code}`;
  }
}

describe('a request', () => {
  test('begins pending, at version 1, and expires when its terms say', () => {
    expect(pending()).toMatchObject({
      status: 'pending',
      version: 1,
      createdAt: '2026-05-01T10:00:00.000Z',
      expiresAt: '2026-05-01T10:15:00.000Z',
      decisions: [],
    });
  });

  test('is approved by one approver, and keeps who and when', () => {
    expect(decideRequest(pending(), decider('ana'), YES, NOW + MINUTE)).toMatchObject({
      status: 'approved',
      version: 2,
      decisions: [{ by: 'id-ana', byName: 'ana', decision: 'approve', at: '2026-05-01T10:01:00.000Z' }],
    });
  });

  test('is denied by one denial, whose reason it keeps', () => {
    const half = decideRequest(pending({ approvals: 2 }), decider('ana'), YES, NOW);
    expect(decideRequest(half, decider('bob'), { ...NO, version: 2 }, NOW)).toMatchObject({
      status: 'denied',
      endReason: 'not now',
      version: 3,
    });
  });

  test('waits until enough different people approved', () => {
    const half = decideRequest(pending({ approvals: 2 }), decider('ana'), YES, NOW);
    expect(half.status).toBe('pending');
    expect(decideRequest(half, decider('bob'), { ...YES, version: 2 }, NOW).status).toBe('approved');
  });

  test('counts the same person once, under whatever id', () => {
    const half = decideRequest(pending({ approvals: 2 }), decider('ana'), YES, NOW);
    const again = { ...YES, version: 2 };
    expect(refusal(half, decider('ana'), again)).toBe('conflict already_decided');
    expect(refusal(half, { ...decider('ana'), id: 'id-new' }, again)).toBe('conflict already_decided');
    expect(refusal(half, { ...decider('ana'), name: 'renamed' }, again)).toBe('conflict already_decided');
  });
});

describe('a person with several identities', () => {
  const names = new Set(['ana', 'ana@example.com']);
  const linked = (name: string) => ({ ...decider(name), names });

  test('counts once, whichever of them it decides with', () => {
    const half = decideRequest(pending({ approvals: 2 }), linked('ana'), YES, NOW);
    const again = { ...YES, version: 2 };
    expect(refusal(half, linked('ana@example.com'), again)).toBe('conflict already_decided');
    expect(decideRequest(half, decider('bob'), again, NOW).status).toBe('approved');
  });

  test('decides with none of them what it asked with another, nor what runs for it', () => {
    const own = { ...pending(), card: { ...DRAFT.card, requester: 'ana' } };
    expect(refusal(own, linked('ana@example.com'), YES)).toBe('not-permitted self_approval');
    const forIt = { ...pending(), card: { ...DRAFT.card, endUser: 'ana@example.com' } };
    expect(refusal(forIt, linked('ana'), YES)).toBe('not-permitted self_approval');
    expect(decideRequest(forIt, decider('bob'), YES, NOW).status).toBe('approved');
  });
});

describe('a decision is refused', () => {
  test('to the requester, whatever its roles, and to a new identity of its name', () => {
    expect(refusal(pending(), decider('devin'), YES)).toBe('not-permitted self_approval');
    expect(refusal(pending(), decider('devin'), NO)).toBe('not-permitted self_approval');
    expect(refusal(pending(), { ...decider('devin'), id: 'id-other' }, YES)).toBe(
      'not-permitted self_approval',
    );
    expect(refusal(pending(), { ...decider('devin'), name: 'other' }, YES)).toBe(
      'not-permitted self_approval',
    );
    expect(refusal(pending(), { ...decider('Devin'), id: 'id-other' }, YES)).toBe(
      'not-permitted self_approval',
    );
  });

  test('to the requester no more when the rule says self_approval, but role and approvers still count', () => {
    const request = pending({ selfApproval: true });
    expect(decideRequest(request, decider('devin'), YES, NOW).status).toBe('approved');
    expect(refusal(request, { ...decider('devin'), hasRole: false }, YES)).toBe('not-permitted role_missing');
    expect(refusal(request, { ...decider('devin'), amongApprovers: false }, YES)).toBe(
      'not-permitted not_an_approver',
    );
  });

  test('to the person for whom the requester acts, by id or by name, even where self_approval is allowed', () => {
    const card = { ...DRAFT.card, endUser: 'lea' };
    const request = { ...pending({ selfApproval: true }), endUserId: 'id-lea', card };
    expect(refusal(request, decider('lea'), YES)).toBe('not-permitted self_approval');
    expect(refusal(request, { ...decider('lea'), id: 'id-other' }, YES)).toBe('not-permitted self_approval');
    expect(refusal(request, { ...decider('lea'), name: 'other' }, NO)).toBe('not-permitted self_approval');
    expect(decideRequest(request, decider('ana'), YES, NOW).status).toBe('approved');
  });

  test('to a machine that may act for who asked, though it does not say so now', () => {
    const agent = { ...decider('robo'), mayActForThem: true };
    expect(refusal(pending({ selfApproval: true }), agent, YES)).toBe('not-permitted delegated_decision');
  });

  test('to who acts for somebody else', () => {
    expect(refusal(pending(), { ...decider('ana'), delegated: true }, YES)).toBe(
      'not-permitted delegated_decision',
    );
  });

  test('to who lacks the role, and to who is not among the approvers', () => {
    expect(refusal(pending(), { ...decider('eve'), hasRole: false }, YES)).toBe('not-permitted role_missing');
    expect(refusal(pending(), { ...decider('eve'), amongApprovers: false }, YES)).toBe(
      'not-permitted not_an_approver',
    );
  });

  test('without a reason for a denial', () => {
    expect(refusal(pending(), decider('ana'), { ...NO, reason: undefined })).toBe('usage reason_required');
    expect(refusal(pending(), decider('ana'), { ...NO, reason: ' \n' })).toBe('usage reason_required');
  });

  test('on another version than the one that was shown', () => {
    expect(refusal(pending(), decider('ana'), { ...YES, version: 2 })).toBe('conflict approval_changed');
  });

  test('after another one ended it, and tells by whom', () => {
    const approved = decideRequest(pending(), decider('ana'), YES, NOW);
    expect(() => decideRequest(approved, decider('bob'), { ...NO, version: 2 }, NOW)).toThrow(
      'ap-7kq2m is already approved by ana',
    );
    expect(refusal(approved, decider('bob'), { ...NO, version: 2 })).toBe('conflict approval_not_pending');
  });

  test('from the very millisecond of its expiry', () => {
    expect(decideRequest(pending(), decider('ana'), YES, NOW + 15 * MINUTE - 1).status).toBe('approved');
    expect(refusal(pending(), decider('ana'), YES, NOW + 15 * MINUTE)).toBe(
      'approval-pending approval_expired',
    );
  });

  test('and a card says so beforehand', () => {
    expect(mayNotDecide(pending(), decider('devin'), NOW)).toBe('you cannot decide your own statement');
    expect(mayNotDecide(pending(), decider('ana'), NOW)).toBeUndefined();
  });
});

describe('an approval', () => {
  const approved = decideRequest(pending(), decider('ana'), YES, NOW);

  test('is spent once', () => {
    const used = spendApproval(approved, NOW);
    expect(used.status).toBe('used');
    expect(() => spendApproval(used, NOW)).toThrow('ap-7kq2m is used, so nothing runs');
  });

  test('is not spent while it is pending', () => {
    expect(() => spendApproval(pending(), NOW)).toThrow('ap-7kq2m is pending, so nothing runs');
  });

  test('expires unspent as well', () => {
    expect(() => spendApproval(approved, NOW + 15 * MINUTE)).toThrow('expired');
    expect(expireRequest(approved, NOW + 15 * MINUTE)?.status).toBe('expired');
    expect(expireRequest(approved, NOW + 15 * MINUTE - 1)).toBeUndefined();
  });
});

describe('an ending', () => {
  const denied = decideRequest(pending(), decider('ana'), NO, NOW);

  test('by withdrawal or restart keeps its reason and happens at any time', () => {
    expect(withdrawRequest(pending(), 'cancelled')).toMatchObject({
      status: 'withdrawn',
      endReason: 'cancelled',
    });
    expect(abandonRequest(pending(), 'restart')).toMatchObject({ status: 'expired', endReason: 'restart' });
  });

  test('is final', () => {
    expect(isEnded(denied.status)).toBe(true);
    expect(withdrawRequest(denied, 'x')).toBeUndefined();
    expect(abandonRequest(denied, 'x')).toBeUndefined();
    expect(expireRequest(denied, NOW + 99 * MINUTE)).toBeUndefined();
  });
});

describe('a request that wants to hear each of several', () => {
  const both = () => pending({ allOf: ['group:dba', 'group:security'], approvals: 2 });
  const of = (name: string, ...standsFor: string[]): Decider => ({ ...decider(name), standsFor });

  test('is not approved by two of one', () => {
    const once = decideRequest(both(), of('ana', 'group:dba'), YES, NOW);
    const twice = decideRequest(once, of('ben', 'group:dba'), { ...YES, version: once.version }, NOW);
    expect(twice.status).toBe('pending');
    const third = decideRequest(twice, of('sid', 'group:security'), { ...YES, version: twice.version }, NOW);
    expect(third.status).toBe('approved');
  });

  test('by several rules is approved when each has as many of its own as it wants', () => {
    const terms = {
      approvers: ['group:dba'],
      alsoAdmittedBy: [['ana', 'lee']],
      approvalsEach: [1, 2],
      approvals: 2,
    };
    const asked = pending(terms);
    const vote = (request: ApprovalRequest, who: Decider) =>
      decideRequest(request, who, { ...YES, version: request.version }, NOW);
    const twoDba = vote(vote(asked, of('ben', 'group:dba')), of('dan', 'group:dba'));
    expect([twoDba.status, approvalsNeeded(twoDba)]).toEqual(['pending', 3]);
    const named = vote(vote(asked, of('ana', 'ana or lee')), of('lee', 'ana or lee'));
    expect(named.status).toBe('pending');
    expect(vote(named, of('ben', 'group:dba')).status).toBe('approved');
    const both = vote(vote(asked, of('ana', 'group:dba', 'ana or lee')), of('lee', 'ana or lee'));
    expect(both.status).toBe('approved');
  });

  test('is not approved by one who is of both', () => {
    const once = decideRequest(both(), of('ana', 'group:dba', 'group:security'), YES, NOW);
    expect(once.status).toBe('pending');
    expect(decideRequest(once, of('ben', 'group:dba'), { ...YES, version: once.version }, NOW).status).toBe(
      'approved',
    );
  });
});
