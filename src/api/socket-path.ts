import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { NotPermitted, NotReachable } from '../base/errors.ts';

/**
 * `sun_path` holds 104 bytes on macOS and 108 on Linux (unix(4), unix(7)), the closing NUL counted; a longer
 * path is cut or refused, so the socket of a deep state directory stands elsewhere.
 */
const LONGEST_SOCKET_PATH = 100;

/** Not `os.tmpdir()`: TMPDIR may differ between the daemon's environment and a client's. */
const SHORT_PLACE = '/tmp';

/**
 * Where the daemon of a state directory listens. Always the same answer for the same directory and user, so
 * that daemon and clients agree without a word. The directory of the socket is the daemon's to make (0700).
 */
export function socketPath(home: string, uid: number = process.getuid?.() ?? 0): string {
  const whole = resolve(home);
  const usual = join(whole, 'daemon.sock');
  if (Buffer.byteLength(usual) <= LONGEST_SOCKET_PATH) return usual;
  return join(shortDirectory(whole, uid), 'daemon.sock');
}

/** A directory with a short name for what of a state directory must have one: one user's, one state directory's. */
export function shortDirectory(home: string, uid: number = process.getuid?.() ?? 0): string {
  const name = createHash('sha256').update(resolve(home)).digest('hex').slice(0, 16);
  return join(SHORT_PLACE, `hoopctl-${uid}-${name}`);
}

/**
 * Refuses a socket that another user could have put there, before a client sends its token to it.
 * Throws NotReachable `daemon_not_running` when there is none, NotPermitted `foreign_socket` when its directory
 * is not this user's own or is open to others.
 */
export function assertOwnSocket(path: string): void {
  const uid = process.getuid?.();
  try {
    const directory = lstatSync(dirname(path));
    const socket = lstatSync(path);
    if (uid === undefined) return;
    const own = directory.isDirectory() && directory.uid === uid && socket.uid === uid;
    if (own && (directory.mode & 0o077) === 0 && (socket.mode & 0o077) === 0) return;
  } catch (error) {
    throw new NotReachable('daemon_not_running', 'the daemon is not running', {
      why: `there is no socket at ${path}`,
      next: 'hoopctl daemon start',
      cause: error,
    });
  }
  throw new NotPermitted('foreign_socket', `${path} is not safely yours`, {
    why: 'its directory must belong to you with mode 0700, and the socket with mode 0600',
    next: `ls -la ${dirname(path)}`,
  });
}
