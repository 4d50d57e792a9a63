import type { SecretVault } from '../secret/reference.ts';
import type { SettingRows } from '../store/store.ts';

/** A host key; the public part is one line as `known_hosts` has it. */
export interface HostKey {
  readonly private: string;
  readonly public: string;
}

const REFERENCE = 'ssh.host-key';
const PUBLIC = 'ssh.host-key.public';
const ACCOUNT = 'ssh-host-key';

/**
 * The key by which SSH clients know this gateway, made at the first need; its private part is kept in the vault.
 * A new one would make every client warn of an impostor, so a lost one is an error that the vault throws.
 */
export function gatewayHostKey(
  settings: SettingRows,
  vault: SecretVault,
  make: () => Promise<HostKey>,
): () => Promise<HostKey> {
  let key: Promise<HostKey> | undefined;
  return () => {
    key ??= readOrMake(settings, vault, make).catch((error: unknown) => {
      // What was wrong may be mended while the daemon runs.
      key = undefined;
      throw error;
    });
    return key;
  };
}

async function readOrMake(
  settings: SettingRows,
  vault: SecretVault,
  make: () => Promise<HostKey>,
): Promise<HostKey> {
  const [reference, shown] = [await settings.get(REFERENCE), await settings.get(PUBLIC)];
  if (reference !== undefined && shown !== undefined) {
    return { private: await vault.read(reference), public: shown };
  }
  const made = await make();
  await settings.set(PUBLIC, made.public);
  await settings.set(REFERENCE, await vault.store(ACCOUNT, made.private));
  return made;
}
