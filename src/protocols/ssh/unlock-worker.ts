import { parentPort, workerData } from 'node:worker_threads';
import ssh2 from 'ssh2';

/**
 * Unlocks one private key of OpenSSH's own form, on a thread of its own: its key derivation is slow on purpose, and
 * every session of the daemon would wait for it. Answers with the key in PEM, undefined when the passphrase is wrong.
 */
const { key, passphrase } = workerData as { readonly key: string; readonly passphrase: string };
const parsed = ssh2.utils.parseKey(key, passphrase);
parentPort?.postMessage(parsed instanceof Error ? undefined : parsed.getPrivatePEM());
