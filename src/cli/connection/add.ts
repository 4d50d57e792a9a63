import type { Client } from '../../api/client.ts';
import type { Io } from '../io.ts';
import { printDocument } from '../output.ts';
import { askWith } from '../questions.ts';
import { whileWaiting } from '../spinner.ts';
import { withHostKey } from './host-key.ts';
import { type KubeconfigOptions, kubeconfigFields } from './kubeconfig-file.ts';
import { type PassphraseOptions, passphraseInput, withPassphrase } from './passphrase.ts';
import { labelsOf, printSaved } from './report.ts';
import { type SecretOptions, secretInput } from './secret-input.ts';
import { type SshOptions, sshFields } from './ssh-options.ts';

export interface AddOptions extends SecretOptions, KubeconfigOptions, SshOptions, PassphraseOptions {
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
  const ssh = await sshFields(options, async () => url);
  const passphrase = await passphraseInput(options, io);
  const secret = await secretInput({ ...options, url }, kubeconfig === undefined, io);
  const body = { name: options.name, url, ...kubeconfig, ...ssh, ...secret, labels, test: options.test };
  const saved = await withHostKey(options.acceptHostKey, io, (acceptHostKey) =>
    withPassphrase(passphrase, io, (unlocking) => {
      const call = client.call('connectionAdd', { body: { ...body, ...acceptHostKey, ...unlocking } });
      return whileWaiting(io, `testing ${options.name}`, call);
    }),
  );
  if (options.json) printDocument(io, saved);
  else printSaved(io, saved, 'saved');
}
