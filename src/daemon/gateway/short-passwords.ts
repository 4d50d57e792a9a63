import { createHash } from 'node:crypto';
import type { AuditLog } from '../../audit/entry.ts';
import type { Clock } from '../../base/clock.ts';
import { Conflict, LoginNeeded, NotFound } from '../../base/errors.ts';
import { newId, newSecret } from '../../base/ids.ts';
import type { NativeAccess } from '../../protocols/native-access.ts';
import type { LiveSession } from '../../session/live-sessions.ts';
import type { ConnectionRow, IdentityRow, PasswordRow, Store } from '../../store/store.ts';

/** `hpw_` and 43 characters of secret (256 bits), base64url. */
const PREFIX = 'hpw_';
const PASSWORD = /^hpw_[A-Za-z0-9_-]{43}$/;
/** The user name that a password is proved by; ids of `newId`. */
const NAME = /^pw-[0-9a-hjkmnp-tv-z]{18}$/;

/** How long a password works when nothing is said, and at most, in milliseconds. */
export const DEFAULT_TTL = 15 * 60_000;
export const LONGEST_TTL = 12 * 3_600_000;
/** Passwords of one identity that work at a time. */
const MOST_PASSWORDS = 100;
/** Expired ones are listed for a day. */
const KEPT = 86_400_000;

export interface ShortPasswordsDeps {
  readonly store: Pick<Store, 'passwords' | 'identities' | 'signIns'>;
  readonly audit: AuditLog;
  readonly clock: Clock;
  /** The identity as it is now. Throws LoginNeeded. */
  readonly current: (identity: IdentityRow) => Promise<IdentityRow>;
}

/** Passwords of identities for one connection each, that work for minutes; what is made by them ends with them. */
export class ShortPasswords {
  readonly #deps: ShortPasswordsDeps;
  /** Live sessions by the password that opened them. */
  readonly #sessions = new Map<string, Set<LiveSession>>();

  constructor(deps: ShortPasswordsDeps) {
    this.#deps = deps;
  }

  static isName(user: string): boolean {
    return NAME.test(user);
  }

  static isPassword(secret: string): boolean {
    return PASSWORD.test(secret);
  }

  /** The password itself is in the answer alone. Throws LoginNeeded `too_many_passwords`, Conflict `key_taken`. */
  async create(
    identity: IdentityRow,
    connection: ConnectionRow,
    ttl: number,
    native: NativeAccess,
    clientKey?: string,
  ): Promise<{ readonly row: PasswordRow; readonly password: string; readonly auditId: string }> {
    const { audit, clock, store } = this.#deps;
    const now = clock.now();
    await store.passwords.forget(new Date(now - KEPT).toISOString());
    const working = (await store.passwords.list(identity.id)).filter((row) => isWorking(row, now));
    if (working.length >= MOST_PASSWORDS) {
      throw new LoginNeeded(
        'too_many_passwords',
        `${MOST_PASSWORDS} passwords of ${identity.name} work already`,
        {
          next: 'hoopctl credential --list, then hoopctl credential --revoke ID',
        },
      );
    }
    const key = clientKey?.split(' ').slice(0, 2).join(' ');
    if (key !== undefined) await this.#requireOwnKey(key, identity, now);
    const password = `${PREFIX}${newSecret(32)}`;
    const row: PasswordRow = {
      id: newId('pw', now),
      identityId: identity.id,
      signInId: identity.signIn?.id,
      connectionId: connection.id,
      secretHash: hashOf(password),
      verifier: key ?? (await native.makeVerifier(password)),
      createdAt: new Date(now).toISOString(),
      expiresAt: new Date(Math.min(now + ttl, expiryOf(identity))).toISOString(),
      revokedAt: undefined,
    };
    const entry = audit.append({
      kind: 'password.created',
      actor: identity.name,
      facts: { password: row.id, connection: connection.name, expiresAt: row.expiresAt },
    });
    await store.passwords.create(row);
    return { row, password, auditId: String(entry.seq) };
  }

  /** Whose key it is must never be in question: its sessions run as whoever named it. Throws Conflict `key_taken`. */
  async #requireOwnKey(key: string, identity: IdentityRow, now: number): Promise<void> {
    const rows = await this.#deps.store.passwords.list();
    const isTaken = rows.some(
      (row) => row.verifier === key && row.identityId !== identity.id && isWorking(row, now),
    );
    if (!isTaken) return;
    throw new Conflict('key_taken', 'this key stands for another identity already', {
      next: 'make a key for this alone: ssh-keygen -t ed25519 -f FILE',
    });
  }

  /** Keys that stand for working passwords of a connection, newest first. */
  async keysFor(connectionId: string): Promise<readonly { readonly user: string; readonly key: string }[]> {
    const { clock, store } = this.#deps;
    const now = clock.now();
    const rows = (await store.passwords.list()).filter(
      (row) => row.connectionId === connectionId && row.verifier !== '' && isWorking(row, now),
    );
    return rows.reverse().map(({ id, verifier }) => ({ user: id, key: verifier }));
  }

  /** Ends it and the sessions it opened. Throws NotFound `no_such_password`. */
  async revoke(
    id: string,
    caller: IdentityRow,
    mayAll: boolean,
  ): Promise<{ readonly auditId: string; readonly cutSessions: number }> {
    const { audit, clock, store } = this.#deps;
    const row = await store.passwords.find(id);
    if (!row || !(mayAll || row.identityId === caller.id) || row.revokedAt !== undefined) {
      throw new NotFound('no_such_password', `there is no password ${id} of yours that works`, {
        next: 'hoopctl credential --list',
      });
    }
    const entry = audit.append({ kind: 'password.revoked', actor: caller.name, facts: { password: id } });
    await store.passwords.revoke(id, new Date(clock.now()).toISOString());
    const sessions = [...(this.#sessions.get(id) ?? [])];
    for (const session of sessions) session.cut('its short-lived password was revoked');
    return { auditId: String(entry.seq), cutSessions: sessions.length };
  }

  /** The one that a user name stands for, working or not; whether it works is asked again when it was proved. */
  find(id: string): Promise<PasswordRow | undefined> {
    return this.#deps.store.passwords.find(id);
  }

  async bySecret(secret: string): Promise<PasswordRow | undefined> {
    return this.#deps.store.passwords.bySecretHash(hashOf(secret));
  }

  /**
   * Whose password it is, when it works for this connection. Throws LoginNeeded `password_wrong`,
   * `password_expired`, `token_revoked` and its like.
   */
  async identityOf(row: PasswordRow | undefined, connectionId: string | undefined): Promise<IdentityRow> {
    const { clock, current, store } = this.#deps;
    if (row === undefined || row.connectionId !== connectionId) {
      throw new LoginNeeded('password_wrong', 'the password is not known for this connection');
    }
    const now = clock.now();
    if (row.revokedAt !== undefined) throw new LoginNeeded('password_revoked', 'the password was revoked');
    if (!isWorking(row, now))
      throw new LoginNeeded('password_expired', `the password expired at ${row.expiresAt}`);
    const identity = await store.identities.find(row.identityId);
    if (!identity) throw new LoginNeeded('token_wrong', 'its identity no longer exists');
    if (row.signInId === undefined) return current(identity);
    const signIn = await store.signIns.find(row.signInId);
    if (signIn) return current({ ...identity, signIn });
    throw new LoginNeeded('signed_out', 'the sign-in that the password was made in has ended', {
      next: 'hoopctl login, then hoopctl credential NAME',
    });
  }

  /** Ends `session` when the password that opened it expires or is revoked; at once where it was meanwhile. */
  async bind(row: PasswordRow, session: LiveSession): Promise<void> {
    const sessions = this.#sessions.get(row.id) ?? new Set();
    sessions.add(session);
    this.#sessions.set(row.id, sessions);
    const left = Date.parse(row.expiresAt) - this.#deps.clock.now();
    const cancel = this.#deps.clock.after(Math.max(0, left), () =>
      session.cut('its short-lived password expired'),
    );
    void session.closed.finally(() => {
      cancel();
      sessions.delete(session);
      if (sessions.size === 0) this.#sessions.delete(row.id);
    });
    const now = await this.find(row.id);
    if (now === undefined || now.revokedAt !== undefined) session.cut('its short-lived password was revoked');
  }
}

/** Neither revoked nor expired; `now` in milliseconds. */
export function isWorking(row: PasswordRow, now: number): boolean {
  return row.revokedAt === undefined && now < Date.parse(row.expiresAt);
}

function expiryOf({ expiresAt }: IdentityRow): number {
  return expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(expiresAt);
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret, 'utf8').digest('hex');
}
