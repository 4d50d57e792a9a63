import { chmodSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LoginNeeded, NotPermitted } from '../base/errors.ts';

const OWNER_TOKEN = 'owner.token';
/** Written by the daemon of a new state directory, good for `init` alone. */
const BOOTSTRAP_TOKEN = 'bootstrap.token';

/** `HOOPCTL_TOKEN`. Throws LoginNeeded `bad_token`. */
export function givenToken(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const given = env.HOOPCTL_TOKEN?.trim();
  return given === undefined || given === '' ? undefined : sendable(given);
}

/** The identity to act as: `HOOPCTL_TOKEN`, else the stored owner. Throws LoginNeeded `no_identity`. */
export function readToken(home: string, env: Readonly<Record<string, string | undefined>>): string {
  const given = givenToken(env);
  if (given !== undefined) return given;
  const stored = readOwn(join(home, OWNER_TOKEN));
  if (stored !== undefined) return stored;
  throw new LoginNeeded('no_identity', 'there is no identity to act as', {
    why: `HOOPCTL_TOKEN is not set and ${home} holds no owner`,
    next: 'hoopctl init; or, for a gateway: hoopctl login URL',
  });
}

/** What an HTTP header can carry; the daemon looks at nothing else either. */
function sendable(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new LoginNeeded('bad_token', 'HOOPCTL_TOKEN holds no token', {
    why: 'a token is one word of ASCII letters, digits and signs',
    next: 'copy it again from the output of hoopctl identity create',
  });
}

/** Whether there is an identity to act as. */
export function hasToken(home: string, env: Readonly<Record<string, string | undefined>>): boolean {
  try {
    return readToken(home, env) !== '';
  } catch {
    return false;
  }
}

/** Undefined when the state directory was initialised before. */
export function readBootstrapToken(home: string): string | undefined {
  return readOwn(join(home, BOOTSTRAP_TOKEN));
}

/** Whole or not at all; 0600 from its first byte. */
export function storeOwnerToken(home: string, token: string): void {
  const file = join(home, OWNER_TOKEN);
  const fresh = `${file}.new`;
  rmSync(fresh, { force: true });
  writeFileSync(fresh, `${token}\n`, { mode: 0o600, flag: 'wx', flush: true });
  chmodSync(fresh, 0o600);
  renameSync(fresh, file);
}

function readOwn(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if ((found.mode & 0o077) !== 0) {
    throw new NotPermitted('open_token_file', `${file} can be read by other users`, {
      why: 'whoever reads it acts as you; consider the token known and make a new one',
      next: `chmod 600 ${file}`,
    });
  }
  return readFileSync(file, 'utf8').trim();
}
