import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Internal, NotFound, UsageError } from '../base/errors.ts';
import { errorCode, isOpenToOthers, readBounded } from './bounded-file.ts';
import { readFromCommand } from './command.ts';
import { encryptedFile } from './encrypted-file.ts';
import { type Keychain, probeKeychain, systemKeychain } from './keychain.ts';
import type { SecretVault } from './reference.ts';
import { parseReference } from './references.ts';

/** Longest secret in a file, in bytes. */
const SECRET_LIMIT = 64 * 1024;

export interface VaultOptions {
  /** Directory (0700) of the encrypted file and its key file. */
  readonly dir: string;
  /**
   * For `env:` references, the environment of `exec:` commands, `HOOPCTL_SECRET_PASSPHRASE_FILE` and
   * `HOOPCTL_SECRET_STORE` (`encrypted` leaves the keychain alone).
   */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Passphrase of the encrypted file; goes before `HOOPCTL_SECRET_PASSPHRASE_FILE`. */
  readonly passphrase?: string;
  /** The keychain to try; rejects where there is none. The system's unless a test says otherwise. */
  readonly keychain?: () => Promise<Keychain>;
  /** Called with what the owner should know: a secret file that others may read. */
  readonly warn?: (message: string) => void;
}

type Backend =
  | { readonly kind: 'keychain'; readonly keychain: Keychain }
  | { readonly kind: 'encrypted'; readonly warning: string };

/** Opens the vault; the keychain is probed once, at the first need. */
export function openVault(options: VaultOptions): SecretVault {
  return new Vault(options);
}

class Vault implements SecretVault {
  readonly #options: VaultOptions;
  #probed: Promise<Backend> | undefined;
  #opened: ReturnType<typeof openEncrypted> | undefined;

  constructor(options: VaultOptions) {
    this.#options = options;
  }

  async store(account: string, secret: string): Promise<string> {
    const reference = parseReference(`encrypted:${account}`);
    if (reference.kind !== 'encrypted' || secret === '') {
      throw new UsageError('bad_secret', 'an empty secret cannot be stored');
    }
    const found = await this.#backend();
    if (found.kind === 'keychain') {
      const own = `${account}.${await keychainId(this.#options.dir)}`;
      await found.keychain.set(own, secret).catch((error: unknown) => {
        throw new Internal('secret_unwritable', 'the system keychain did not store the secret', {
          why: errorCode(error),
        });
      });
      return `keychain:${own}`;
    }
    await (await this.#encrypted()).set(account, secret);
    return `encrypted:${account}`;
  }

  async read(text: string): Promise<string> {
    const { environment, warn } = this.#options;
    const reference = parseReference(text);
    switch (reference.kind) {
      case 'keychain':
        return this.#readKeychain(reference.account);
      case 'encrypted': {
        const secret = await (await this.#encrypted()).get(reference.account);
        return secret ?? missing(`the encrypted file has no ${reference.account}`);
      }
      case 'env':
        return environment[reference.name] || missing(`the daemon's environment has no ${reference.name}`);
      case 'file':
        return readFromFile(reference.path, warn);
      case 'exec':
        return readFromCommand(reference.command, environment);
      default:
        return reference satisfies never;
    }
  }

  async remove(text: string): Promise<void> {
    const reference = parseReference(text);
    if (reference.kind === 'keychain')
      await (await this.#keychainOf(reference.account)).remove(reference.account);
    if (reference.kind === 'encrypted') await (await this.#encrypted()).remove(reference.account);
  }

  async backend(): ReturnType<SecretVault['backend']> {
    const found = await this.#backend();
    return found.kind === 'keychain' ? { kind: 'keychain' } : found;
  }

  #backend(): Promise<Backend> {
    this.#probed ??= chooseBackend(this.#options);
    return this.#probed;
  }

  #encrypted(): ReturnType<typeof openEncrypted> {
    this.#opened ??= openEncrypted(this.#options).catch((error: unknown) => {
      // What was wrong may be mended while the daemon runs.
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async #keychainOf(account: string): Promise<Keychain> {
    const found = await this.#backend();
    if (found.kind === 'keychain') return found.keychain;
    throw new Internal(
      'secret_unreadable',
      `${account} is in the system keychain, which cannot be used now`,
      {
        why: found.warning,
        next: 'unlock the keychain, or store the password again: hoopctl connection edit NAME --password-stdin',
      },
    );
  }

  async #readKeychain(account: string): Promise<string> {
    const keychain = await this.#keychainOf(account);
    const secret = await keychain.get(account).catch((error: unknown) => {
      throw new Internal('secret_unreadable', `the system keychain did not give ${account}`, {
        why: errorCode(error),
      });
    });
    return secret ?? missing(`the system keychain has no ${account}`);
  }
}

/** Why a credential lies where others may read it. */
interface WeakReference {
  readonly message: string;
  /** Null where there is nothing better on some machines. */
  readonly fix: string | null;
}

/** Why a reference is weaker than it could be, for `doctor`; undefined when it is not. */
export async function weaknessOf(text: string): Promise<WeakReference | undefined> {
  const reference = parseReference(text);
  if (reference.kind === 'env') {
    const message = "a secret in the environment can be read by every process of the daemon's user";
    return { message, fix: null };
  }
  if (reference.kind !== 'file') return undefined;
  const file = await readBounded(reference.path, SECRET_LIMIT, true).catch(() => undefined);
  return file === undefined ? undefined : openFile(reference.path, file.mode);
}

async function chooseBackend(options: VaultOptions): Promise<Backend> {
  if (options.environment.HOOPCTL_SECRET_STORE === 'encrypted')
    return encryptedBackend('HOOPCTL_SECRET_STORE says so');
  let why: string | undefined;
  try {
    const keychain = await (options.keychain ?? systemKeychain)();
    why = await probeKeychain(keychain);
    if (why === undefined) return { kind: 'keychain', keychain };
  } catch (error) {
    why = errorCode(error);
  }
  return encryptedBackend(why);
}

function encryptedBackend(why: string): Backend {
  return {
    kind: 'encrypted',
    warning: `no usable system keychain (${why}); secrets go to an encrypted file, which protects them no better than its key file or passphrase is kept`,
  };
}

/**
 * Several state directories of one user share one keychain; each marks its accounts by eight random bytes of its
 * own. A reference holds the whole account, so losing the mark loses no secret.
 */
async function keychainId(dir: string): Promise<string> {
  const path = join(dir, 'keychain-id');
  await writeFile(path, randomBytes(8).toString('hex'), { flag: 'wx', mode: 0o600 }).catch(
    (error: unknown) => {
      if (errorCode(error) === 'EEXIST') return;
      throw new Internal('secret_unwritable', `cannot write ${path}: ${errorCode(error)}`);
    },
  );
  const id = (await readBounded(path, 64, false)).bytes.toString('utf8');
  if (/^[0-9a-f]{16}$/.test(id)) return id;
  throw new Internal('secret_unwritable', `${path} is damaged`, { next: `remove it; a new one is made` });
}

async function openEncrypted(options: VaultOptions) {
  const path = options.environment.HOOPCTL_SECRET_PASSPHRASE_FILE;
  if (options.passphrase !== undefined || path === undefined || path === '') {
    return encryptedFile({ dir: options.dir, passphrase: options.passphrase });
  }
  const file = await readBounded(path, SECRET_LIMIT, true).catch((error: unknown) => {
    throw new Internal(
      'secret_unreadable',
      `HOOPCTL_SECRET_PASSPHRASE_FILE cannot be read: ${errorCode(error)}`,
    );
  });
  if (isOpenToOthers(file)) {
    throw new Internal('secret_unreadable', `others may read ${path} (mode ${file.mode.toString(8)})`, {
      next: `chmod 600 ${path}`,
    });
  }
  const passphrase = withoutNewline(file.bytes.toString('utf8'));
  if (passphrase === '') throw new Internal('secret_unreadable', `${path} is empty`);
  return encryptedFile({ dir: options.dir, passphrase });
}

/** A link is followed: container platforms mount secrets as links. */
async function readFromFile(path: string, warn: VaultOptions['warn']): Promise<string> {
  const file = await readBounded(path, SECRET_LIMIT, true).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return missing(`there is no file ${path}`);
    throw new Internal('secret_unreadable', `${path} cannot be read: ${errorCode(error)}`);
  });
  const weak = openFile(path, file.mode);
  if (weak !== undefined) warn?.(`${weak.message}: ${weak.fix}`);
  return withoutNewline(file.bytes.toString('utf8')) || missing(`${path} is empty`);
}

function openFile(path: string, mode: number): WeakReference | undefined {
  if (!isOpenToOthers({ mode })) return undefined;
  const message = `others may read the secret in ${path} (mode ${mode.toString(8)})`;
  return { message, fix: `chmod 600 ${path}` };
}

function withoutNewline(text: string): string {
  return text.replace(/\r?\n$/, '');
}

function missing(message: string): never {
  throw new NotFound('secret_missing', message, {
    next: 'store it again: hoopctl connection edit NAME --password-stdin',
  });
}
