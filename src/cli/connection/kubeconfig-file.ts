import { dirname, resolve } from 'node:path';
import { type Document, isMap, isSeq, parseDocument, type YAMLMap } from 'yaml';
import { UsageError } from '../../base/errors.ts';
import { readTextFile } from '../text-file.ts';

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

/** Fields that name a file, and those that hold its content in base64. */
const EMBEDDED: Readonly<Record<string, string>> = {
  'certificate-authority': 'certificate-authority-data',
  'client-certificate': 'client-certificate-data',
  'client-key': 'client-key-data',
};

/**
 * A kubeconfig as the daemon takes it, which may run on another machine: the one context alone, and the files that it
 * names put into it. No other cluster's credential leaves the file. Undefined when none was given. Throws UsageError, NotFound `no_such_file`.
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
    configuration: oneContext(readTextFile(kubeconfig), context, dirname(resolve(kubeconfig))),
  };
}

function oneContext(text: string, context: string | undefined, directory: string): string {
  const document = parseDocument(text);
  if (document.errors.length > 0) throw new UsageError('bad_kubeconfig', 'the kubeconfig is not YAML');
  const name = context ?? document.get('current-context');
  const chosen = entries(document, 'contexts').find((entry) => entry.get('name') === name);
  for (const [list, holder] of [
    ['clusters', 'cluster'],
    ['users', 'user'],
  ] as const) {
    const meant = chosen?.getIn(['context', holder]);
    const kept = entries(document, list).filter((entry) => entry.get('name') === meant);
    if (document.has(list)) document.set(list, document.createNode(kept));
    for (const entry of kept) {
      const fields = entry.get(holder);
      if (isMap(fields)) embedFiles(fields, directory);
    }
  }
  return document.toString();
}

function entries(document: Document, list: string): readonly YAMLMap[] {
  const found = document.get(list);
  return isSeq(found) ? found.items.filter((item) => isMap(item)) : [];
}

function embedFiles(fields: YAMLMap, directory: string): void {
  for (const [name, embedded] of Object.entries(EMBEDDED)) {
    const path = fields.get(name);
    if (typeof path !== 'string' || path === '' || fields.has(embedded)) continue;
    fields.set(embedded, Buffer.from(readTextFile(resolve(directory, path))).toString('base64'));
    fields.delete(name);
  }
  const token = fields.get('tokenFile');
  if (typeof token === 'string') fields.set('tokenFile', resolve(directory, token));
  // A plugin that is named with a slash is looked for beside the file, any other one on the PATH.
  const plugin = fields.getIn(['exec', 'command']);
  if (typeof plugin === 'string' && plugin.includes('/')) {
    fields.setIn(['exec', 'command'], resolve(directory, plugin));
  }
}
