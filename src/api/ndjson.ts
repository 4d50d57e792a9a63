import { ProtocolViolation } from '../base/errors.ts';

const NEWLINE = 0x0a;

/** Bytes in one line at most; a replayed row of that size still fits, a runaway answer does not. */
export const LONGEST_LINE = 128 * 1024 * 1024;

/** Splits chunks into the JSON values of their lines; empty lines are keep-alives and skipped. */
export async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      parts.push(chunk.subarray(start, end));
      const line = Buffer.concat(parts).toString('utf8');
      parts = [];
      length = 0;
      start = end + 1;
      if (line.trim() !== '') yield parse(line);
    }
    length += chunk.length - start;
    if (length > LONGEST_LINE) {
      throw new ProtocolViolation('line_too_long', `a line of the answer passes ${LONGEST_LINE} bytes`);
    }
    parts.push(chunk.subarray(start));
  }
  const rest = Buffer.concat(parts).toString('utf8');
  if (rest.trim() !== '') yield parse(rest);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new ProtocolViolation('bad_answer', 'the daemon answered with a line that is not JSON', { cause });
  }
}
