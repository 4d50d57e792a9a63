import { lstatSync, mkdirSync } from 'node:fs';
import { NotPermitted } from '../base/errors.ts';

/**
 * Makes a directory of mode 0700, or checks that it is one, belongs to this user and is no link.
 * Throws NotPermitted `directory_not_private` with the command that mends it.
 */
export function ensureOwnDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const stat = lstatSync(path);
  const uid = process.getuid?.();
  if (!stat.isDirectory()) throw notPrivate(path, 'it is not a directory', `ls -ld ${path}`);
  if (uid !== undefined && stat.uid !== uid) {
    throw notPrivate(path, `it belongs to user ${stat.uid}, not to ${uid}`, `ls -ld ${path}`);
  }
  if ((stat.mode & 0o077) !== 0) {
    throw notPrivate(path, `its mode is ${modeText(stat.mode)}, so other users get in`, `chmod 700 ${path}`);
  }
}

/** A file's permissions: `0700`. */
export function modeText(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0');
}

export function notPrivate(path: string, why: string, next: string): NotPermitted {
  return new NotPermitted('directory_not_private', `${path} is not private`, { why, next });
}
