import type { Client } from '../../api/client.ts';
import { UsageError } from '../../base/errors.ts';
import type { Io } from '../io.ts';
import { printDocument } from '../output.ts';
import { whileWaiting } from '../spinner.ts';
import { withHostKey } from './host-key.ts';
import { type KubeconfigOptions, kubeconfigFields } from './kubeconfig-file.ts';
import { type PassphraseOptions, passphraseInput, withPassphrase } from './passphrase.ts';
import { labelsOf, printSaved } from './report.ts';
import { type SecretOptions, secretInput } from './secret-input.ts';
import { type SshOptions, sshFields } from './ssh-options.ts';

export interface EditOptions extends SecretOptions, KubeconfigOptions, SshOptions, PassphraseOptions {
  readonly json: boolean;
  readonly name: string;
  readonly labels: readonly string[];
  readonly test: boolean;
  readonly acceptHostKey: boolean;
}

export async function run(options: EditOptions, io: Io, client: Client): Promise<void> {
  const params = { name: options.name };
  const currentUrl = async () => options.url ?? (await client.call('connectionShow', { params })).url;
  const passphrase = await passphraseInput(options, io);
  const secret = await secretInput(options, false, io);
  const change = {
    ...(options.url === undefined ? {} : { url: options.url }),
    ...kubeconfigFields(options),
    ...(await sshFields(options, currentUrl)),
    ...(options.labels.length === 0 ? {} : { labels: labelsOf(options.labels) }),
    ...secret,
  };
  if (Object.keys({ ...change, ...passphrase }).length === 0 && !options.acceptHostKey) {
    throw new UsageError('nothing_to_change', 'nothing to change was given', {
      next: '--url, --password-stdin, --secret-ref, --key, --jump, --known-hosts, --accept-host-key or --label',
    });
  }
  const saved = await withHostKey(options.acceptHostKey, io, (acceptHostKey) =>
    withPassphrase(passphrase, io, (unlocking) => {
      const body = { ...change, ...acceptHostKey, ...unlocking, test: options.test };
      return whileWaiting(io, `testing ${options.name}`, client.call('connectionEdit', { params, body }));
    }),
  );
  if (options.json) printDocument(io, saved);
  else printSaved(io, saved, 'changed');
}
