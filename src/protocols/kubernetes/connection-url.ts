import { readFileSync } from 'node:fs';
import { HoopError, UsageError } from '../../base/errors.ts';
import { type KubernetesSettings, settingsSchema } from './connection.ts';
import { fromKubeconfig } from './kubeconfig.ts';

export const SCHEMES = ['kubernetes', 'k8s', 'kubeconfig'] as const;

/** What a pod is told of its cluster (kubernetes.io: Accessing the API from within a Pod). */
export interface PodSurroundings {
  /** Holds `ca.crt` and `token`. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const THIS_POD: PodSurroundings = {
  directory: '/var/run/secrets/kubernetes.io/serviceaccount',
  environment: process.env,
};
const LARGEST_FILE = 256 * 1024;

export interface ParsedConnection {
  readonly settings: KubernetesSettings;
  readonly secret: string | undefined;
}

const PARAMETERS = [
  'namespace',
  'ca-file',
  'server-name',
  'token-file',
  'client-certificate',
  'client-key',
  'impersonate',
  'record',
  'context',
] as const;
type Parameters = Partial<Record<(typeof PARAMETERS)[number], string>>;

/**
 * Reads `kubernetes://host:6443?…`, `kubernetes://in-cluster`, or `kubeconfig:?context=C` beside the file's own
 * text. Throws UsageError `bad_connection_url` or `bad_kubeconfig`.
 */
export function parseConnection(
  url: string,
  configuration: string | undefined,
  pod = THIS_POD,
): ParsedConnection {
  const match = /^(kubernetes|k8s|kubeconfig):(?:\/\/)?([^?#]*)(?:\?([^#]*))?$/i.exec(url.trim());
  if (match === null) throw badUrl('it is not kubernetes://HOST:PORT');
  const [, scheme = '', place = '', query = ''] = match;
  const parameters = readParameters(query);
  const parsed =
    scheme.toLowerCase() === 'kubeconfig'
      ? fromKubeconfig(requireText(configuration), parameters.context)
      : fromPlace(place, parameters, pod);
  return { ...parsed, settings: withParameters(parsed.settings, parameters) };
}

function requireText(configuration: string | undefined): string {
  if (configuration !== undefined) return configuration;
  throw badUrl('the text of the kubeconfig is missing', 'hoopctl connection add NAME --kubeconfig FILE');
}

function readParameters(query: string): Parameters {
  const found: Parameters = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const known = PARAMETERS.find((one) => one === name);
    if (known === undefined)
      throw badUrl(`it has no parameter "${name}"; there are ${PARAMETERS.join(', ')}`);
    found[known] = value;
  }
  return found;
}

function fromPlace(place: string, parameters: Parameters, pod: PodSurroundings): ParsedConnection {
  if (place === 'in-cluster') return inCluster(pod);
  if (place.includes('@')) throw badUrl('a token does not belong in a URL', 'give it by --password-stdin');
  const certificate = parameters['client-certificate'];
  const key = parameters['client-key'];
  if ((certificate === undefined) !== (key === undefined)) {
    throw badUrl('client-certificate and client-key go together');
  }
  const secret =
    certificate === undefined || key === undefined
      ? undefined
      : JSON.stringify({ kind: 'certificate', cert: readText(certificate), key: readText(key) });
  return {
    settings: checked({
      server: `https://${place.replace(/\/$/, '')}`,
      ...(secret === undefined ? {} : { user: 'client certificate' }),
    }),
    secret,
  };
}

function inCluster({ directory, environment }: PodSurroundings): ParsedConnection {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = environment;
  if (host === undefined) throw badUrl('the daemon does not run in a cluster');
  const settings = checked({
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: readText(`${directory}/ca.crt`),
    tokenFile: `${directory}/token`,
    user: 'its service account',
  });
  return { settings, secret: undefined };
}

function withParameters(settings: KubernetesSettings, parameters: Parameters): KubernetesSettings {
  const { namespace, impersonate, record } = parameters;
  const caFile = parameters['ca-file'];
  const serverName = parameters['server-name'];
  const tokenFile = parameters['token-file'];
  if (impersonate !== undefined && !/^(true|false)$/.test(impersonate)) {
    throw badUrl('impersonate is true or false');
  }
  if (record !== undefined && !/^[0-9]{1,10}$/.test(record)) throw badUrl('record is a number of bytes');
  return checked({
    ...settings,
    ...(namespace === undefined ? {} : { namespace }),
    ...(caFile === undefined ? {} : { ca: readText(caFile) }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(tokenFile === undefined ? {} : { tokenFile, user: 'token file' }),
    ...(impersonate === undefined ? {} : { impersonate: impersonate === 'true' }),
    ...(record === undefined ? {} : { recordBytes: Number(record) }),
  });
}

/** Throws UsageError `bad_connection_url` for what the schema does not take. */
export function checked(settings: Partial<KubernetesSettings>): KubernetesSettings {
  const read = settingsSchema.safeParse(settings);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw badUrl(
    issue?.path[0] === 'server'
      ? 'its server must be https://HOST:PORT'
      : `${issue?.path.join('.')}: ${issue?.message}`,
  );
}

function readText(path: string): string {
  try {
    const text = readFileSync(path, 'utf8');
    if (text.length <= LARGEST_FILE) return text;
    throw badUrl(`${path} is larger than ${LARGEST_FILE / 1024} KiB`);
  } catch (error) {
    if (error instanceof HoopError) throw error;
    throw badUrl(`${path} cannot be read`);
  }
}

function badUrl(why: string, next = 'kubernetes://HOST:PORT?namespace=…&ca-file=…'): UsageError {
  return new UsageError('bad_connection_url', `the connection cannot be read: ${why}`, { next });
}
