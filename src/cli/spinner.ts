import type { Io } from './io.ts';

/** Milliseconds before a spinner shows: what is quicker needs none. */
const PATIENCE = 150;

/** Waits for `work`; on a terminal something turns meanwhile, on stderr. */
export async function whileWaiting<T>(io: Io, what: string, work: Promise<T>): Promise<T> {
  if (!io.lively) return work;
  let finished = false;
  let spinner: { stop(): unknown } | undefined;
  const timer = setTimeout(async () => {
    const { default: ora } = await import('ora');
    if (!finished) spinner = ora({ text: what, stream: process.stderr, discardStdin: false }).start();
  }, PATIENCE);
  try {
    return await work;
  } finally {
    finished = true;
    clearTimeout(timer);
    spinner?.stop();
  }
}
