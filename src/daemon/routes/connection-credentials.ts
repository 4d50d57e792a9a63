import { UsageError } from '../../base/errors.ts';
import type { Protocol } from '../../protocols/protocol.ts';
import type { SecretVault } from '../../secret/reference.ts';
import { parseReference } from '../../secret/references.ts';
import type { ConnectionRow } from '../../store/store.ts';

/** A secret as a caller gave it: itself, to be kept, a reference to where it is kept, or none. */
export interface GivenSecret {
  readonly secret: string | undefined;
  readonly reference: string | undefined;
}

/** What a caller gave to prove the gateway with. */
export interface GivenCredential {
  readonly own: GivenSecret;
  /** What unlocks it. */
  readonly passphrase: GivenSecret;
  readonly warning: string | undefined;
}

interface CredentialFields {
  readonly secret?: string | undefined;
  readonly secretRef?: string | undefined;
  readonly passphrase?: string | undefined;
  readonly passphraseRef?: string | undefined;
}

const NONE: GivenSecret = { secret: undefined, reference: undefined };

/** Throws UsageError `two_credentials`, `bad_secret_reference`. */
export function givenCredential(
  body: CredentialFields,
  parsed: Pick<ReturnType<Protocol['parseUrl']>, 'secret' | 'secretOfFile'> | undefined,
): GivenCredential {
  const passphrase = given(body.passphrase, body.passphraseRef, 'the passphrase');
  const own = given(body.secret, body.secretRef, 'the password');
  const inUrl = parsed?.secret;
  if (own !== NONE || inUrl === undefined) return { own, passphrase, warning: undefined };
  const warning = parsed?.secretOfFile
    ? undefined
    : 'the URL held a password; it was taken out, but your shell history may still show it';
  return { own: { secret: inUrl, reference: undefined }, passphrase, warning };
}

function given(secret: string | undefined, reference: string | undefined, what: string): GivenSecret {
  if (secret !== undefined && reference !== undefined) {
    throw new UsageError('two_credentials', `give ${what} or a reference to it, not both`);
  }
  if (reference !== undefined) parseReference(reference);
  return secret === undefined && reference === undefined ? NONE : { secret, reference };
}

/** What was given, and what of `before` it leaves as it is: a passphrase unlocks its own key alone. */
export function credentialAfter(before: ConnectionRow, after: GivenCredential): GivenCredential {
  if (after.own !== NONE) return after;
  const own = { secret: undefined, reference: before.secretRef };
  if (after.passphrase !== NONE) return { ...after, own };
  return { ...after, own, passphrase: { secret: undefined, reference: before.passphraseRef } };
}

/** Where a credential's parts are kept, for the connection's row. */
export interface KeptCredential {
  readonly secretRef: string | undefined;
  readonly passphraseRef: string | undefined;
  /** What is new in the vault. */
  readonly fresh: readonly string[];
  readonly stored: { readonly backend: string; readonly warning: string | null } | null;
}

/** Keeps the secrets in the vault, beside the old ones, which stay good until the row names the new ones. */
export async function keepCredential(
  vault: SecretVault,
  account: string,
  { own, passphrase, warning }: GivenCredential,
): Promise<KeptCredential> {
  const secretRef = own.secret === undefined ? own.reference : await vault.store(account, own.secret);
  const passphraseRef =
    passphrase.secret === undefined
      ? passphrase.reference
      : await vault.store(`${account}.passphrase`, passphrase.secret);
  const fresh = [
    ...(own.secret === undefined || secretRef === undefined ? [] : [secretRef]),
    ...(passphrase.secret === undefined || passphraseRef === undefined ? [] : [passphraseRef]),
  ];
  if (fresh.length === 0) return { secretRef, passphraseRef, fresh, stored: null };
  const backend = await vault.backend();
  const warnings = [warning, backend.warning].filter((one) => one !== undefined);
  const stored = { backend: backend.kind, warning: warnings.length === 0 ? null : warnings.join('; ') };
  return { secretRef, passphraseRef, fresh, stored };
}
