import { isAbsolute } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { didYouMean } from '../../base/nearest.ts';
import {
  AUTHENTICATION_METHODS,
  DEFAULT_CONNECT_TIMEOUT,
  DEFAULT_PORT,
  type PostgresSettings,
  SESSION_ATTRIBUTES,
  SSL_MODES,
  settingsSchema,
  type TargetHost,
  TLS_VERSIONS,
} from './connection.ts';

/** libpq's connection parameters (docs 34.1.2) -> settings, and back. */

const SUPPORTED = [
  'application_name',
  'channel_binding',
  'client_encoding',
  'connect_timeout',
  'dbname',
  'fallback_application_name',
  'gssencmode',
  'host',
  'hostaddr',
  'keepalives',
  'keepalives_idle',
  'load_balance_hosts',
  'max_protocol_version',
  'min_protocol_version',
  'options',
  'password',
  'port',
  'require_auth',
  'ssl_max_protocol_version',
  'ssl_min_protocol_version',
  'sslcert',
  'sslcrl',
  'sslkey',
  'sslmode',
  'sslnegotiation',
  'sslrootcert',
  'sslsni',
  'target_session_attrs',
  'user',
] as const;

/** Of no consequence for what happens, so they may stay in a URL: timing the system keeps, and what TLS no longer has. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'keepalives_count',
  'keepalives_interval',
  'sslcompression',
  'tcp_user_timeout',
]);

const NOT_SUPPORTED: Readonly<Record<string, string>> = {
  gssdelegation: 'GSSAPI is not supported',
  gsslib: 'GSSAPI is not supported',
  krbsrvname: 'GSSAPI is not supported',
  passfile: 'give the password itself, or a reference to it (env:, file:, exec:)',
  replication: 'replication connections are not governed',
  requirepeer: 'the peer of a Unix socket is not checked',
  requiressl: 'write sslmode=require',
  scram_client_key: 'give the password',
  scram_server_key: 'give the password',
  service: 'write its settings into the URL',
  servicefile: 'write its settings into the URL',
  sslcertmode: 'leave sslcert out to send no certificate',
  sslcrldir: 'use sslcrl with one file',
  sslkeylogfile: 'it would write the keys of the connection to disk',
  sslpassword: 'use a key file without passphrase, mode 0600',
};

/** Throws UsageError `bad_connection_url`. No message holds a value that could be the password. */
export function settingsOf(given: ReadonlyMap<string, string>, defaultUser: string): PostgresSettings {
  for (const name of given.keys()) requireKnown(name);
  const value = (name: (typeof SUPPORTED)[number]) => given.get(name) || undefined;
  const user = value('user') ?? defaultUser;
  requirePlainSession(value('client_encoding'), value('gssencmode'));
  const settings = settingsSchema.safeParse({
    hosts: hostsOf(value('host'), value('hostaddr'), value('port')),
    database: value('dbname') ?? user,
    user,
    ...sslSettings(value),
    channelBinding: oneOf('channel_binding', value('channel_binding'), ['disable', 'prefer', 'require']),
    requireAuth: requiredMethods(value('require_auth')),
    connectTimeout: timeout(value('connect_timeout')),
    targetSessionAttrs: oneOf('target_session_attrs', value('target_session_attrs'), SESSION_ATTRIBUTES),
    loadBalanceHosts: oneOf('load_balance_hosts', value('load_balance_hosts'), ['disable', 'random']),
    protocolMinor: minorOf('max_protocol_version', value('max_protocol_version')),
    leastProtocolMinor: minorOf('min_protocol_version', value('min_protocol_version')),
    applicationName: value('application_name') ?? value('fallback_application_name'),
    options: value('options'),
    keepalives: flag('keepalives', value('keepalives')),
    keepalivesIdle: wholeNumber('keepalives_idle', value('keepalives_idle'), 0, 86_400),
  });
  if (settings.success) return consistent(settings.data);
  throw badUrl(settings.error.issues[0]?.message ?? 'it cannot be read');
}

function sslSettings(value: (name: (typeof SUPPORTED)[number]) => string | undefined) {
  const sslrootcert = value('sslrootcert');
  const mode = oneOf('sslmode', value('sslmode'), SSL_MODES);
  return {
    // The machine's own authorities vouch for everybody: only the name tells the right one (libpq does the same).
    sslmode: mode ?? (sslrootcert === 'system' ? 'verify-full' : undefined),
    sslnegotiation: oneOf('sslnegotiation', value('sslnegotiation'), ['postgres', 'direct']),
    sslrootcert: sslrootcert === 'system' ? sslrootcert : absolute('sslrootcert', sslrootcert),
    sslcert: absolute('sslcert', value('sslcert')),
    sslkey: absolute('sslkey', value('sslkey')),
    sslcrl: absolute('sslcrl', value('sslcrl')),
    sslsni: flag('sslsni', value('sslsni')),
    sslMinProtocolVersion: oneOf('ssl_min_protocol_version', value('ssl_min_protocol_version'), TLS_VERSIONS),
    sslMaxProtocolVersion: oneOf('ssl_max_protocol_version', value('ssl_max_protocol_version'), TLS_VERSIONS),
  };
}

function consistent(settings: PostgresSettings): PostgresSettings {
  if (settings.sslrootcert === 'system' && settings.sslmode !== 'verify-full') {
    throw badUrl(`sslrootcert=system needs sslmode=verify-full, not ${settings.sslmode}`);
  }
  if (settings.sslnegotiation === 'direct' && ['disable', 'allow', 'prefer'].includes(settings.sslmode)) {
    throw badUrl(`sslnegotiation=direct needs sslmode=require or stricter, not ${settings.sslmode}`);
  }
  if ((settings.sslcert === undefined) !== (settings.sslkey === undefined)) {
    throw badUrl('sslcert and sslkey are needed together');
  }
  if (settings.leastProtocolMinor > settings.protocolMinor) {
    throw badUrl('min_protocol_version is above max_protocol_version (3.0 when it is left out)');
  }
  if (settings.sslMinProtocolVersion > settings.sslMaxProtocolVersion) {
    throw badUrl('ssl_min_protocol_version is above ssl_max_protocol_version');
  }
  return settings;
}

function requireKnown(name: string): void {
  if ((SUPPORTED as readonly string[]).includes(name) || WITHOUT_EFFECT.has(name)) return;
  const reason = Object.hasOwn(NOT_SUPPORTED, name) ? NOT_SUPPORTED[name] : undefined;
  if (reason !== undefined) throw badUrl(`parameter "${name}" is not supported: ${reason}`);
  throw badUrl(`there is no parameter "${name.slice(0, 40)}"${didYouMean(name, SUPPORTED)}`);
}

function requirePlainSession(encoding: string | undefined, gss: string | undefined): void {
  const plain = encoding?.toLowerCase().replace(/[^a-z0-9]/g, '') ?? 'auto';
  if (!['utf8', 'unicode', 'auto'].includes(plain)) throw badUrl('client_encoding is always UTF8 here');
  if (gss === 'require') throw badUrl('gssencmode=require cannot be met: GSSAPI is not supported');
  oneOf('gssencmode', gss, ['disable', 'prefer']);
}

/** Comma-separated lists go together; one port counts for all hosts, an empty one is the default (docs 34.1.1.3). */
function hostsOf(
  hostList: string | undefined,
  addressList: string | undefined,
  portList: string | undefined,
) {
  const addresses = addressList?.split(',');
  const hosts = hostList?.split(',') ?? addresses?.map(() => '') ?? ['localhost'];
  const ports = portList?.split(',') ?? [''];
  if (addresses !== undefined && addresses.length !== hosts.length) {
    throw badUrl(`${hosts.length} hosts and ${addresses.length} addresses do not go together`);
  }
  if (ports.length !== 1 && ports.length !== hosts.length) {
    throw badUrl(`${hosts.length} hosts and ${ports.length} ports do not go together`);
  }
  return hosts.map((name, i): TargetHost => {
    const address = addresses?.[i] || undefined;
    const host = name.trim() || address || 'localhost';
    const port = wholeNumber('port', ports[ports.length === 1 ? 0 : i]?.trim() || undefined, 1, 65_535);
    return { host, port: port ?? DEFAULT_PORT, ...(address === undefined ? {} : { address }) };
  });
}

/** `scram-sha-256,md5`, or `!password,!none` for all but these (docs 34.1.2, require_auth). */
function requiredMethods(text: string | undefined): (typeof AUTHENTICATION_METHODS)[number][] | undefined {
  if (text === undefined) return undefined;
  const words = text.split(',').map((word) => word.trim());
  const negated = words.filter((word) => word.startsWith('!'));
  if (negated.length > 0 && negated.length < words.length) {
    throw badUrl('require_auth mixes methods with and without "!"');
  }
  const all = ['gss', 'sspi', ...AUTHENTICATION_METHODS];
  const named = words.map((word) => oneOf('require_auth', word.replace(/^!/, ''), all));
  const methods = AUTHENTICATION_METHODS.filter((one) => named.includes(one) !== negated.length > 0);
  if (methods.length === 0) throw badUrl('require_auth leaves no method that is supported');
  return methods;
}

/** libpq: zero, negative or absent waits for ever, 1 means 2. Here waiting has an end. */
function timeout(text: string | undefined): number | undefined {
  const seconds = wholeNumber('connect_timeout', text, -2_147_483_648, 2_147_483_647);
  if (seconds === undefined) return undefined;
  return seconds <= 0 ? DEFAULT_CONNECT_TIMEOUT : Math.min(Math.max(seconds, 2), 600);
}

function minorOf(name: string, text: string | undefined): 0 | 2 | undefined {
  const version = oneOf(name, text, ['3.0', '3.2', 'latest']);
  if (version === undefined) return undefined;
  return version === '3.0' ? 0 : 2;
}

function oneOf<const Word extends string>(
  name: string,
  text: string | undefined,
  words: readonly Word[],
): Word | undefined {
  if (text === undefined) return undefined;
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  const meant = didYouMean(text, words);
  throw badUrl(`${name}: "${text.slice(0, 40)}" is none of ${words.join(', ')}${meant}`);
}

function flag(name: string, text: string | undefined): boolean | undefined {
  const word = oneOf(name, text, ['0', '1']);
  return word === undefined ? undefined : word === '1';
}

function wholeNumber(
  name: string,
  text: string | undefined,
  least: number,
  most: number,
): number | undefined {
  if (text === undefined) return undefined;
  const number = /^-?\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  // What stands where a port should may be the rest of a password with a character that wants encoding.
  if (name === 'port') throw badUrl(`a port is a whole number from ${least} to ${most}`);
  throw badUrl(`${name}: "${text.slice(0, 40)}" is no whole number from ${least} to ${most}`);
}

/** The daemon has a working directory of its own, so a relative path would mean another file there. */
function absolute(name: string, path: string | undefined): string | undefined {
  if (path === undefined || isAbsolute(path)) return path;
  throw badUrl(`${name} must be an absolute path`);
}

export function badUrl(why: string): UsageError {
  return new UsageError('bad_connection_url', `the connection URL is not right: ${why}`, {
    why,
    next: 'write it as postgres://USER@HOST:5432/DATABASE?sslmode=verify-full',
  });
}
