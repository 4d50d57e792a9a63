import { createHash, randomBytes } from 'node:crypto';
import { HoopError } from '../../base/errors.ts';
import type { EphemeralRoleTerms, RoleGrant } from '../../policy/decision.ts';
import type { Swept } from '../protocol.ts';
import type { Ask } from './estimate.ts';
import { quotedName } from './quoted-name.ts';
import { deriveKeys } from './scram.ts';

/** A role made for one session, and what its login proves itself with. */
export interface EphemeralRole {
  readonly name: string;
  readonly password: string;
}

const PREFIX = 'hoopctl';
/** PostgreSQL's own default for new passwords. */
const ITERATIONS = 4096;
/** Longest wait for a terminated session to be gone, in milliseconds (pg_terminate_backend, PostgreSQL 14). */
const TERMINATE_MS = 5000;
/** Longest wait for a lock on what a role owns, in milliseconds. */
const LOCK_MS = 5000;
const TERMINATE_WAITS_SINCE = 140_000;

/** Roles of sessions that are open in this process: never swept. */
const live = new Set<string>();

/** Part of every role's name that tells one installation's roles from another's. */
export function roleTag(installationKey: Uint8Array): string {
  return createHash('sha256').update('ephemeral role').update(installationKey).digest('hex').slice(0, 8);
}

/**
 * Makes a role that may do what its template may and what it is granted, no more, and that cannot log in after
 * `validFor`. The password goes to the server as a SCRAM verifier, so that no log of it holds the password.
 * Needs a credential with CREATEROLE (and, since PostgreSQL 16, ADMIN OPTION on the template). Throws what the server says.
 */
export async function createRole(
  ask: Ask,
  terms: EphemeralRoleTerms,
  tag: string,
  now: number,
): Promise<EphemeralRole> {
  const name = `${PREFIX}_${tag}_${randomBytes(8).toString('hex')}`;
  const password = randomBytes(24).toString('base64url');
  const until = new Date(now + terms.validFor).toISOString();
  live.add(name);
  try {
    await ask('BEGIN');
    await ask(
      `CREATE ROLE ${name} LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 1 ` +
        `PASSWORD '${await verifier(password)}' VALID UNTIL '${until}'`,
    );
    if (terms.template !== undefined) await ask(`GRANT ${quotedName(terms.template)} TO ${name}`);
    for (const grant of terms.grants) for (const sql of grantStatements(grant, name)) await ask(sql);
    await ask('COMMIT');
    return { name, password };
  } catch (error) {
    live.delete(name);
    await ask('ROLLBACK').catch(() => {});
    throw error;
  }
}

/**
 * Ends what still runs under the role, hands what it owns to the credential, and drops it. A role that is gone
 * already is no error.
 */
export async function dropRole(ask: Ask, name: string, serverVersion: number): Promise<void> {
  if (!NAME.test(name)) return;
  try {
    const [found] = await ask(
      `SELECT 1 FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) '${name}'`,
    );
    if (found === undefined) return;
    // Nobody comes in any more; its sessions can be ended by whoever has the role.
    await ask(`ALTER ROLE ${name} NOLOGIN`);
    await ask(`GRANT ${name} TO CURRENT_USER`);
    const wait = serverVersion >= TERMINATE_WAITS_SINCE ? `, ${TERMINATE_MS}` : '';
    await ask(
      `SELECT pg_catalog.pg_terminate_backend(pid${wait}) FROM pg_catalog.pg_stat_activity ` +
        `WHERE usename OPERATOR(pg_catalog.=) '${name}'`,
    );
    await ask('BEGIN');
    // Whoever holds a lock on what the role made keeps the role, not everybody who waits for this connection.
    await ask(`SET LOCAL lock_timeout = ${LOCK_MS}`);
    await ask(`REASSIGN OWNED BY ${name} TO CURRENT_USER`);
    await ask(`DROP OWNED BY ${name}`);
    await ask(`DROP ROLE ${name}`);
    await ask('COMMIT');
  } catch (error) {
    await ask('ROLLBACK').catch(() => {});
    throw error;
  } finally {
    live.delete(name);
  }
}

/**
 * Drops what a daemon that crashed has left behind: this installation's roles that belong to no open session, and
 * any installation's that are past their time and used by nobody. One that cannot be dropped (it owns something in
 * another database, or somebody holds a lock on what it made) stays for the next time: it cannot log in any more.
 */
export async function sweepRoles(ask: Ask, tag: string, serverVersion: number): Promise<Swept> {
  const rows = await ask(
    `SELECT rolname::pg_catalog.text, ` +
      `(rolvaliduntil OPERATOR(pg_catalog.<) pg_catalog.now() AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_activity a ` +
      `WHERE a.usename OPERATOR(pg_catalog.=) r.rolname))::pg_catalog.text ` +
      `FROM pg_catalog.pg_roles r WHERE rolname OPERATOR(pg_catalog.~) '^${PREFIX}_[0-9a-f]{8}_[0-9a-f]{16}$'`,
  );
  const swept: string[] = [];
  const left: string[] = [];
  for (const [name, expired] of rows) {
    if (!name || live.has(name)) continue;
    if (!name.startsWith(`${PREFIX}_${tag}_`) && expired !== 'true' && expired !== 't') continue;
    try {
      await dropRole(ask, name, serverVersion);
      swept.push(name);
    } catch (error) {
      left.push(`${name}: ${reasonOf(error)}`);
    }
  }
  return { swept, left };
}

/** What the server said, where it was the server. */
export function reasonOf(error: unknown): string {
  if (error instanceof HoopError) return error.why ?? error.message;
  return error instanceof Error ? error.message : String(error);
}

const NAME = new RegExp(`^${PREFIX}_[0-9a-f]{8}_[0-9a-f]{16}$`, 'u');

/** `SCRAM-SHA-256$4096:salt$StoredKey:ServerKey` (PostgreSQL docs 53.3, rolpassword). */
async function verifier(password: string): Promise<string> {
  const salt = randomBytes(16);
  const { storedKey, serverKey } = await deriveKeys(password, salt, ITERATIONS);
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey.toString('base64')}:${serverKey.toString('base64')}`;
}

function grantStatements(grant: RoleGrant, role: string): readonly string[] {
  const words = grant.privileges.map((privilege) => privilege.toUpperCase()).join(', ');
  const on = (what: string) => `GRANT ${words} ON ${what} TO ${role}`;
  return [
    ...grant.schemas.map((schema) => on(`SCHEMA ${quotedName(schema)}`)),
    ...grant.tables.map((name) => on(objects('TABLE', name))),
    ...grant.sequences.map((name) => on(objects('SEQUENCE', name))),
    ...grant.functions.map((name) => on(objects('FUNCTION', name))),
  ];
}

/** `schema.*` means all that there are now. */
function objects(kind: string, name: string): string {
  const dot = name.indexOf('.');
  const schema = quotedName(name.slice(0, dot));
  const object = name.slice(dot + 1);
  return object === '*' ? `ALL ${kind}S IN SCHEMA ${schema}` : `${kind} ${schema}.${quotedName(object)}`;
}
