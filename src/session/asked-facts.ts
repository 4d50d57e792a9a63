import { hash } from 'node:crypto';
import type { ApprovalRequest } from '../approval/request.ts';

/** What the audit log holds of a request for approval: who asked, under what, and what the requester says of it. */
export function askedFacts(request: ApprovalRequest): Readonly<Record<string, unknown>> {
  const { ahead, card, expiresAt, fingerprint, policy, terms } = request;
  return {
    requester: card.requester,
    ...(card.endUser === undefined ? {} : { endUser: card.endUser }),
    policy,
    fingerprint,
    approvers: terms.approvers,
    expiresAt,
    // No session says what it was about.
    ...(ahead === undefined ? {} : { ahead: true, statement: hash('sha256', card.statement, 'hex') }),
    ...(card.reason === undefined ? {} : { reason: card.reason }),
    ...(card.ticket === undefined ? {} : { ticket: card.ticket }),
  };
}
