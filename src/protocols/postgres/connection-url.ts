import { userInfo } from 'node:os';
import type { PostgresSettings } from './connection.ts';
import { DEFAULT_PORT, settingsSchema } from './connection.ts';
import { badUrl, settingsOf } from './connection-parameters.ts';

export const SCHEMES = ['postgres', 'postgresql'] as const;

export interface ParsedConnection {
  readonly settings: PostgresSettings;
  /** The password the text carried. */
  readonly secret: string | undefined;
}

/**
 * Reads a URL (`postgresql://user@host:5432,other/db?sslmode=require`) or a keyword string
 * (`host=db dbname='my db'`) as libpq does (docs 34.1.1). Throws UsageError `bad_connection_url`; no message
 * repeats what could be a password.
 */
export function parseConnection(text: string, defaultUser = userInfo().username): ParsedConnection {
  if (text.includes('\0')) throw badUrl('it holds a NUL character');
  const given = /^postgres(ql)?:\/\//.test(text) ? readUrl(text) : readKeywords(text);
  const secret = given.get('password') || undefined;
  return { settings: settingsOf(given, defaultUser), secret };
}

function readUrl(text: string): Map<string, string> {
  const given = new Map<string, string>();
  const rest = text.slice(text.indexOf('://') + 3);
  const end = rest.search(/[/?]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  const [path = '', ...query] = (end < 0 ? '' : rest.slice(end)).split('?');
  if (query.length > 1) throw badUrl('it has two "?": write %3F for the one that is part of a value');
  readAuthority(authority, given);
  const database = decode(path.replace(/^\//, ''));
  if (database !== '') given.set('dbname', database);
  for (const pair of (query[0] ?? '').split('&').filter((one) => one !== '')) {
    const equals = pair.indexOf('=');
    if (equals < 1 || pair.includes('=', equals + 1))
      throw badUrl('a parameter is not of the form name=value');
    const [name, value] = synonym(decode(pair.slice(0, equals)), decode(pair.slice(equals + 1)));
    given.set(name, value);
  }
  return given;
}

/** libpq takes JDBC's `ssl=true` in URLs. */
function synonym(name: string, value: string): readonly [string, string] {
  return name === 'ssl' && value === 'true' ? ['sslmode', 'require'] : [name, value];
}

function readAuthority(authority: string, given: Map<string, string>): void {
  const parts = authority.split('@');
  if (parts.length > 2) throw badUrl('user or password hold a character that must be written as %40');
  const hosts = parts.at(-1) ?? '';
  if (parts.length === 2) {
    const credentials = parts[0] ?? '';
    const colon = credentials.indexOf(':');
    const user = decode(colon < 0 ? credentials : credentials.slice(0, colon));
    if (user !== '') given.set('user', user);
    if (colon >= 0) given.set('password', decode(credentials.slice(colon + 1)));
  }
  if (hosts === '') return;
  const places = hosts.split(',').map(readPlace);
  if (places.some((place) => place.host !== ''))
    given.set('host', places.map((place) => place.host).join(','));
  if (places.some((place) => place.port !== ''))
    given.set('port', places.map((place) => place.port).join(','));
}

function readPlace(text: string): { readonly host: string; readonly port: string } {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([^:]*))?$/.exec(text);
  if (match === null) throw badUrl('a host is not of the form HOST:PORT (IPv6 addresses go in brackets)');
  return { host: decode(match[1] ?? match[2] ?? ''), port: decode(match[3] ?? '') };
}

function decode(text: string): string {
  try {
    const plain = decodeURIComponent(text);
    if (!plain.includes('\0')) return plain;
  } catch {
    // Falls through: the message must not repeat the text.
  }
  throw badUrl('it has a bad percent-encoding (a "%" itself is written %25)');
}

/** `name = value` pairs; quotes around values with spaces, `\` before a quote or backslash (docs 34.1.1.1). */
function readKeywords(text: string): Map<string, string> {
  const given = new Map<string, string>();
  const pair = /\s*([A-Za-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/sy;
  let at = 0;
  while (text.slice(at).trim() !== '') {
    pair.lastIndex = at;
    const match = pair.exec(text);
    if (match === null) throw badUrl('it is neither postgres://… nor a list of name=value');
    given.set(match[1] ?? '', (match[2] ?? match[3] ?? '').replace(/\\(.)/gs, '$1'));
    at = pair.lastIndex;
  }
  return given;
}

/** The URL of settings, without any secret; `parseConnection` gives the same settings back. */
export function urlOf(settings: PostgresSettings): string {
  const places = settings.hosts.map(({ host, port }) => {
    const name = host.includes(':') ? `[${host}]` : encode(host);
    return port === DEFAULT_PORT ? name : `${name}:${port}`;
  });
  const query = Object.entries(parametersOf(settings))
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([name, value]) => `${name}=${encode(value)}`);
  const base = `postgresql://${encode(settings.user)}@${places.join(',')}/${encode(settings.database)}`;
  return query.length === 0 ? base : `${base}?${query.join('&')}`;
}

function encode(text: string): string {
  return encodeURIComponent(text);
}

/** Parameters that are not as they would be without being named. */
function parametersOf(settings: PostgresSettings): Record<string, string | undefined> {
  const plain = settingsSchema.parse({
    hosts: settings.hosts,
    database: settings.database,
    user: settings.user,
  });
  const unless = <Key extends keyof PostgresSettings>(key: Key, text: string | undefined) =>
    settings[key] === plain[key] ? undefined : text;
  const addresses = settings.hosts.map((host) => host.address ?? '');
  return {
    hostaddr: addresses.some((address) => address !== '') ? addresses.join(',') : undefined,
    sslmode: unless('sslmode', settings.sslmode),
    sslnegotiation: unless('sslnegotiation', settings.sslnegotiation),
    sslrootcert: settings.sslrootcert,
    sslcert: settings.sslcert,
    sslkey: settings.sslkey,
    sslcrl: settings.sslcrl,
    sslsni: unless('sslsni', settings.sslsni ? '1' : '0'),
    ssl_min_protocol_version: unless('sslMinProtocolVersion', settings.sslMinProtocolVersion),
    ssl_max_protocol_version: unless('sslMaxProtocolVersion', settings.sslMaxProtocolVersion),
    channel_binding: unless('channelBinding', settings.channelBinding),
    require_auth: settings.requireAuth?.join(','),
    connect_timeout: unless('connectTimeout', String(settings.connectTimeout)),
    target_session_attrs: unless('targetSessionAttrs', settings.targetSessionAttrs),
    load_balance_hosts: unless('loadBalanceHosts', settings.loadBalanceHosts),
    max_protocol_version: unless('protocolMinor', `3.${settings.protocolMinor}`),
    min_protocol_version: unless('leastProtocolMinor', `3.${settings.leastProtocolMinor}`),
    application_name: settings.applicationName,
    options: settings.options,
    keepalives: unless('keepalives', settings.keepalives ? '1' : '0'),
    keepalives_idle: unless('keepalivesIdle', String(settings.keepalivesIdle)),
  };
}
