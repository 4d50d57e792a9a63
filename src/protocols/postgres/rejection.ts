import { HoopError } from '../../base/errors.ts';
import type { RefusalText } from './client-side-refusal.ts';

/** What a client may know of why it was not let in: nothing of the target's address or the daemon's files. */
export function rejection(error: unknown): RefusalText {
  if (!(error instanceof HoopError)) return { sqlstate: 'XX000', message: 'hoopctl: internal error' };
  switch (error.kind) {
    case 'not-reachable':
      return {
        sqlstate: '08006',
        message: 'hoopctl: the target could not be reached',
        hint: 'an owner finds out why with: hoopctl connection test',
      };
    case 'internal':
      return {
        sqlstate: '58030',
        message: `hoopctl: ${error.message}`,
        hint: error.next ?? 'nothing was executed',
      };
    default:
      return {
        // Drivers take cannot_connect_now as a reason to try again later.
        sqlstate: error.code === 'draining' ? '57P03' : '42501',
        message: `hoopctl: ${error.message}`,
        ...(error.next === undefined ? {} : { hint: error.next }),
      };
  }
}
