import { z } from 'zod';
import { readStoredSettings } from '../stored-settings.ts';

/** Where a connection leads and how it gets there, under libpq's names and meanings (PostgreSQL docs 34.1.2). No secret. */

export const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export const SESSION_ATTRIBUTES = [
  'any',
  'read-write',
  'read-only',
  'primary',
  'standby',
  'prefer-standby',
] as const;
export const AUTHENTICATION_METHODS = ['none', 'password', 'md5', 'scram-sha-256'] as const;
export const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

export const DEFAULT_PORT = 5432;
/** libpq waits for ever; a program that serves others may not. */
export const DEFAULT_CONNECT_TIMEOUT = 10;

const hostSchema = z.strictObject({
  /** A name, an address, or a directory with a Unix socket: it begins with `/`, or `@` for the abstract ones. */
  host: z.string().min(1),
  /** `hostaddr`: the address to dial, while `host` is what the certificate is checked for. */
  address: z.string().optional(),
  port: z.int().min(1).max(65_535),
});
export type TargetHost = z.infer<typeof hostSchema>;

export const settingsSchema = z.strictObject({
  /** Tried in this order. */
  hosts: z.array(hostSchema).min(1).max(32),
  database: z.string().min(1),
  user: z.string().min(1),
  sslmode: z.enum(SSL_MODES).default('prefer'),
  sslnegotiation: z.enum(['postgres', 'direct']).default('postgres'),
  /** A file of PEM certificates, or `system` for the machine's own authorities. */
  sslrootcert: z.string().optional(),
  sslcert: z.string().optional(),
  sslkey: z.string().optional(),
  sslcrl: z.string().optional(),
  sslsni: z.boolean().default(true),
  sslMinProtocolVersion: z.enum(TLS_VERSIONS).default('TLSv1.2'),
  sslMaxProtocolVersion: z.enum(TLS_VERSIONS).default('TLSv1.3'),
  channelBinding: z.enum(['disable', 'prefer', 'require']).default('prefer'),
  /** The ways to log in that are taken; undefined takes all. */
  requireAuth: z.array(z.enum(AUTHENTICATION_METHODS)).optional(),
  /** Seconds for each host. */
  connectTimeout: z.int().min(1).max(600).default(DEFAULT_CONNECT_TIMEOUT),
  targetSessionAttrs: z.enum(SESSION_ATTRIBUTES).default('any'),
  loadBalanceHosts: z.enum(['disable', 'random']).default('disable'),
  /** Minor version asked for: 2 gives longer cancel keys, but some poolers hang up on it. */
  protocolMinor: z.union([z.literal(0), z.literal(2)]).default(0),
  /** Least minor version taken. */
  leastProtocolMinor: z.union([z.literal(0), z.literal(2)]).default(0),
  applicationName: z.string().optional(),
  /** Command-line options for the server process, `-c name=value`. */
  options: z.string().optional(),
  keepalives: z.boolean().default(true),
  /** Seconds of silence before the first keepalive; 0 leaves it to the system. */
  keepalivesIdle: z.int().min(0).max(86_400).default(0),
});
export type PostgresSettings = z.infer<typeof settingsSchema>;

/** Throws Internal `bad_connection_settings`. */
export const readSettings = (text: string): PostgresSettings => readStoredSettings(settingsSchema, text);

export function isUnixSocket(host: TargetHost): boolean {
  return host.address === undefined && (host.host.startsWith('/') || host.host.startsWith('@'));
}

/** True when bytes to this host do not leave the machine. */
export function isLocal(host: TargetHost): boolean {
  if (isUnixSocket(host)) return true;
  const address = host.address ?? host.host;
  return address === 'localhost' || address === '::1' || /^127(\.\d{1,3}){3}$/.test(address);
}

/** `db.internal:5432`, `[::1]:5432`, `/run/postgresql:5432`. */
export function hostText(host: TargetHost): string {
  return host.host.includes(':') ? `[${host.host}]:${host.port}` : `${host.host}:${host.port}`;
}

/** `PostgreSQL db.internal:5432/shop as app_ro`. */
export function describeConnection(settings: PostgresSettings): string {
  return `PostgreSQL ${settings.hosts.map(hostText).join(',')}/${settings.database} as ${settings.user}`;
}
