import type { Client } from '../../api/client.ts';
import { daemonGone } from '../daemon-gone.ts';
import { exitCodeOfSignal } from '../interrupted.ts';
import type { Io } from '../io.ts';
import { printLine, say } from '../output.ts';
import { entryLine } from './entry-line.ts';

export interface TailOptions {
  readonly json: boolean;
  readonly follow: boolean;
  readonly lines: number | undefined;
}

export async function run(options: TailOptions, io: Io, client: Client): Promise<number> {
  const cut = new AbortController();
  let exitCode = 0;
  const release = io.onSignal((signal) => {
    exitCode = exitCodeOfSignal(signal);
    cut.abort();
  });
  const query = { follow: String(options.follow), lines: options.lines };
  try {
    for await (const entry of client.stream('auditTail', { query, signal: cut.signal })) {
      if (options.json) printLine(io, entry);
      else say(io, entryLine(entry, io.out, io.now()));
    }
    if (options.follow && !cut.signal.aborted) throw daemonGone('the log');
  } catch (error) {
    if (!cut.signal.aborted) throw error;
  } finally {
    release();
  }
  return exitCode;
}
