import { z } from 'zod';
import { precedentSchema } from '../approval/precedent.ts';

/** Shapes of approvals, requests made ahead among them. */

export const approvalSchema = z.object({
  id: z.string(),
  version: z.number(),
  status: z.enum(['pending', 'approved', 'denied', 'expired', 'withdrawn', 'used']),
  /** Where the statement waits; null for a request that was made ahead of any session. */
  session: z.string().nullable(),
  /** For one made ahead: the messages it is sent in, as places in the statement (UTF-16 code units, line from 1). */
  ahead: z
    .object({ pieces: z.array(z.object({ start: z.number(), end: z.number(), line: z.number() })) })
    .nullable()
    .optional(),
  connection: z.string(),
  requester: z.string(),
  requesterKind: z.enum(['person', 'machine']),
  requesterGroups: z.array(z.string()),
  /** The person for whom the requester acts. */
  endUser: z.string().nullable().optional(),
  clientAddress: z.string(),
  target: z.string(),
  transaction: z.enum(['none', 'open', 'failed', 'inapplicable']),
  statement: z.string(),
  parameters: z.array(z.string().nullable()),
  /** What its open transaction keeps locked meanwhile: `public.orders (RowExclusiveLock)`. */
  locks: z.array(z.string()).nullable().optional(),
  /** Texts that the statement runs by a name alone (`EXECUTE p`); null where there are none. */
  named: z
    .array(z.object({ name: z.string(), text: z.string() }))
    .nullable()
    .optional(),
  effects: z.array(z.string()),
  estimate: z.string(),
  /** What the requester says of it, and nobody has checked. */
  reason: z.string().nullable().optional(),
  ticket: z.string().nullable().optional(),
  /** What a rehearsal has shown; null where none was asked for. */
  rehearsal: z.array(z.string()).nullable().optional(),
  /** How it compares with what the requester was approved before on this connection; null when there was nothing. */
  precedent: precedentSchema.nullable().optional(),
  rule: z.string(),
  approvers: z.array(z.string()),
  approvalsNeeded: z.number(),
  decisions: z.array(
    z.object({
      by: z.string(),
      decision: z.enum(['approve', 'deny']),
      reason: z.string().nullable(),
      at: z.string(),
    }),
  ),
  comments: z.array(z.object({ by: z.string(), text: z.string(), at: z.string() })).optional(),
  endReason: z.string().nullable(),
  createdAt: z.string(),
  /** Until then it waits for a decision; one made ahead that is approved may be run until then. */
  expiresAt: z.string(),
  /** Whether the caller may decide it, and why not. */
  mayDecide: z.boolean(),
  mayNotReason: z.string().nullable(),
  /** How the caller shows that it is there: by the approver passphrase, or by a fresh sign-in at its issuer. */
  presence: z.enum(['passphrase', 'sign-in']).optional(),
});
export type ApprovalView = z.infer<typeof approvalSchema>;

export const approvalDecisionSchema = z.object({
  decision: z.enum(['approve', 'deny']),
  reason: z.string().min(1).max(4096).optional(),
  /** Not needed from who signed in through an issuer: that must have been lately. */
  passphrase: z.string().max(1024).optional(),
  /** The version of the card that was shown. */
  version: z.number().int(),
});
export const approvalDecidedSchema = z.object({ approval: approvalSchema, auditId: z.string() });
export const approvalEventSchema = z.object({
  type: z.enum(['current', 'changed']),
  approval: approvalSchema,
});

/** What a requester says of its work; nobody has checked it. */
export const statedSchema = z.object({
  reason: z.string().max(1000).optional(),
  ticket: z.string().max(128).optional(),
});

export const requestCreateSchema = statedSchema.extend({
  connection: z.string(),
  /** At most 1 MiB of UTF-8. */
  text: z.string().max(1_048_576),
});
export const requestCreatedSchema = z.object({
  decision: z.enum(['allow', 'approve']),
  rule: z.string().nullable(),
  /** Null where no approval is needed. */
  approval: approvalSchema.nullable(),
});
export const commentSchema = z.object({ text: z.string().max(4096) });
