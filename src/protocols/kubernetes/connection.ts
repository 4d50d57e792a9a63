import { z } from 'zod';
import { readStoredSettings } from '../stored-settings.ts';

/** Where a cluster's API is and what it is known by. No secret. */
export const settingsSchema = z.strictObject({
  /** `https://host:6443`, perhaps with a path before the API's own. */
  server: z.string().regex(/^https:\/\/[^/?#@]+(\/[^?#]*)?$/),
  /** PEM certificates; left out, the machine's own authorities are trusted. */
  ca: z.string().optional(),
  /** The name in the server's certificate, where it is not the host's. */
  serverName: z.string().optional(),
  /** Where kubectl looks when no namespace is named. */
  namespace: z.string().default('default'),
  /** For show: the name in the kubeconfig. */
  user: z.string().default('token'),
  /** A file with a bearer token, read again when it may have changed. */
  tokenFile: z.string().optional(),
  /** Requests run as the requester (`Impersonate-User`), not as the credential's own account. */
  impersonate: z.boolean().default(false),
  /** Bytes of one response that are recorded; streams of exec and attach are recorded whole. */
  recordBytes: z
    .int()
    .min(0)
    .max(1024 * 1024 * 1024)
    .default(1024 * 1024),
});
export type KubernetesSettings = z.infer<typeof settingsSchema>;

/** Throws Internal `bad_connection_settings`. */
export const readSettings = (text: string): KubernetesSettings => readStoredSettings(settingsSchema, text);

/** `Kubernetes k8s.internal:6443 as admin`. */
export function describeConnection(settings: KubernetesSettings): string {
  return `Kubernetes ${settings.server.slice('https://'.length)} as ${settings.user}`;
}

/** `kubernetes://k8s.internal:6443?namespace=shop`; no credential is in it. */
export function urlOf(settings: KubernetesSettings): string {
  const parameters = new URLSearchParams();
  if (settings.namespace !== 'default') parameters.set('namespace', settings.namespace);
  if (settings.serverName !== undefined) parameters.set('server-name', settings.serverName);
  if (settings.tokenFile !== undefined) parameters.set('token-file', settings.tokenFile);
  if (settings.impersonate) parameters.set('impersonate', 'true');
  const query = parameters.size === 0 ? '' : `?${parameters}`;
  return `kubernetes://${settings.server.slice('https://'.length)}${query}`;
}
