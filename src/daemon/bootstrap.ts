import { timingSafeEqual } from 'node:crypto';
import { lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { newSecret } from '../base/ids.ts';

/** The one-time token of a state directory that has no owner: whoever may read the file may become the owner. */
export interface Bootstrap {
  /** True while there is no owner. */
  isOpen(): boolean;
  /** Constant-time; false when the directory has its owner. */
  matches(token: string): boolean;
  /** Once the owner exists: the token is void and its file removed. */
  close(): void;
}

/** Opens the bootstrap of a state directory without identities, writing its token (0600) unless a good one lies there. */
export function openBootstrap(path: string, empty: boolean): Bootstrap {
  let token: string | undefined;
  if (empty) token = existing(path) ?? written(path);
  else rmSync(path, { force: true });
  return {
    isOpen: () => token !== undefined,
    matches(given) {
      if (token === undefined) return false;
      const wanted = Buffer.from(token);
      const offered = Buffer.from(given);
      return wanted.length === offered.length && timingSafeEqual(wanted, offered);
    },
    close() {
      token = undefined;
      rmSync(path, { force: true });
    },
  };
}

/** A token of an earlier start: a command line may hold it already. */
function existing(path: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile() || (stat.mode & 0o077) !== 0) return undefined;
  const text = readFileSync(path, 'utf8').trim();
  return /^[A-Za-z0-9_-]{43}$/.test(text) ? text : undefined;
}

function written(path: string): string {
  const token = newSecret(32);
  rmSync(path, { force: true });
  writeFileSync(path, `${token}\n`, { mode: 0o600, flag: 'wx' });
  return token;
}
