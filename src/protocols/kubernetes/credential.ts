import { z } from 'zod';
import { Internal } from '../../base/errors.ts';

export const execPluginSchema = z.object({
  command: z.string().min(1),
  args: z.array(z.string()).nullish(),
  env: z.array(z.object({ name: z.string(), value: z.string() })).nullish(),
  apiVersion: z.string().default('client.authentication.k8s.io/v1'),
  provideClusterInfo: z.boolean().optional(),
});
export type ExecPlugin = z.infer<typeof execPluginSchema>;

/** A connection's secret: how the gateway proves itself to the cluster. A text that is no JSON object is a token. */
const credentialSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('token'), token: z.string() }),
  z.object({ kind: z.literal('certificate'), cert: z.string(), key: z.string() }),
  z.object({ kind: z.literal('exec'), plugin: execPluginSchema }),
]);
export type Credential = z.infer<typeof credentialSchema>;

/** Throws Internal `bad_credential`; its words hold nothing of the secret. */
export function readCredential(secret: string): Credential {
  const text = secret.trim();
  if (!text.startsWith('{')) return { kind: 'token', token: text };
  try {
    return credentialSchema.parse(JSON.parse(text));
  } catch {
    throw new Internal('bad_credential', 'the stored credential of the cluster cannot be read', {
      next: 'hoopctl connection edit NAME --kubeconfig FILE',
    });
  }
}
