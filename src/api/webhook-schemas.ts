import { z } from 'zod';
import { name } from './schemas.ts';

export const webhookSchema = z.object({
  id: z.string(),
  name: z.string(),
  format: z.enum(['json', 'slack']),
  /** Of its URL; the rest of it can be a secret. */
  host: z.string(),
  createdAt: z.string(),
});
export const webhookAddSchema = z.object({
  name,
  format: z.enum(['json', 'slack']).default('json'),
  url: z.string().max(2048),
});
export const webhookAddedSchema = z.object({
  webhook: webhookSchema,
  /** The key its messages are signed with; told this once. */
  key: z.string(),
  auditId: z.string(),
});
export const webhookTestedSchema = z.object({ ok: z.boolean(), why: z.string().nullable() });
