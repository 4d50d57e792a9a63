import { setTimeout as pause } from 'node:timers/promises';
import { NotReachable } from '../base/errors.ts';

/** Between two tries to reach what was lost, in milliseconds: at first, and at most. */
const FIRST_RETRY = 1000;
const LONGEST_RETRY = 15_000;

/**
 * The events of a stream that begins with what is, opened again when it broke off, until `signal`. `lost` is told
 * once for each loss. What no other try mends is thrown, and so is a failure to open it the first time.
 */
export async function* lastingWatch<Event>(
  open: () => AsyncIterable<Event>,
  lost: () => void,
  signal: AbortSignal,
  wait: (milliseconds: number) => Promise<void> = (milliseconds) => patiently(milliseconds, signal),
): AsyncGenerator<Event, void, void> {
  let opened = false;
  let isLost = false;
  let retry = FIRST_RETRY;
  while (!signal.aborted) {
    try {
      for await (const event of open()) {
        opened = true;
        isLost = false;
        retry = FIRST_RETRY;
        yield event;
      }
    } catch (error) {
      if (signal.aborted || !isPassing(error, opened)) throw error;
    }
    opened = true;
    if (signal.aborted) return;
    if (!isLost) lost();
    isLost = true;
    await wait(retry);
    retry = Math.min(retry * 2, LONGEST_RETRY);
  }
}

/** A stream that broke off had been opened, whether it had told anything or not. */
function isPassing(error: unknown, opened: boolean): boolean {
  return error instanceof NotReachable && (error.code === 'daemon_gone' || (opened && error.retryable));
}

async function patiently(milliseconds: number, signal: AbortSignal): Promise<void> {
  await pause(milliseconds, undefined, { signal }).catch(() => {});
}
