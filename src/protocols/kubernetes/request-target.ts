import { ProtocolViolation } from '../../base/errors.ts';

/** A request's path and query as both this gateway and the API server read them. */
export interface RequestTarget {
  /** As it came, and as it goes on: nothing in it is rewritten. */
  readonly raw: string;
  /** Decoded path segments; empty for `/`. */
  readonly segments: readonly string[];
  /** The path ends with a slash (and is not `/` alone). */
  readonly trailingSlash: boolean;
  readonly query: RequestQuery;
}

/** Decoded parameters in their order; a name may stand there more than once. */
export type RequestQuery = readonly (readonly [name: string, value: string])[];

/** Bytes of a request line; an exec's command stands in it. */
const LONGEST_TARGET = 32 * 1024;
const MOST_SEGMENTS = 64;
const MOST_PARAMETERS = 1024;

/**
 * Takes a request target apart. Only a canonical one is taken, since two readings of one path are two requests:
 * no empty, `.` or `..` segment, no backslash, nothing percent-encoded that need not be (`%2e`, `%2f`, `%61`),
 * no encoded slash or percent sign at all. Throws ProtocolViolation `bad_request_target`.
 */
export function readTarget(raw: string): RequestTarget {
  if (raw.length > LONGEST_TARGET) throw refused(`it is longer than ${LONGEST_TARGET} bytes`);
  // Absolute and authority forms (RFC 9112 section 3.2) are for proxies.
  if (!raw.startsWith('/')) throw refused('it must begin with a slash');
  if (/[^\x21-\x7e]/.test(raw)) throw refused('it holds bytes that must be percent-encoded');
  if (raw.includes('#')) throw refused('it holds a fragment');
  const mark = raw.indexOf('?');
  const path = mark < 0 ? raw : raw.slice(0, mark);
  const query = mark < 0 ? '' : raw.slice(mark + 1);
  return { raw, ...readPath(path), query: readQuery(query) };
}

function readPath(path: string): Pick<RequestTarget, 'segments' | 'trailingSlash'> {
  if (path === '/') return { segments: [], trailingSlash: false };
  const trailingSlash = path.endsWith('/');
  const pieces = path.slice(1, trailingSlash ? -1 : undefined).split('/');
  if (pieces.length > MOST_SEGMENTS) throw refused('its path is too deep');
  return { segments: pieces.map(readSegment), trailingSlash };
}

function readSegment(piece: string): string {
  if (piece === '') throw refused('its path has an empty segment');
  if (piece === '.' || piece === '..') throw refused(`its path has a segment "${piece}"`);
  if (/[\\;]/.test(piece)) throw refused('its path has a backslash or a semicolon');
  if (!piece.includes('%')) return piece;
  for (const [, hex = ''] of piece.matchAll(/%(..?|$)/g)) {
    if (!/^[0-9A-Fa-f]{2}$/.test(hex)) throw refused('its path has a broken percent-encoding');
    const byte = Number.parseInt(hex, 16);
    if (byte < 0x20 || byte === 0x7f) throw refused('its path has an encoded control character');
    if (/[A-Za-z0-9._~\-/\\%;]/.test(String.fromCharCode(byte)) && byte < 0x80) {
      throw refused('its path has a percent-encoding that is not canonical');
    }
  }
  return decoded(piece);
}

function readQuery(query: string): RequestQuery {
  if (query === '') return [];
  // net/url drops a pair with a semicolon in it; older servers split there.
  if (query.includes(';')) throw refused('its query has a semicolon');
  const pairs = query.split('&').filter((pair) => pair !== '');
  if (pairs.length > MOST_PARAMETERS) throw refused('its query has too many parameters');
  return pairs.map((pair) => {
    const equals = pair.indexOf('=');
    const name = equals < 0 ? pair : pair.slice(0, equals);
    const value = equals < 0 ? '' : pair.slice(equals + 1);
    return [decoded(name.replaceAll('+', ' ')), decoded(value.replaceAll('+', ' '))] as const;
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refused('it has a broken percent-encoding');
  }
}

/** The one value of a parameter; undefined when it is not there. Throws when it is there twice. */
export function parameter(query: RequestQuery, name: string): string | undefined {
  const values = parameters(query, name);
  if (values.length > 1) throw refused(`its query has "${name}" twice`);
  return values[0];
}

/** All values of a query parameter, in order. */
export function parameters(query: RequestQuery, name: string): readonly string[] {
  return query.filter(([key]) => key === name).map(([, value]) => value);
}

function refused(why: string): ProtocolViolation {
  return new ProtocolViolation('bad_request_target', `the request's path cannot be judged: ${why}`);
}
