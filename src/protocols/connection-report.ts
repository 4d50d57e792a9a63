import { z } from 'zod';

/** What a connection test found out; nothing in it is a secret. */
export const connectionReportSchema = z.object({
  server: z.string(),
  address: z.string(),
  /** `TLSv1.3`; `SSH` where that is what encrypts; null for plaintext and Unix sockets. */
  tls: z.string().nullable(),
  latencyMs: z.number(),
  role: z.string(),
  superuser: z.boolean(),
  canWrite: z.boolean(),
  warnings: z.array(z.string()),
});
export type ConnectionReport = z.infer<typeof connectionReportSchema>;
