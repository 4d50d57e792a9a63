import type { ErrorKind } from '../base/errors.ts';

/** What each exit code means; `hoopctl help exit-codes` prints it. */
export const EXIT_CODES: readonly (readonly [code: string, meaning: string])[] = [
  ['0', 'done'],
  ['1', 'failed'],
  ['2', 'usage: an unknown verb, flag or key, a bad value, a question that nobody can answer'],
  ['3', 'daemon, gateway or target not reachable'],
  ['4', 'login needed: no token, a wrong, expired or revoked one'],
  ['5', 'not permitted'],
  ['6', 'blocked by policy'],
  ['7', 'denied by an approver'],
  ['8', 'approval pending, expired, withdrawn or timed out'],
  ['9', 'not found, or in conflict with what is there'],
  ['130', 'ended by Ctrl-C (SIGINT)'],
  ['143', 'ended by SIGTERM'],
];

const byKind: Readonly<Record<ErrorKind, number>> = {
  usage: 2,
  'not-reachable': 3,
  'login-needed': 4,
  'not-permitted': 5,
  'policy-blocked': 6,
  'approval-denied': 7,
  'approval-pending': 8,
  'not-found': 9,
  conflict: 9,
  'statement-failed': 1,
  'protocol-violation': 1,
  internal: 1,
};

/** The exit code of an error that ends a verb. */
export function exitCodeOf(kind: ErrorKind): number {
  return byKind[kind];
}
