import { createHmac, timingSafeEqual } from 'node:crypto';
import { UsageError } from '../../../base/errors.ts';
import { fingerprintOf, KEY_TYPES, publicKeyOf, typeOf } from './public-key.ts';

/** What is known of one host, as `settings` keep it. */
export interface HostKnowledge {
  /** `ssh-ed25519/SHA256:…` */
  readonly keys: readonly string[];
  /** Public keys that sign for the host, `ssh-ed25519 AAAA…`. */
  readonly authorities: readonly string[];
  /** Fingerprints of keys that count no more. */
  readonly revoked: readonly string[];
}

/** A line of what somebody collects in years is not longer than a key and its names. */
const LONGEST_LINE = 65_536;
const LONGEST_PATTERNS = 8192;
const MARKERS = ['@cert-authority', '@revoked'];

/**
 * Reads what a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT) knows of a host: names, patterns, hashed
 * names, `[host]:port`, `@cert-authority`, `@revoked`. As `ssh` does, it looks for the host at its port and, where that
 * is not named, for the host. Lines of key types that are not known say nothing; a marker that is not known, or one
 * before a key that cannot be read, is an error: it could have been a revocation. Throws UsageError `bad_known_hosts`.
 */
export function knownOf(text: string, host: string, port: number): HostKnowledge {
  const name = host.toLowerCase();
  const lines = text.split('\n').flatMap((line, index) => readLine(line, index + 1));
  const atPort = linesFor(lines, `[${name}]:${port}`);
  const plain = linesFor(lines, name);
  // Port 22 is never written with its number.
  const found = port === 22 ? plain : atPort.some(({ marker }) => marker !== '@revoked') ? atPort : plain;
  const of = (marker: string | undefined) => found.filter((line) => line.marker === marker);
  return {
    keys: unique(of(undefined).map(({ blob }) => `${typeOf(blob)}/${fingerprintOf(blob)}`)),
    authorities: unique(
      of('@cert-authority').map(({ blob }) => `${typeOf(blob)} ${blob.toString('base64')}`),
    ),
    revoked: unique(
      [...atPort, ...plain]
        .filter(({ marker }) => marker === '@revoked')
        .map(({ blob }) => fingerprintOf(blob)),
    ),
  };
}

interface Line {
  readonly marker: string | undefined;
  readonly patterns: string;
  readonly blob: Buffer;
}

function readLine(line: string, number: number): readonly Line[] {
  const words = line.trim().split(/[ \t]+/);
  const [first = ''] = words;
  if (first === '' || first.startsWith('#')) return [];
  const marker = first.startsWith('@') ? first : undefined;
  const [patterns = '', type = '', base64 = ''] = marker === undefined ? words : words.slice(1);
  const blob = line.length > LONGEST_LINE ? undefined : readBlob(type, base64);
  if (marker !== undefined && (!MARKERS.includes(marker) || blob === undefined)) {
    throw new UsageError('bad_known_hosts', `line ${number} of the known_hosts file cannot be read`, {
      why: MARKERS.includes(marker)
        ? 'it marks a key of an unknown kind'
        : `"${marker.slice(0, 32)}" is no marker`,
      next: 'give a file without it, or one with the lines for this host alone',
    });
  }
  if (blob === undefined || patterns.length > LONGEST_PATTERNS) return [];
  return [{ marker, patterns, blob }];
}

function readBlob(type: string, base64: string): Buffer | undefined {
  if (!KEY_TYPES.includes(type) || !/^[A-Za-z0-9+/]+=*$/.test(base64)) return undefined;
  const blob = Buffer.from(base64, 'base64');
  try {
    publicKeyOf(blob);
  } catch {
    return undefined;
  }
  return typeOf(blob) === type ? blob : undefined;
}

function linesFor(lines: readonly Line[], name: string): readonly Line[] {
  return lines.filter(({ patterns }) => namesHost(patterns, name));
}

/** A pattern that is negated and fits rules the whole line out. */
function namesHost(patterns: string, name: string): boolean {
  if (patterns.startsWith('|')) return isHashOf(patterns, name);
  let named = false;
  for (const pattern of patterns.toLowerCase().split(',')) {
    if (pattern.startsWith('!')) {
      if (fits(pattern.slice(1), name)) return false;
    } else named ||= fits(pattern, name);
  }
  return named;
}

/** `|1|salt|hash`: HMAC-SHA1 of the name under the salt, both in base64. */
function isHashOf(text: string, name: string): boolean {
  const [, , salt, hash] = /^\|(1)\|([A-Za-z0-9+/=]+)\|([A-Za-z0-9+/=]+)$/.exec(text) ?? [];
  if (salt === undefined || hash === undefined) return false;
  const expected = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  const given = Buffer.from(hash, 'base64');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** `*` stands for any number of characters, `?` for one. Takes no longer than the product of both lengths. */
function fits(pattern: string, name: string): boolean {
  let [at, star, retry] = [0, -1, 0];
  for (let here = 0; here < name.length; ) {
    if (pattern[at] === '*') {
      star = at++;
      retry = here;
    } else if (pattern[at] === '?' || pattern[at] === name[here]) {
      at++;
      here++;
    } else if (star >= 0) {
      at = star + 1;
      here = ++retry;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}

const unique = (all: readonly string[]): readonly string[] => [...new Set(all)];
