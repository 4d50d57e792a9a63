import type { Client } from '../../api/client.ts';
import { UsageError } from '../../base/errors.ts';
import type { Io } from '../io.ts';
import { printDocument } from '../output.ts';
import { whileWaiting } from '../spinner.ts';
import { withHostKey } from './host-key.ts';
import { type KubeconfigOptions, kubeconfigFields } from './kubeconfig-file.ts';
import { labelsOf, printSaved } from './report.ts';
import { type SecretOptions, secretInput } from './secret-input.ts';

export interface EditOptions extends SecretOptions, KubeconfigOptions {
  readonly json: boolean;
  readonly name: string;
  readonly labels: readonly string[];
  readonly test: boolean;
  readonly acceptHostKey: boolean;
}

export async function run(options: EditOptions, io: Io, client: Client): Promise<void> {
  const secret = await secretInput(options, false, io);
  const change = {
    ...(options.url === undefined ? {} : { url: options.url }),
    ...kubeconfigFields(options),
    ...(options.labels.length === 0 ? {} : { labels: labelsOf(options.labels) }),
    ...secret,
  };
  if (Object.keys(change).length === 0) {
    throw new UsageError('nothing_to_change', 'nothing to change was given', {
      next: '--url, --password-stdin, --secret-ref or --label',
    });
  }
  const saved = await withHostKey(options.acceptHostKey, io, (acceptHostKey) => {
    const call = client.call('connectionEdit', {
      params: { name: options.name },
      body: { ...change, ...acceptHostKey, test: options.test },
    });
    return whileWaiting(io, `testing ${options.name}`, call);
  });
  if (options.json) printDocument(io, saved);
  else printSaved(io, saved, 'changed');
}
