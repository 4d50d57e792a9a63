import { z } from 'zod';

/** What the asker calls a statement by; given back as it came. */
export const explanationIdSchema = z.union([z.string().max(1024), z.number()]);

/** How a statement would be decided and why: what `policy explain` prints. */
export const explanationSchema = z.object({
  id: explanationIdSchema.optional(),
  effects: z.array(z.string()),
  commands: z.array(z.string()),
  objects: z.array(z.string()),
  statements: z.number(),
  conditions: z.array(z.string()),
  decision: z.enum(['allow', 'approve', 'block']),
  rule: z.string().nullable(),
  matched: z.array(z.object({ name: z.string(), decision: z.string() })),
  masks: z.array(z.object({ column: z.string(), mask: z.string() })),
  /** Result columns in order: what each is derived from, and the masks that hide it. */
  columns: z
    .array(
      z.object({
        name: z.string(),
        from: z.array(z.string()),
        computed: z.boolean(),
        masks: z.array(z.string()),
      }),
    )
    .optional(),
  reasons: z.array(z.string()),
  message: z.string().nullable(),
});
export type Explanation = z.infer<typeof explanationSchema>;
