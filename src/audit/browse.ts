import { parseEntry } from './entry-line.ts';
import type { FileAuditLog } from './file-log.ts';
import { offsetOfLast, readLines } from './lines.ts';

export interface TailOptions {
  /** How many lines to begin with. */
  readonly last: number;
  /** Goes on with new lines until this says stop; without it the tail ends at the log's end. */
  readonly follow?: AbortSignal | undefined;
}

/** The last lines of the log (without newlines), then, if asked, each new one as it is appended. */
export async function* tailAudit(
  log: FileAuditLog,
  options: TailOptions,
): AsyncGenerator<string, void, void> {
  const { follow } = options;
  const bell = makeBell();
  const unsubscribe = log.onAppend(bell.ring);
  follow?.addEventListener('abort', bell.ring);
  try {
    log.settle();
    let read = log.size;
    yield* linesBetween(log.path, await offsetOfLast(log.path, options.last, read), read);
    while (follow && !follow.aborted) {
      log.settle();
      const size = log.size;
      // Read from the file rather than queued: a slow reader costs no memory.
      yield* linesBetween(log.path, read, size);
      read = size;
      if (!follow.aborted) await bell.rung();
    }
  } finally {
    follow?.removeEventListener('abort', bell.ring);
    unsubscribe();
  }
}

/** The lines of entries from `since` (inclusive) to `until` (exclusive), ISO 8601 UTC; all when undefined. */
export async function* exportAudit(
  log: FileAuditLog,
  range: { readonly since?: string | undefined; readonly until?: string | undefined },
): AsyncGenerator<string, void, void> {
  const since = range.since === undefined ? -Infinity : Date.parse(range.since);
  const until = range.until === undefined ? Infinity : Date.parse(range.until);
  log.settle();
  for await (const line of linesBetween(log.path, 0, log.size)) {
    const entry = parseEntry(line);
    const time = entry ? Date.parse(entry.time) : Number.NaN;
    // A line that is no entry is evidence: whoever exports gets it.
    if (!entry || (time >= since && time < until)) yield line;
  }
}

async function* linesBetween(path: string, from: number, to: number): AsyncGenerator<string, void, void> {
  for await (const line of readLines(path, from, to)) yield line.text;
}

/** Rings are remembered until someone has waited for them. */
function makeBell(): { readonly ring: () => void; rung(): Promise<void> } {
  let pending = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      pending = true;
      wake?.();
    },
    rung() {
      return new Promise((resolve) => {
        const settle = () => {
          pending = false;
          wake = undefined;
          resolve();
        };
        if (pending) settle();
        else wake = settle;
      });
    },
  };
}
