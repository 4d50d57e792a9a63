import type { Protocol } from './protocol.ts';

/** Every protocol hoopctl speaks, one line each; loaded when the daemon starts, not with the command line. */
export async function loadProtocols(): Promise<readonly Protocol[]> {
  return [(await import('./postgres/postgres.ts')).postgres];
}
