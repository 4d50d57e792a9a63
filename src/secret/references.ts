import { UsageError } from '../base/errors.ts';
import type { SecretReference } from './reference.ts';

/** Longest reference text; the API allows no more either. */
const LONGEST_REFERENCE = 4096;

/**
 * Reads `keychain:ACCOUNT`, `encrypted:ACCOUNT`, `env:NAME`, `file:PATH`, `exec:COMMAND`.
 * Throws UsageError `bad_secret_reference`; the text is not repeated, because it may be the secret itself.
 */
export function parseReference(text: string): SecretReference {
  const colon = text.indexOf(':');
  const kind = text.slice(0, Math.max(colon, 0));
  const rest = text.slice(colon + 1);
  if (text.length > LONGEST_REFERENCE || text.includes('\0') || rest === '') throw badReference();
  switch (kind) {
    case 'keychain':
    case 'encrypted':
      if (!/^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/.test(rest)) throw badReference();
      return { kind, account: rest };
    case 'env':
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(rest)) throw badReference();
      return { kind, name: rest };
    case 'file':
      if (!rest.startsWith('/')) throw badReference('a file reference needs an absolute path');
      return { kind, path: rest };
    case 'exec':
      return { kind, command: rest };
    default:
      throw badReference();
  }
}

function badReference(why?: string): UsageError {
  return new UsageError('bad_secret_reference', 'this is not a secret reference', {
    ...(why === undefined ? {} : { why }),
    next: 'write env:NAME, file:/absolute/path or exec:COMMAND; give a password itself with --password-stdin',
  });
}
