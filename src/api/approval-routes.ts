import { z } from 'zod';
import * as a from './approval-schemas.ts';

/** What waits for a decision, the decision, and asking for one ahead of any session. */
export const approvalRoutes = {
  approvalList: {
    method: 'GET',
    path: '/v1/approvals',
    allow: ['owner', 'approver', 'requester', 'auditor'],
    query: z.object({ status: z.enum(['pending', 'all']).default('pending') }),
    response: z.object({ approvals: z.array(a.approvalSchema) }),
  },
  approvalWatch: {
    method: 'GET',
    path: '/v1/approvals/watch',
    allow: ['owner', 'approver', 'requester', 'auditor'],
    response: a.approvalEventSchema,
    stream: true,
  },
  approvalShow: {
    method: 'GET',
    path: '/v1/approvals/:id',
    allow: ['owner', 'approver', 'requester', 'auditor'],
    response: a.approvalSchema,
  },
  approvalDecide: {
    method: 'POST',
    path: '/v1/approvals/:id/decision',
    allow: ['owner', 'approver'],
    body: a.approvalDecisionSchema,
    response: a.approvalDecidedSchema,
  },

  /** Now, then each change until it has ended. */
  approvalFollow: {
    method: 'GET',
    path: '/v1/approvals/:id/watch',
    allow: ['owner', 'approver', 'requester', 'auditor'],
    response: a.approvalEventSchema,
    stream: true,
  },
  approvalComment: {
    method: 'POST',
    path: '/v1/approvals/:id/comments',
    allow: ['owner', 'approver'],
    body: a.commentSchema,
    response: a.approvalDecidedSchema,
  },
  /** By who asked. */
  approvalWithdraw: {
    method: 'POST',
    path: '/v1/approvals/:id/withdraw',
    allow: ['owner', 'approver', 'requester'],
    response: a.approvalSchema,
  },
  /** Asks for an approval ahead of any session. */
  requestCreate: {
    method: 'POST',
    path: '/v1/requests',
    allow: ['owner', 'approver', 'requester'],
    body: a.requestCreateSchema,
    response: a.requestCreatedSchema,
  },
} as const;
