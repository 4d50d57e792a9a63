import type { EndpointCredentials, Protocol } from '../protocol.ts';
import { describeConnection, readSettings } from './connection.ts';
import { testConnection } from './connection-test.ts';
import { parseConnection, SCHEMES, urlOf } from './connection-url.ts';
import { nativePostgres } from './native.ts';
import { replayPostgres } from './replay.ts';
import { outlineScript } from './script-outline.ts';
import { PostgresTarget } from './target.ts';

/** PostgreSQL, protocol 3.0 and 3.2. */
export const postgres: Protocol = {
  name: 'postgres',
  schemes: SCHEMES,
  parseUrl(url) {
    const { settings, secret } = parseConnection(url);
    return { settings: JSON.stringify(settings), secret };
  },
  urlOf: (settings) => urlOf(readSettings(settings)),
  describe: (settings) => describeConnection(readSettings(settings)),
  test: (settings, secret) => testConnection(readSettings(settings), secret),
  openTarget: (settings, readSecret, maskKey) =>
    new PostgresTarget(readSettings(settings), readSecret, maskKey),
  localSocket: { name: '.s.PGSQL.5432', port: 5432 },
  endpointUrl,
  native: nativePostgres,
  outlineScript,
  replay: replayPostgres,
};

function endpointUrl(host: string, port: number, { user, password, database }: EndpointCredentials): string {
  const who = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  const name = encodeURIComponent(database);
  // libpq takes a directory as a host only in the query part, or percent-encoded in the host's place.
  if (host.startsWith('/')) return `postgresql://${who}@${encodeURIComponent(host)}:${port}/${name}`;
  // Nobody listens in on loopback, and libpq would otherwise spend a handshake and a cipher on it.
  return `postgresql://${who}@${host}:${port}/${name}?sslmode=disable`;
}
