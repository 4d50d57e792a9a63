import type { ShellEffect } from './facts.ts';

/** What one call of a program does; `unknown` says why. */
export interface Verdict {
  readonly effect: ShellEffect;
  readonly reason?: string;
}

export const READS: Verdict = { effect: 'read' };
export const WRITES: Verdict = { effect: 'write' };
export const ADMINISTERS: Verdict = { effect: 'admin' };

export function unknown(reason: string): Verdict {
  return { effect: 'unknown', reason };
}
