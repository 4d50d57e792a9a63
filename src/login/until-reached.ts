import { HoopError } from '../base/errors.ts';

/** What never got there, so that it may be sent again. */
const NOT_SENT: ReadonlySet<string> = new Set([
  'daemon_not_running',
  'gateway_not_reachable',
  'proxy_failed',
]);
/** Before each further try, in milliseconds: about as long as a gateway takes to start anew. */
const PAUSES = [1000, 2000, 4000, 8000, 8000];

/** Tries again what did not reach the gateway, for half a minute; `lost` is told once. Throws what the last try did. */
export async function untilReached<T>(
  attempt: () => Promise<T>,
  lost: (why: string) => void,
  wait: (milliseconds: number) => Promise<void>,
): Promise<T> {
  for (const [index, pause] of PAUSES.entries()) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof HoopError && error.retryable && NOT_SENT.has(error.code))) throw error;
      if (index === 0) lost(error.message);
    }
    await wait(pause);
  }
  return attempt();
}
