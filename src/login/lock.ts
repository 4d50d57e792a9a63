import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Conflict, systemCode } from '../base/errors.ts';

const LOOK_EVERY = 50;
/** What holds the lock talks to an identity provider; after this long it is gone. In milliseconds. */
const STALE = 60_000;

/**
 * Runs `work` while no other process of this user does: a refresh token that is used twice at once ends the
 * whole sign-in with many providers (RFC 9700, section 4.14.2). Throws Conflict `login_busy` after a minute.
 */
export async function withLock<T>(directory: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, 'lock');
  const deadline = performance.now() + STALE;
  while (!take(file)) {
    if (performance.now() > deadline) {
      throw new Conflict('login_busy', 'another hoopctl is signing in and does not end', {
        next: `rm ${file}`,
      });
    }
    await pause(LOOK_EVERY);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function take(file: string): boolean {
  try {
    writeFileSync(file, `${process.pid}\n`, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    const found = statSync(file, { throwIfNoEntry: false });
    if (found !== undefined && Date.now() - found.mtimeMs > STALE) rmSync(file, { force: true });
    return false;
  }
}
