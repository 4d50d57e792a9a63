import { NotReachable } from '../base/errors.ts';

/** A stream that only its reader should end was ended by the daemon, in good order: it stops. */
export function daemonGone(what: string): NotReachable {
  return new NotReachable('daemon_gone', `the daemon ended ${what}`, {
    next: 'hoopctl daemon status; or, of a gateway, try again when it is back',
    retryable: true,
  });
}
