import { z } from 'zod';
import { UsageError } from '../../base/errors.ts';
import { readStoredSettings } from '../stored-settings.ts';

export const DEFAULT_PORT = 22;

/** `SHA256:` and 43 digits of base64: what `ssh-keygen -l` prints. */
export const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/;

/** Where an SSH server is and how the gateway proves itself to it; nothing in it is a secret. */
export const settingsSchema = z.strictObject({
  host: z.string().min(1).max(255),
  port: z.number().int().min(1).max(65_535),
  user: z.string().min(1).max(255),
  /** The host's key, by its SHA-256; no session begins without one. */
  hostKey: z.string().regex(FINGERPRINT).optional(),
  /** Socket of an SSH agent on the daemon's machine that holds the key. */
  agent: z.string().startsWith('/').max(1024).optional(),
});
export type SshSettings = z.infer<typeof settingsSchema>;

const PARAMETERS = ['hostkey', 'agent'];

/**
 * Reads `ssh://user@host:22?hostkey=SHA256:…&agent=/path`. Throws UsageError `bad_connection_url`; no message
 * repeats what could be a password.
 */
export function parseConnection(text: string): {
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
  for (const name of url.searchParams.keys()) {
    if (!PARAMETERS.includes(name))
      throw badUrl(`unknown parameter "${name}"; there are ${PARAMETERS.join(', ')}`);
  }
  // A plus sign is a digit of base64 and not a blank, as a query would have it.
  const hostKey = url.searchParams.get('hostkey')?.replaceAll(' ', '+');
  const agent = url.searchParams.get('agent');
  const read = settingsSchema.safeParse({
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    user: decoded(url.username),
    ...(hostKey === undefined ? {} : { hostKey }),
    ...(agent === null ? {} : { agent }),
  });
  if (!read.success) throw badUrl(`"${String(read.error.issues[0]?.path[0])}" is not valid`);
  return { settings: read.data, secret: decoded(url.password) || undefined };
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

export function urlOf({ host, port, user, hostKey, agent }: SshSettings): string {
  const query = [
    ...(hostKey === undefined ? [] : [`hostkey=${hostKey}`]),
    ...(agent === undefined ? [] : [`agent=${encodeURIComponent(agent).replaceAll('%2F', '/')}`]),
  ];
  const place = `${hostInUrl(host)}${port === DEFAULT_PORT ? '' : `:${port}`}`;
  return `ssh://${encodeURIComponent(user)}@${place}${query.length === 0 ? '' : `?${query.join('&')}`}`;
}

export function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** `SSH web-1:22 as deploy`. */
export function describeConnection({ host, port, user }: SshSettings): string {
  return `SSH ${hostInUrl(host)}:${port} as ${user}`;
}
