import type { Client } from '../../api/client.ts';
import type { Io } from '../io.ts';
import { printDocument } from '../output.ts';
import { askWith } from '../questions.ts';
import { whileWaiting } from '../spinner.ts';
import { withHostKey } from './host-key.ts';
import { type KubeconfigOptions, kubeconfigFields } from './kubeconfig-file.ts';
import { labelsOf, printSaved } from './report.ts';
import { type SecretOptions, secretInput } from './secret-input.ts';

export interface AddOptions extends SecretOptions, KubeconfigOptions {
  readonly json: boolean;
  readonly name: string;
  readonly labels: readonly string[];
  readonly test: boolean;
  readonly acceptHostKey: boolean;
}

export async function run(options: AddOptions, io: Io, client: Client): Promise<void> {
  const labels = labelsOf(options.labels);
  const kubeconfig = kubeconfigFields(options);
  const url =
    kubeconfig?.url ??
    options.url ??
    (await askWith(io, 'the URL of the target is needed', '--url').line('URL (postgres://user@host/db):'));
  const secret = await secretInput({ ...options, url }, kubeconfig === undefined, io);
  const body = { name: options.name, url, ...kubeconfig, ...secret, labels, test: options.test };
  const saved = await withHostKey(options.acceptHostKey, io, (acceptHostKey) => {
    const call = client.call('connectionAdd', { body: { ...body, ...acceptHostKey } });
    return whileWaiting(io, `testing ${options.name}`, call);
  });
  if (options.json) printDocument(io, saved);
  else printSaved(io, saved, 'saved');
}
