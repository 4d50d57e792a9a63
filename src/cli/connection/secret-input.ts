import { UsageError } from '../../base/errors.ts';
import type { Io } from '../io.ts';
import { warn } from '../output.ts';
import { secretFromStdin } from '../questions.ts';

export interface SecretOptions {
  readonly url: string | undefined;
  readonly passwordStdin: boolean;
  readonly secretRef: string | undefined;
  /** A reference to a private key: a secret reference under another name. */
  readonly key?: string | undefined;
}

export interface SecretFields {
  readonly secret?: string;
  readonly secretRef?: string;
}

/**
 * The credential in the form that the API takes. Asks only when `ask` is set, somebody is there, and nothing else
 * says where it comes from; an empty answer means that the target needs none.
 */
export async function secretInput(options: SecretOptions, ask: boolean, io: Io): Promise<SecretFields> {
  if (options.passwordStdin && options.secretRef !== undefined) {
    throw new UsageError('two_secrets', '--password-stdin and --secret-ref exclude each other');
  }
  if (options.key !== undefined) {
    if (options.passwordStdin || options.secretRef !== undefined) {
      throw new UsageError('two_secrets', '--key excludes --password-stdin and --secret-ref');
    }
    return { secretRef: options.key };
  }
  const inUrl = options.url !== undefined && urlHasPassword(options.url);
  if (inUrl) {
    warn(
      io,
      'the password in --url can be read by other processes while this runs, and stays in shell history',
    );
  }
  if (options.secretRef !== undefined) return { secretRef: options.secretRef };
  if (options.passwordStdin) return { secret: await secretFromStdin(io, '--password-stdin') };
  if (!ask || inUrl || io.prompts === undefined || options.url === undefined) return {};
  // An agent holds the key.
  if (/^ssh:.*[?&]agent=/i.test(options.url)) return {};
  const user = urlUser(options.url);
  const secret = await io.prompts.secret(`Password for ${user ?? 'the target'}:`);
  return secret === '' ? {} : { secret };
}

/** The user named in a URL or a libpq keyword string; undefined when there is none. */
function urlUser(url: string): string | undefined {
  const inUrl = /^[a-z][a-z0-9+.-]*:\/\/([^:@/?#]+)(?::[^@/?#]*)?@/i.exec(url)?.[1];
  if (inUrl !== undefined) return decoded(inUrl);
  return /(?:^|[\s?&])user\s*=\s*'?([^'\s&]+)/.exec(url)?.[1];
}

/** Whether a URL holds a password in clear, as its user part or a parameter. */
function urlHasPassword(url: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/[^:@/?#]*:[^@/?#]+@/i.test(url) || /(?:^|[\s?&])password\s*=/.test(url);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
