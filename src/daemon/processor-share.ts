import { readFileSync, writeFileSync } from 'node:fs';
import { getPriority } from 'node:os';

const AUTOGROUP = '/proc/self/autogroup';
/** About nine times the share of a session that has asked for nothing. */
const NICENESS = -10;

/**
 * Asks Linux for a larger share of the processors, for a daemon that has a session of its own.
 *
 * Processors are shared out between sessions first, then within each (sched(7), "The autogroup feature"). So a daemon
 * gets what one terminal gets, however many clients wait for it, and is interrupted by each of them that it wakes: on a
 * busy machine that takes a fifth of its throughput. Only root, or who has CAP_SYS_NICE, is given more. A daemon that
 * was started with a niceness of its own, or in somebody else's session, is left as it is.
 */
export function askForShare(): void {
  if (process.platform !== 'linux' || getPriority() !== 0) return;
  try {
    if (sessionOf(readFileSync('/proc/self/stat', 'utf8')) !== process.pid) return;
    writeFileSync(AUTOGROUP, String(NICENESS));
  } catch {
    // Not permitted, or a kernel without autogroups: it goes on with the share it has.
  }
}

/** The session id in what `/proc/PID/stat` says (proc(5)): the fourth field behind the name, which may hold anything. */
export function sessionOf(stat: string): number {
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]);
}
