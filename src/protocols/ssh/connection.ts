import { z } from 'zod';
import { UsageError } from '../../base/errors.ts';
import { readStoredSettings } from '../stored-settings.ts';
import { knownOf } from './host-trust/known-hosts.ts';
import { publicKeyOf, typeOf } from './host-trust/public-key.ts';

export const DEFAULT_PORT = 22;

/** `SHA256:` and 43 digits of base64: what `ssh-keygen -l` prints. */
export const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/;
/** The same, behind the key's type and a slash where that is known. */
const PINNED_KEY = /^([a-z0-9-]{1,32}\/)?SHA256:[A-Za-z0-9+/]{43}$/;
const PUBLIC_KEY = /^[a-z0-9-]{1,32} [A-Za-z0-9+/]{16,8192}=*$/;
/** Keys of each sort that one host may be known by. */
const MOST_KEYS = 64;

/** Where an SSH server is and how the gateway proves itself to it; nothing in it is a secret. */
export const settingsSchema = z.strictObject({
  host: z.string().min(1).max(255),
  port: z.number().int().min(1).max(65_535),
  user: z.string().min(1).max(255),
  /** The host's keys, any of which it may show: `SHA256:…`, or `ssh-ed25519/SHA256:…`. */
  hostKeys: z.array(z.string().regex(PINNED_KEY)).max(MOST_KEYS).default([]),
  /** Public keys whose certificates show a key to be the host's, `ssh-ed25519 AAAA…`. No session begins without these or those. */
  hostAuthorities: z.array(z.string().regex(PUBLIC_KEY)).max(MOST_KEYS).default([]),
  /** Keys of the host or of its authorities that count no more, by their SHA-256. */
  revokedKeys: z.array(z.string().regex(FINGERPRINT)).max(MOST_KEYS).default([]),
  /** What the host is called in certificates and in known_hosts, where that is not `host`. */
  hostKeyAlias: z.string().min(1).max(255).optional(),
  /** The connection whose machine dials `host`. */
  jump: z.string().min(1).max(128).optional(),
  /** Socket of an SSH agent on the daemon's machine that holds the key. */
  agent: z.string().startsWith('/').max(1024).optional(),
});
export type SshSettings = z.infer<typeof settingsSchema>;

/** Those that may stand several times are true. */
const PARAMETERS: Readonly<Record<string, boolean>> = {
  hostkey: true,
  hostca: true,
  revoked: true,
  hostkeyalias: false,
  jump: false,
  agent: false,
};

/**
 * Reads `ssh://user@host:22?hostkey=SHA256:…&hostca=ssh-ed25519 AAAA…&jump=bastion&agent=/path`; what a known_hosts
 * file says of the host comes to it. Throws UsageError `bad_connection_url`, `bad_known_hosts`,
 * `host_not_in_known_hosts`; no message repeats what could be a password.
 */
export function parseConnection(
  text: string,
  knownHosts?: string,
): {
  readonly settings: SshSettings;
  readonly secret: string | undefined;
} {
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    throw badUrl('it is no URL');
  }
  if (url.username === '') throw badUrl('it names no user');
  if (url.hostname === '') throw badUrl('it names no host');
  if (url.pathname !== '' && url.pathname !== '/') throw badUrl('a path means nothing here');
  for (const name of new Set(url.searchParams.keys())) {
    const repeats = PARAMETERS[name];
    if (repeats === undefined) {
      throw badUrl(`unknown parameter "${name}"; there are ${Object.keys(PARAMETERS).join(', ')}`);
    }
    if (!repeats && url.searchParams.getAll(name).length > 1) throw badUrl(`"${name}" stands there twice`);
  }
  // A plus sign is a digit of base64 and not a blank, as a query would have it.
  const all = (name: string) => url.searchParams.getAll(name).map((value) => value.replaceAll(' ', '+'));
  const one = (name: string, key: string) => {
    const value = url.searchParams.get(name);
    return value === null ? {} : { [key]: value };
  };
  const read = settingsSchema.safeParse({
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    user: decoded(url.username),
    hostKeys: all('hostkey'),
    hostAuthorities: all('hostca').map((value) => value.replace('+', ' ')),
    revokedKeys: all('revoked'),
    ...one('hostkeyalias', 'hostKeyAlias'),
    ...one('jump', 'jump'),
    ...one('agent', 'agent'),
  });
  if (!read.success) throw badUrl(`"${String(read.error.issues[0]?.path[0])}" is not valid`);
  const settings = knownHosts === undefined ? read.data : withKnownHosts(read.data, knownHosts);
  requireReadable(settings.hostAuthorities);
  return { settings, secret: decoded(url.password) || undefined };
}

/** What a host is called where its keys are listed: in lower case, as `ssh` looks for it. */
export function knownName({ host, hostKeyAlias }: Pick<SshSettings, 'host' | 'hostKeyAlias'>): string {
  return (hostKeyAlias ?? host).toLowerCase();
}

/** Throws UsageError `host_not_in_known_hosts` when the file gives nothing to know the host by. */
function withKnownHosts(settings: SshSettings, text: string): SshSettings {
  // ssh_config(5), HostKeyAlias: looked for as it is, without the port.
  const port = settings.hostKeyAlias === undefined ? settings.port : DEFAULT_PORT;
  const known = knownOf(text, knownName(settings), port);
  if (known.keys.length + known.authorities.length === 0) {
    throw new UsageError(
      'host_not_in_known_hosts',
      `the file says nothing of ${hostInUrl(knownName(settings))}`,
      {
        why: known.revoked.length > 0 ? 'but that keys of it are revoked' : 'no line of it names the host',
        next: 'give another --known-hosts file, a --host-ca, or name the host as the file does: ?hostkeyalias=NAME',
      },
    );
  }
  const joined = {
    ...settings,
    hostKeys: [...new Set([...settings.hostKeys, ...known.keys])],
    hostAuthorities: [...new Set([...settings.hostAuthorities, ...known.authorities])],
    revokedKeys: [...new Set([...settings.revokedKeys, ...known.revoked])],
  };
  const read = settingsSchema.safeParse(joined);
  if (read.success) return read.data;
  throw new UsageError('bad_known_hosts', `the file has more than ${MOST_KEYS} keys for this host`, {
    next: 'give one with fewer lines for it',
  });
}

/** An authority that cannot be read would never match, and nobody would know why. */
function requireReadable(authorities: readonly string[]): void {
  for (const line of authorities) {
    const [type = '', base64 = ''] = line.split(' ');
    try {
      const blob = Buffer.from(base64, 'base64');
      publicKeyOf(blob);
      if (typeOf(blob) === type) continue;
    } catch {
      // Said below.
    }
    throw badUrl(`the host authority of type ${type} is no public key that can sign for hosts`);
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badUrl('a % is not followed by two digits');
  }
}

function badUrl(why: string): UsageError {
  return new UsageError('bad_connection_url', 'this is not an SSH URL', {
    why,
    next: 'write ssh://user@host:22',
  });
}

/** Throws Internal `bad_connection_settings`. */
export const readSettings = (text: string): SshSettings => readStoredSettings(settingsSchema, text);

export function urlOf(settings: SshSettings): string {
  const { agent, host, hostKeyAlias, jump, port, user } = settings;
  const query = [
    ...settings.hostKeys.map((key) => `hostkey=${key}`),
    ...settings.hostAuthorities.map((key) => `hostca=${encodeURIComponent(key)}`),
    ...settings.revokedKeys.map((key) => `revoked=${key}`),
    ...(hostKeyAlias === undefined ? [] : [`hostkeyalias=${encodeURIComponent(hostKeyAlias)}`]),
    ...(jump === undefined ? [] : [`jump=${encodeURIComponent(jump)}`]),
    ...(agent === undefined ? [] : [`agent=${encodeURIComponent(agent).replaceAll('%2F', '/')}`]),
  ];
  const place = `${hostInUrl(host)}${port === DEFAULT_PORT ? '' : `:${port}`}`;
  return `ssh://${encodeURIComponent(user)}@${place}${query.length === 0 ? '' : `?${query.join('&')}`}`;
}

export function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** `SSH web-1:22 as deploy`, and through which connection. */
export function describeConnection({ host, jump, port, user }: SshSettings): string {
  return `SSH ${hostInUrl(host)}:${port} as ${user}${jump === undefined ? '' : ` through ${jump}`}`;
}
