import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { Internal } from '../../base/errors.ts';
import type { Store } from '../store.ts';
import { approvalRows } from './approvals.ts';
import { connectionRows } from './connections.ts';
import { Database } from './database.ts';
import { loadDriver } from './driver.ts';
import { corrupt, newer, storeFailure } from './failures.ts';
import { identityRows } from './identities.ts';
import { migrations } from './migrations/all.ts';
import { passwordRows } from './passwords.ts';
import { policyRows } from './policies.ts';
import { sessionRows } from './sessions.ts';
import { settingRows } from './settings.ts';
import { signInRows } from './sign-ins.ts';
import { usedTokenRows } from './used-tokens.ts';
import { webhookRows } from './webhooks.ts';

/** Marks a database as ours: `hoop`. */
const APPLICATION_ID = 0x686f6f70;

/**
 * Opens (or begins) the state database and holds it for this process alone until it is closed or the process
 * ends. The lock is the operating system's and dies with its process, so none can be stale. It also dies when
 * this process opens and closes the file by other means: nothing else may.
 * Throws Conflict `state_directory_in_use`, Internal `store_newer`, `store_corrupt` (the file is left as it
 * is), `store_failed`.
 */
export async function openSqliteStore(path: string): Promise<Store> {
  const Driver = await loadDriver();
  let db: DatabaseSync | undefined;
  try {
    if (prepareFile(path)) inspect(new Driver(path, { readOnly: true }), path);
    db = new Driver(path);
    take(db);
    migrate(db, path);
  } catch (error) {
    db?.close();
    throw storeFailure(error, path);
  }
  return storeOn(new Database(db, path));
}

function storeOn(database: Database): Store {
  let open = true;
  return {
    identities: identityRows(database),
    signIns: signInRows(database),
    usedTokens: usedTokenRows(database),
    connections: connectionRows(database),
    passwords: passwordRows(database),
    policies: policyRows(database),
    sessions: sessionRows(database),
    approvals: approvalRows(database),
    settings: settingRows(database),
    webhooks: webhookRows(database),
    async close() {
      if (open) database.close();
      open = false;
    },
  };
}

/** Makes directory and file with our modes, which the journal beside it inherits. True when there is something to inspect. */
function prepareFile(path: string): boolean {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const found = statSync(path, { throwIfNoEntry: false });
    if (found) return found.size > 0;
    closeSync(openSync(path, 'ax', 0o600));
    return false;
  } catch (cause) {
    throw new Internal('store_failed', `the state database ${path} cannot be opened`, {
      why: cause instanceof Error ? cause.message : String(cause),
      next: 'mend permissions in the state directory, then try again',
      cause,
    });
  }
}

/** Looks before anything is written: through a connection that cannot write. */
function inspect(db: DatabaseSync, path: string): void {
  try {
    const version = readNumber(db, 'user_version');
    if (version > migrations.length) throw newer(path, version, migrations.length);
    if (readNumber(db, 'application_id') !== APPLICATION_ID && !isEmpty(db)) {
      throw corrupt(path, 'it is not a database of hoopctl');
    }
    const verdict = Object.values(db.prepare('PRAGMA quick_check(1)').get() ?? {})[0];
    if (verdict !== 'ok') throw corrupt(path, 'its structure is damaged');
  } finally {
    db.close();
  }
}

/** Begun by a process that was killed before its first migration was through. */
function isEmpty(db: DatabaseSync): boolean {
  return db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
}

/** Takes the lock now, not at the first write. */
function take(db: DatabaseSync): void {
  db.exec(`
    PRAGMA busy_timeout = 0;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    BEGIN EXCLUSIVE;
    COMMIT;
  `);
}

function migrate(db: DatabaseSync, path: string): void {
  const version = readNumber(db, 'user_version');
  if (version > migrations.length) throw newer(path, version, migrations.length);
  for (let next = version; next < migrations.length; next++) {
    db.exec(`
      BEGIN EXCLUSIVE;
      ${migrations[next]}
      PRAGMA application_id = ${APPLICATION_ID};
      PRAGMA user_version = ${next + 1};
      COMMIT;
    `);
  }
}

function readNumber(db: DatabaseSync, pragma: 'user_version' | 'application_id'): number {
  return Number(Object.values(db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0]);
}
