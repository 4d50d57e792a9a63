import type { Io } from './io.ts';

/**
 * Writes lines to stderr. Where somebody is asked afterwards and they don't fit the screen, it stops after each
 * screenful, so that the beginning cannot scroll away unread. False when the reader gave up before the end.
 */
export async function showLines(io: Io, lines: readonly string[], signal?: AbortSignal): Promise<boolean> {
  const page = io.err.rows - 3;
  if (io.prompts === undefined || !io.err.isTTY || lines.length <= page) {
    io.err.write(`${lines.join('\n')}\n`);
    return true;
  }
  for (let start = 0; start < lines.length; start += page) {
    io.err.write(`${lines.slice(start, start + page).join('\n')}\n`);
    const left = lines.length - start - page;
    if (left <= 0) break;
    const key = await io.prompts.key(`-- ${left} more lines: space goes on, q stops --`, ' q', signal);
    if (key !== ' ') return false;
  }
  return true;
}
