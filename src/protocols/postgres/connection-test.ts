import { type Clock, systemClock } from '../../base/clock.ts';
import type { ConnectionReport } from '../connection-report.ts';
import { hostText, isLocal, isUnixSocket, type PostgresSettings } from './connection.ts';
import { connectTarget, type TargetConnection } from './target-side.ts';
import { simpleQuery } from './target-side-query.ts';
import { verifies } from './target-side-tls.ts';

/** What the credential may do, by itself or through roles it is a member of. */
const ROLE_QUERY = `
SELECT r.rolname, r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolbypassrls, r.rolreplication,
  pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
  OR EXISTS (
    SELECT 1 FROM pg_catalog.pg_namespace n
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND pg_catalog.has_schema_privilege(n.oid, 'CREATE'))
  OR EXISTS (
    SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
      AND pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')),
  EXISTS (
    SELECT 1 FROM pg_catalog.pg_roles g
    WHERE g.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
      AND pg_catalog.pg_has_role(r.oid, g.oid, 'MEMBER'))
FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`;

/** Connects, looks around, disconnects. Throws what `connectTarget` and `simpleQuery` throw. */
export async function testConnection(
  settings: PostgresSettings,
  secret: string | undefined,
  clock: Clock = systemClock,
): Promise<ConnectionReport> {
  const connection = await connectTarget(settings, secret, { clock });
  try {
    const began = clock.monotonic();
    await simpleQuery(connection, 'SELECT 1', { clock });
    const latencyMs = Math.round((clock.monotonic() - began) * 10) / 10;
    const [row = []] = await simpleQuery(connection, ROLE_QUERY, { clock });
    const [role, ...facts] = row;
    const [superuser, createRole, createDatabase, bypassRls, replication, mayWrite, serverFiles] = facts.map(
      (fact) => fact === 't',
    );
    const wide = {
      CREATEROLE: createRole,
      CREATEDB: createDatabase,
      BYPASSRLS: bypassRls,
      REPLICATION: replication,
      'access to files or programs of the server': serverFiles,
    };
    return {
      server: `PostgreSQL ${connection.serverVersion}`,
      address: hostText(connection.host),
      tls: connection.tls,
      latencyMs,
      role: role ?? settings.user,
      superuser: superuser === true,
      canWrite: superuser === true || mayWrite === true,
      warnings: [
        ...roleWarnings(role ?? settings.user, superuser === true, wide),
        ...transportWarnings(connection, settings),
      ],
    };
  } finally {
    connection.socket.destroy();
  }
}

function roleWarnings(
  role: string,
  superuser: boolean,
  wide: Readonly<Record<string, boolean | undefined>>,
): string[] {
  if (superuser) {
    return [
      `role "${role}" is a superuser: it can read files, run programs and change anything on the server`,
    ];
  }
  const held = Object.entries(wide).flatMap(([name, has]) => (has === true ? [name] : []));
  return held.length === 0 ? [] : [`role "${role}" has ${held.join(', ')}, more than a policy can fence in`];
}

function transportWarnings(connection: TargetConnection, settings: PostgresSettings): string[] {
  const { host, tls } = connection;
  if (isUnixSocket(host) || isLocal(host)) return [];
  if (tls === null) {
    return [
      `the connection to ${hostText(host)} is not encrypted (sslmode=${settings.sslmode}): use sslmode=verify-full`,
    ];
  }
  if (!verifies(settings)) {
    return [`sslmode=${settings.sslmode} does not check who the server is: use sslmode=verify-full`];
  }
  return settings.sslmode === 'verify-full'
    ? []
    : [
        `sslmode=${settings.sslmode} takes any server with a certificate of that authority: use sslmode=verify-full`,
      ];
}
