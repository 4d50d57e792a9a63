import { randomBytes } from 'node:crypto';
import { Internal } from '../base/errors.ts';
import type { SecretVault } from '../secret/reference.ts';
import type { SettingRows } from '../store/store.ts';

const REFERENCE = 'mask.key';
const ACCOUNT = 'mask-key';
const KEY_BYTES = 32;

/**
 * The installation's key for masks of strategy `hash`, made at the first need and kept in the vault. A new one
 * would break every join over masked values, so a lost one is an error: Internal `mask_key_unreadable`.
 */
export function installationKey(settings: SettingRows, vault: SecretVault): () => Promise<Uint8Array> {
  let key: Promise<Uint8Array> | undefined;
  return () => {
    key ??= readOrMake(settings, vault).catch((error: unknown) => {
      // What was wrong may be mended while the daemon runs.
      key = undefined;
      throw error;
    });
    return key;
  };
}

async function readOrMake(settings: SettingRows, vault: SecretVault): Promise<Uint8Array> {
  const reference = await settings.get(REFERENCE);
  if (reference === undefined) {
    const made = randomBytes(KEY_BYTES);
    await settings.set(REFERENCE, await vault.store(ACCOUNT, made.toString('base64url')));
    return made;
  }
  const key = Buffer.from(await vault.read(reference), 'base64url');
  if (key.length === KEY_BYTES) return key;
  throw new Internal('mask_key_unreadable', 'the key of hashed masks is damaged', {
    next: 'hoopctl doctor',
  });
}
