import { UsageError } from '../../base/errors.ts';
import { readTextFile } from '../text-file.ts';

export interface SshOptions {
  /** A known_hosts file that knows the host. */
  readonly knownHosts: string | undefined;
  /** A file with the public keys of authorities that sign for hosts. */
  readonly hostCa: string | undefined;
  /** The connection to reach the host through. */
  readonly jump: string | undefined;
}

export interface SshFields {
  readonly url: string;
  readonly configuration?: string;
}

/**
 * What the options for SSH come to: a URL that says them, and a known_hosts text for the daemon, which may run on
 * another machine. `current` gives the URL to change, when none was given; undefined when none of them stands there.
 * Throws UsageError `not_ssh`, `bad_public_key`, NotFound `no_such_file`.
 */
export async function sshFields(
  options: SshOptions,
  current: () => Promise<string>,
): Promise<SshFields | undefined> {
  const { hostCa, jump, knownHosts } = options;
  if (hostCa === undefined && jump === undefined && knownHosts === undefined) return undefined;
  const text = await current();
  if (!/^ssh:\/\//i.test(text)) {
    throw new UsageError('not_ssh', '--known-hosts, --host-ca and --jump are for SSH connections', {
      next: 'give them with --url ssh://user@host:port',
    });
  }
  const lines = [
    ...(knownHosts === undefined ? [] : [readTextFile(knownHosts)]),
    ...(hostCa === undefined ? [] : authorityLines(readTextFile(hostCa), hostCa)),
  ];
  return {
    url: jump === undefined ? text : withJump(text, jump),
    ...(lines.length === 0 ? {} : { configuration: lines.join('\n') }),
  };
}

/** As known_hosts has them; whichever hosts they sign for, the certificate must name this one. */
function authorityLines(text: string, path: string): readonly string[] {
  const keys = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const bad = keys.find((line) => !/^(ssh|ecdsa)-[a-z0-9-]+ [A-Za-z0-9+/]+=*( |$)/.test(line));
  if (keys.length === 0 || bad !== undefined) {
    throw new UsageError('bad_public_key', `${path} holds no public keys`, {
      next: 'give the .pub file of the key that signs host certificates',
    });
  }
  return keys.map((line) => `@cert-authority * ${line}`);
}

function withJump(text: string, jump: string): string {
  try {
    const url = new URL(text);
    url.searchParams.set('jump', jump);
    return url.toString();
  } catch {
    // The daemon says what is wrong with it.
    return text;
  }
}
