import type { Stated } from '../../policy/decision.ts';
import { STATED_SETTINGS } from '../../policy/requirement.ts';
import type { SessionDesk } from '../../session/desk.ts';
import { ClientRefused } from './client-side-refusal.ts';

/**
 * What a client may ask for in its startup packet. An allow list: parameters that change who the session is,
 * how the server reads statements, or what it loads are refused by name (docs 20.11, 55.2.1).
 */
export interface StartupParameters {
  readonly user: string;
  /** Undefined when the client names none; PostgreSQL would take the user's name. */
  readonly database: string | undefined;
  /** Shown in lists and logs: printable ASCII, as PostgreSQL keeps it; empty when there is none. */
  readonly applicationName: string;
  /** `hoopctl.reason` and `hoopctl.ticket`: what the requester says of its work; the target is not told. */
  readonly stated: Stated;
  /** What to send to the target, in PostgreSQL's spelling of the names; without user and database. */
  readonly upstream: ReadonlyMap<string, string>;
  /** Names of `_pq_.` protocol options; hoopctl knows none. */
  readonly protocolOptions: readonly string[];
}

/** Allowed names in lower case, and what they are called upstream. */
const ALLOWED: ReadonlyMap<string, string> = new Map(
  [
    'application_name',
    'bytea_output',
    'client_encoding',
    'DateStyle',
    'default_transaction_deferrable',
    'default_transaction_isolation',
    'default_transaction_read_only',
    'extra_float_digits',
    'geqo',
    'idle_in_transaction_session_timeout',
    'idle_session_timeout',
    'IntervalStyle',
    'jit',
    'lock_timeout',
    'search_path',
    'standard_conforming_strings',
    'statement_timeout',
    'TimeZone',
    'transaction_timeout',
    'work_mem',
  ].map((name) => [name.toLowerCase(), name]),
);

const LONGEST_APPLICATION_NAME = 63;

/** Throws ClientRefused. `list` in the order sent; the last of two equal names counts, direct ones before `options` (as in PostgreSQL). */
export function readStartupParameters(list: readonly (readonly [string, string])[]): StartupParameters {
  const named = new Map<string, string>();
  const settings: (readonly [string, string])[] = [];
  const fromOptions: (readonly [string, string])[] = [];
  const protocolOptions: string[] = [];
  for (const [name, value] of list) {
    if (name.startsWith('_pq_.')) protocolOptions.push(name);
    else if (name === 'user' || name === 'database') named.set(name, value);
    else if (name === 'options') fromOptions.push(...readOptions(value));
    else if (name.toLowerCase() === 'replication') refuseReplication(value);
    else settings.push([name, value]);
  }
  const user = named.get('user') ?? '';
  if (user === '') {
    throw new ClientRefused('no_user', {
      sqlstate: '28000',
      message: 'no PostgreSQL user name specified in startup packet',
    });
  }
  const upstream = new Map<string, string>();
  let stated: Stated = {};
  for (const [name, value] of [...fromOptions, ...settings]) {
    const key = STATED_SETTINGS[name.toLowerCase()];
    if (key !== undefined) {
      stated = { ...stated, [key]: value };
      continue;
    }
    const [setting, allowed] = allowSetting(name, value);
    upstream.set(setting, allowed);
  }
  upstream.set('client_encoding', 'UTF8');
  return {
    user,
    database: named.get('database') || undefined,
    applicationName: plainName(upstream.get('application_name') ?? ''),
    stated,
    upstream,
    protocolOptions,
  };
}

/** Printable ASCII; anything else becomes `?`, as PostgreSQL shows application names. */
function plainName(name: string): string {
  return name.replace(/[^\x20-\x7e]/gu, '?').slice(0, LONGEST_APPLICATION_NAME);
}

function allowSetting(name: string, value: string): readonly [string, string] {
  const key = ALLOWED.get(name.toLowerCase());
  switch (key) {
    case undefined:
      throw refusedParameter(name);
    case 'client_encoding':
      return [key, requireUtf8(value)];
    case 'standard_conforming_strings':
    case 'default_transaction_read_only':
      if (!isOn(value)) throw refusedParameter(`${key}=${shown(value)}`);
      return [key, 'on'];
    default:
      return [key, value];
  }
}

/**
 * UTF8 only. SQL_ASCII asks for bytes without conversion, which UTF-8 bytes are; psql sends it on a terminal in
 * the C locale.
 */
function requireUtf8(value: string): string {
  const plain = value.toLowerCase().replace(/[^a-z0-9]/g, '');
  if (plain === 'utf8' || plain === 'unicode' || plain === 'sqlascii') return 'UTF8';
  throw new ClientRefused('client_encoding_refused', {
    sqlstate: '0A000',
    message: `hoopctl: client_encoding "${shown(value)}" is not supported`,
    hint: 'use UTF8: PGCLIENTENCODING=UTF8, or client_encoding=UTF8 in the connection string',
  });
}

/** What PostgreSQL reads as true (`parse_bool`): a beginning of true or yes, `on`, `1`. */
function isOn(value: string): boolean {
  const word = value.trim().toLowerCase();
  return word !== '' && (word === 'on' || word === '1' || 'true'.startsWith(word) || 'yes'.startsWith(word));
}

function isOff(value: string): boolean {
  const word = value.toLowerCase();
  return (
    word === '0' || word === 'off' || (word !== '' && ('false'.startsWith(word) || 'no'.startsWith(word)))
  );
}

function refuseReplication(value: string): void {
  if (isOff(value)) return;
  throw new ClientRefused('replication_refused', {
    sqlstate: '42501',
    message:
      'hoopctl: startup parameter "replication" is not allowed: replication connections are not governed',
  });
}

function refusedParameter(name: string): ClientRefused {
  return new ClientRefused('startup_parameter_refused', {
    sqlstate: '42501',
    message: `hoopctl: startup parameter "${shown(name)}" is not allowed`,
    hint: 'leave it out of the connection string and of PGOPTIONS; what the session may change is up to the policy',
  });
}

function badOptions(message: string): ClientRefused {
  return new ClientRefused('bad_startup_options', {
    sqlstate: '42601',
    message: `hoopctl: startup parameter "options": ${message}`,
    hint: 'write it as "-c name=value" or "--name=value"',
  });
}

/**
 * `-c name=value`, `-cname=value` and `--name=value`, divided at white space with `\` before a literal
 * character (PostgreSQL's `pg_split_opts`); a `-` in a name stands for `_`. Every other switch is refused.
 */
function readOptions(text: string): (readonly [string, string])[] {
  const words = splitOptions(text);
  const settings: (readonly [string, string])[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (word === '-c') {
      i += 1;
      settings.push(readSetting(words[i], word));
    } else if (word.startsWith('-c')) settings.push(readSetting(word.slice(2), word));
    else if (word.startsWith('--')) settings.push(readSetting(word.slice(2), word));
    else throw refusedParameter(`options: ${word}`);
  }
  return settings;
}

function readSetting(word: string | undefined, shownAs: string): readonly [string, string] {
  const equals = word?.indexOf('=') ?? -1;
  if (word === undefined || equals < 1) throw badOptions(`"${shown(shownAs)}" needs a name and a value`);
  return [word.slice(0, equals).replaceAll('-', '_'), word.slice(equals + 1)];
}

function splitOptions(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i] ?? '';
    if (/[ \t\n\v\f\r]/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    if (letter === '\\') i += 1;
    word = (word ?? '') + (letter === '\\' ? (text[i] ?? '') : letter);
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** The requester's own words in an error: short, and without control characters. */
function shown(text: string): string {
  return text.replace(/[\p{C}]/gu, '\ufffd').slice(0, 100);
}

/** A run of a request begins as it was judged, whatever its client would like: its name is all that it may give. */
export function ownSettings(
  parameters: ReadonlyMap<string, string>,
  { ahead }: Pick<SessionDesk, 'ahead'>,
): ReadonlyMap<string, string> {
  if (ahead === undefined) return parameters;
  return new Map(
    [...parameters].filter(([name]) => name === 'application_name' || name === 'client_encoding'),
  );
}
