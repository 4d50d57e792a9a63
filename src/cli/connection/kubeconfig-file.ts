import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isMap, isScalar, parseDocument } from 'yaml';
import { NotFound, UsageError } from '../../base/errors.ts';

export interface KubeconfigOptions {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  /** Requests run in the cluster as the requester. */
  readonly impersonate: boolean;
}

export interface KubeconfigFields {
  readonly url: string;
  readonly configuration: string;
}

const LARGEST_FILE = 1024 * 1024;

/** Fields that name a file, and those that hold its content in base64. */
const EMBEDDED: Readonly<Record<string, string>> = {
  'certificate-authority': 'certificate-authority-data',
  'client-certificate': 'client-certificate-data',
  'client-key': 'client-key-data',
};

/**
 * A kubeconfig as the daemon takes it, which may run on another machine: the files that it names are put into it.
 * Undefined when none was given. Throws UsageError, NotFound `no_such_file`.
 */
export function kubeconfigFields(options: KubeconfigOptions): KubeconfigFields | undefined {
  const { context, impersonate, kubeconfig } = options;
  if (kubeconfig === undefined) {
    if (context === undefined && !impersonate) return undefined;
    throw new UsageError('no_kubeconfig', '--context and --impersonate go with --kubeconfig');
  }
  const parameters = new URLSearchParams({
    ...(context === undefined ? {} : { context }),
    ...(impersonate ? { impersonate: 'true' } : {}),
  });
  return {
    url: `kubeconfig://?${parameters}`,
    configuration: withFiles(readText(kubeconfig), dirname(resolve(kubeconfig))),
  };
}

function withFiles(text: string, directory: string): string {
  const document = parseDocument(text);
  if (document.errors.length > 0) throw new UsageError('bad_kubeconfig', 'the kubeconfig is not YAML');
  for (const [list, holder] of [
    ['clusters', 'cluster'],
    ['users', 'user'],
  ] as const) {
    const items = document.get(list);
    if (items === undefined || items === null || typeof items !== 'object' || !('items' in items)) continue;
    for (const item of items.items as unknown[]) {
      const fields = isMap(item) ? item.get(holder) : undefined;
      if (!isMap(fields)) continue;
      for (const [name, embedded] of Object.entries(EMBEDDED)) {
        const path = fields.get(name, true);
        if (!isScalar(path) || typeof path.value !== 'string' || fields.has(embedded)) continue;
        fields.set(embedded, Buffer.from(readText(resolve(directory, path.value))).toString('base64'));
        fields.delete(name);
      }
      const token = fields.get('tokenFile', true);
      if (isScalar(token) && typeof token.value === 'string') {
        fields.set('tokenFile', resolve(directory, token.value));
      }
    }
  }
  return document.toString();
}

function readText(path: string): string {
  try {
    if (statSync(path).size <= LARGEST_FILE) return readFileSync(path, 'utf8');
  } catch {
    throw new NotFound('no_such_file', `${path} cannot be read`);
  }
  throw new UsageError('file_too_large', `${path} is larger than ${LARGEST_FILE} bytes`);
}
