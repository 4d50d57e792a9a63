import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Resident memory of a process in MiB, from Linux's /proc. */
export function residentMiB(pid: number): number {
  return status(pid, 'VmRSS') / 1024;
}

/** Greatest resident memory since `forgetPeak`, in MiB. */
export function peakMiB(pid: number): number {
  return status(pid, 'VmHWM') / 1024;
}

/** Makes the present resident memory the peak (proc(5), clear_refs). */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** Open file descriptors of a process. */
export function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function status(pid: number, name: string): number {
  const line = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]);
}
