/** Where a connection's credential is kept; the connection holds this, never the secret. */
export type SecretReference =
  | { readonly kind: 'keychain'; readonly account: string }
  | { readonly kind: 'encrypted'; readonly account: string }
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'exec'; readonly command: string };

/** Stores and reads secrets by reference. */
export interface SecretVault {
  /** Stores in the keychain, or in the encrypted file where there is none; returns the reference as text (`keychain:c-…`). */
  store(account: string, secret: string): Promise<string>;
  /** Reads the secret behind a reference. Throws NotFound `secret_missing`, UsageError `bad_secret_reference`, Internal `secret_unreadable`. */
  read(reference: string): Promise<string>;
  /** Removes what `store` wrote; other references are left alone. */
  remove(reference: string): Promise<void>;
  /** Where new secrets go, with the warning that `doctor` repeats when that is not the keychain. */
  backend(): Promise<{ readonly kind: 'keychain' | 'encrypted'; readonly warning?: string }>;
}
