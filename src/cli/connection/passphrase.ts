import { HoopError, UsageError } from '../../base/errors.ts';
import type { Io } from '../io.ts';
import { tell } from '../output.ts';
import { secretFromStdin } from '../questions.ts';

export interface PassphraseOptions {
  readonly keyPassphraseStdin: boolean;
  readonly keyPassphraseRef: string | undefined;
  readonly passwordStdin: boolean;
}

export interface PassphraseFields {
  readonly passphrase?: string;
  readonly passphraseRef?: string;
}

const MOST_TRIES = 3;

/** What unlocks a private key, where a flag says it. Throws UsageError `two_secrets`. */
export async function passphraseInput(options: PassphraseOptions, io: Io): Promise<PassphraseFields> {
  const { keyPassphraseRef, keyPassphraseStdin, passwordStdin } = options;
  if (keyPassphraseStdin && (passwordStdin || keyPassphraseRef !== undefined)) {
    throw new UsageError(
      'two_secrets',
      '--key-passphrase-stdin excludes --password-stdin and --key-passphrase-ref',
    );
  }
  if (keyPassphraseRef !== undefined) return { passphraseRef: keyPassphraseRef };
  if (!keyPassphraseStdin) return {};
  return { passphrase: await secretFromStdin(io, '--key-passphrase-stdin') };
}

/**
 * Saves a connection whose private key may turn out to be locked: then its passphrase is asked for, where somebody is
 * there to ask. Throws what `save` throws.
 */
export async function withPassphrase<T>(
  given: PassphraseFields,
  io: Io,
  save: (passphrase: PassphraseFields) => Promise<T>,
): Promise<T> {
  let fields = given;
  for (let tries = 1; ; tries++) {
    try {
      return await save(fields);
    } catch (error) {
      const code = error instanceof HoopError ? error.code : '';
      const isLocked = code === 'private_key_locked' || code === 'private_key_passphrase';
      if (!isLocked || io.prompts === undefined || tries > MOST_TRIES) throw error;
      if (code === 'private_key_passphrase') tell(io, 'that does not unlock it');
      fields = { passphrase: await io.prompts.secret('Passphrase of the private key:') };
    }
  }
}
