import { parseDocument } from 'yaml';
import { z } from 'zod';
import { UsageError } from '../../base/errors.ts';
import { type KubernetesSettings, settingsSchema } from './connection.ts';
import { type Credential, execPluginSchema } from './credential.ts';

const clusterSchema = z.object({
  server: z.string(),
  'certificate-authority-data': z.string().optional(),
  'certificate-authority': z.string().optional(),
  'insecure-skip-tls-verify': z.boolean().optional(),
  'tls-server-name': z.string().optional(),
  'proxy-url': z.string().optional(),
});
const userSchema = z.object({
  token: z.string().optional(),
  tokenFile: z.string().optional(),
  'client-certificate-data': z.string().optional(),
  'client-key-data': z.string().optional(),
  'client-certificate': z.string().optional(),
  'client-key': z.string().optional(),
  username: z.string().optional(),
  'auth-provider': z.unknown().optional(),
  exec: execPluginSchema.optional(),
});
const fileSchema = z.object({
  'current-context': z.string().nullish(),
  clusters: z.array(z.object({ name: z.string(), cluster: clusterSchema })).nullish(),
  users: z.array(z.object({ name: z.string(), user: userSchema.nullish() })).nullish(),
  contexts: z
    .array(
      z.object({
        name: z.string(),
        context: z.object({ cluster: z.string(), user: z.string(), namespace: z.string().nullish() }),
      }),
    )
    .nullish(),
});

/**
 * One context of a kubeconfig (the current one when none is named): where it leads, and the credential. Files that
 * it names must have been put into it. Throws UsageError `bad_kubeconfig`.
 */
export function fromKubeconfig(
  text: string,
  context: string | undefined,
): { readonly settings: KubernetesSettings; readonly secret: string | undefined } {
  const file = readFile(text);
  const name = context ?? file['current-context'] ?? '';
  const names = (file.contexts ?? []).map((one) => one.name);
  const chosen = file.contexts?.find((one) => one.name === name)?.context;
  if (chosen === undefined) {
    throw bad(
      name === '' ? 'it names no current context' : `it has no context "${name}"`,
      `give --context: ${names.slice(0, 20).join(', ')}`,
    );
  }
  const cluster = file.clusters?.find((one) => one.name === chosen.cluster)?.cluster;
  if (cluster === undefined) throw bad(`it has no cluster "${chosen.cluster}"`);
  const user = file.users?.find((one) => one.name === chosen.user)?.user ?? {};
  const credential = credentialOf(user);
  const settings = settingsSchema.safeParse({
    ...placeOf(cluster),
    ...(chosen.namespace ? { namespace: chosen.namespace } : {}),
    ...(user.tokenFile === undefined || user.token !== undefined ? {} : { tokenFile: user.tokenFile }),
    user: chosen.user === '' ? 'nobody' : chosen.user,
  });
  if (!settings.success) throw bad('its server is not an https:// URL');
  return {
    settings: settings.data,
    secret: credential === undefined ? undefined : JSON.stringify(credential),
  };
}

function readFile(text: string): z.infer<typeof fileSchema> {
  const document = parseDocument(text, { uniqueKeys: true });
  if (document.errors.length > 0) throw bad('it is not YAML');
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch {
    throw bad('it cannot be read as YAML');
  }
  const read = fileSchema.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw bad(`${issue?.path.join('.') || 'the file'}: ${issue?.message}`);
}

function placeOf(cluster: z.infer<typeof clusterSchema>) {
  if (cluster['insecure-skip-tls-verify']) {
    throw bad(
      'it skips the check of the server certificate (insecure-skip-tls-verify)',
      'put the authority of the cluster into certificate-authority-data',
    );
  }
  if (cluster['proxy-url'] !== undefined)
    throw bad('it goes through a proxy (proxy-url), which is not supported');
  if (cluster['certificate-authority'] !== undefined && cluster['certificate-authority-data'] === undefined) {
    throw bad('the file of its certificate-authority was not read');
  }
  const ca = decoded(cluster['certificate-authority-data']);
  const serverName = cluster['tls-server-name'];
  return {
    server: cluster.server.replace(/\/$/, ''),
    ...(ca === undefined ? {} : { ca }),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

function credentialOf(user: z.infer<typeof userSchema>): Credential | undefined {
  if (user.exec !== undefined) return { kind: 'exec', plugin: user.exec };
  if (user.token !== undefined) return { kind: 'token', token: user.token };
  const cert = decoded(user['client-certificate-data']);
  const key = decoded(user['client-key-data']);
  if (cert !== undefined && key !== undefined) return { kind: 'certificate', cert, key };
  if (user.username !== undefined)
    throw bad('it holds a user name and a password, which Kubernetes no longer takes');
  if (user['auth-provider'] !== undefined) {
    throw bad('it uses an auth-provider, which Kubernetes no longer has', 'use an exec plugin');
  }
  return undefined;
}

function decoded(base64: string | undefined): string | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('utf8');
}

function bad(why: string, next = 'kubectl config view --minify --raw'): UsageError {
  return new UsageError('bad_kubeconfig', `the kubeconfig cannot be used: ${why}`, { next });
}
