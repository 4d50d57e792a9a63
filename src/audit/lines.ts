import { open } from 'node:fs/promises';
import { MAX_LINE_BYTES } from './entry-line.ts';

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

export interface Line {
  readonly text: string;
  /** False for a last line without its newline. */
  readonly complete: boolean;
}

/**
 * The lines of `path` between two byte offsets, streamed. A line longer than `MAX_LINE_BYTES` comes cut to
 * nothing, so that it is no entry. A missing file has no lines.
 */
export async function* readLines(path: string, from: number, to: number): AsyncGenerator<Line, void, void> {
  const file = await open(path, 'r').catch(missingIsUndefined);
  if (!file) return;
  try {
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    let pieces: Buffer[] = [];
    let length = 0;
    let position = from;
    while (position < to) {
      const { bytesRead } = await file.read(chunk, 0, Math.min(CHUNK_BYTES, to - position), position);
      if (bytesRead === 0) break;
      position += bytesRead;
      const bytes = chunk.subarray(0, bytesRead);
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
        yield { text: join(pieces, length, bytes.subarray(start, end)), complete: true };
        pieces = [];
        length = 0;
        start = end + 1;
      }
      length += bytesRead - start;
      if (length <= MAX_LINE_BYTES && start < bytesRead) pieces.push(Buffer.from(bytes.subarray(start)));
    }
    if (length > 0) yield { text: join(pieces, length, Buffer.alloc(0)), complete: false };
  } finally {
    await file.close();
  }
}

function join(pieces: readonly Buffer[], length: number, last: Buffer): string {
  if (length + last.length > MAX_LINE_BYTES) return '';
  return pieces.length === 0 ? last.toString() : Buffer.concat([...pieces, last]).toString();
}

/** The offset at which the last `count` lines before `to` begin; `to` must be the end of a line. */
export async function offsetOfLast(path: string, count: number, to: number): Promise<number> {
  if (count <= 0) return to;
  const file = await open(path, 'r').catch(missingIsUndefined);
  if (!file) return 0;
  try {
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    let left = count;
    // The newline that ends the last line itself is not counted.
    let end = to - 1;
    while (end > 0) {
      const start = Math.max(0, end - CHUNK_BYTES);
      const { bytesRead } = await file.read(chunk, 0, end - start, start);
      for (let at = bytesRead - 1; at >= 0; at--) {
        if (chunk[at] === NEWLINE && --left === 0) return start + at + 1;
      }
      end = start;
    }
    return 0;
  } finally {
    await file.close();
  }
}

export async function sizeOf(path: string): Promise<number> {
  const file = await open(path, 'r').catch(missingIsUndefined);
  if (!file) return 0;
  try {
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

function missingIsUndefined(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}
