import type { ServerResponse } from 'node:http';
import type { HoopError } from '../base/errors.ts';
import { errorBody } from './api-errors.ts';

export interface StreamSending {
  /** A line as the contract has it. */
  readonly checked: (line: unknown) => unknown;
  /** What the reader is told of an error. */
  readonly told: (error: unknown) => HoopError;
  /** The client is gone, or the daemon stops. */
  readonly gone: AbortSignal;
  /** Its reader may read no more; its reason says why. */
  readonly ended: AbortSignal | undefined;
}

/** Sends lines as NDJSON as fast as they are read; a stream that fails or is ended says so in its last line. */
export async function sendStream(
  response: ServerResponse,
  lines: AsyncIterable<unknown>,
  { checked, ended, gone, told }: StreamSending,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
  response.flushHeaders();
  const over = ended === undefined ? gone : AbortSignal.any([gone, ended]);
  try {
    for await (const line of lines) {
      if (response.destroyed) return;
      if (ended?.aborted) break;
      const flowing = response.write(`${JSON.stringify(checked(line))}\n`);
      if (!flowing) await drained(response, over);
    }
    if (ended?.aborted) throw ended.reason;
  } catch (error) {
    if (!response.destroyed) response.write(`${JSON.stringify(errorBody(told(error)))}\n`);
  } finally {
    response.end();
  }
}

/** Until the client has taken what was written, or nothing more is to be written. */
function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    if (signal.aborted) return resolve();
    response.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
