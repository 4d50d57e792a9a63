import { lstatSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { shortDirectory, socketPath } from '../api/socket-path.ts';
import { ensureOwnDirectory, modeText, notPrivate } from './own-directory.ts';

/** Where everything of one daemon lies. */
export interface StateDirectory {
  readonly home: string;
  readonly socket: string;
  readonly pidFile: string;
  readonly bootstrapToken: string;
  readonly log: string;
  readonly recordings: string;
  readonly tls: string;
}

/** Where each thing lies in a state directory; nothing is made. */
export function stateDirectory(home: string): StateDirectory {
  const whole = resolve(home);
  return {
    home: whole,
    socket: socketPath(whole),
    pidFile: join(whole, 'daemon.pid'),
    bootstrapToken: join(whole, 'bootstrap.token'),
    log: join(whole, 'logs', 'daemon.log'),
    recordings: join(whole, 'recordings'),
    tls: join(whole, 'tls'),
  };
}

/** A path that others can reach, or that is not what it should be, with the command that mends it. */
export interface ModeProblem {
  readonly path: string;
  readonly why: string;
  readonly fix: string;
}

/** Recordings are many, lie behind a directory of mode 0700, and are left out below their own directory. */
const MAX_CHECKED = 5000;

/** Files and directories of the state directory with a wrong owner or mode. */
export function modeProblems(directory: StateDirectory): readonly ModeProblem[] {
  const problems: ModeProblem[] = [];
  let left = MAX_CHECKED;
  const walk = (path: string) => {
    left -= 1;
    if (left < 0) return;
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat) return;
    const problem = problemOf(path, stat);
    if (problem) problems.push(problem);
    if (!stat.isDirectory() || path === directory.recordings) return;
    for (const name of readdirSync(path)) walk(join(path, name));
  };
  walk(directory.home);
  return problems;
}

function problemOf(path: string, stat: NonNullable<ReturnType<typeof lstatSync>>): ModeProblem | undefined {
  if (stat.isSymbolicLink()) return { path, why: 'it is a link', fix: `rm ${path}` };
  const uid = process.getuid?.();
  if (uid !== undefined && stat.uid !== uid) {
    return { path, why: `it belongs to user ${stat.uid}, not to ${uid}`, fix: `ls -l ${path}` };
  }
  if ((Number(stat.mode) & 0o077) === 0) return undefined;
  const wanted = stat.isDirectory() ? '700' : '600';
  const why = `its mode is ${modeText(Number(stat.mode))}, so other users get in`;
  return { path, why, fix: `chmod ${wanted} ${path}` };
}

/**
 * Makes the directories, and refuses a state directory that other users can read or write.
 * Throws NotPermitted `directory_not_private`.
 */
export function prepareStateDirectory(directory: StateDirectory): void {
  // Whatever is made from here on is this user's alone.
  process.umask(0o077);
  ensureOwnDirectory(directory.home);
  const [problem] = modeProblems(directory);
  if (problem) throw notPrivate(problem.path, problem.why, problem.fix);
  for (const path of [join(directory.home, 'logs'), directory.recordings, directory.tls]) {
    ensureOwnDirectory(path);
  }
  ensureOwnDirectory(dirname(directory.socket));
}

/** `/ep-XXXXXX/.s.PGSQL.5432` still fits into a socket's path below it. */
const LONGEST_ENDPOINT_ROOT = 70;

/** Where directories of endpoints' Unix sockets are made: the state directory where it is short enough. Emptied first. */
export function endpointRoot(directory: StateDirectory): string {
  const usual = join(directory.home, 'run');
  const fits = Buffer.byteLength(usual) <= LONGEST_ENDPOINT_ROOT;
  const path = fits ? usual : join(shortDirectory(directory.home), 'run');
  ensureOwnDirectory(dirname(path));
  rmSync(path, { recursive: true, force: true });
  ensureOwnDirectory(path);
  return path;
}

/** Bytes that the state directory's disk still has for this user. */
export function freeBytes(directory: StateDirectory): number {
  const { bavail, bsize } = statfsSync(directory.home);
  return bavail * bsize;
}
