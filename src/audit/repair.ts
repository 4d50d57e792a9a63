import { open } from 'node:fs/promises';
import { offsetOfLast } from './lines.ts';

/** A last line that a crash cut off, as it was found and put aside. */
export interface CutLine {
  readonly bytes: number;
  /** The file beside the log that holds them now. */
  readonly file: string;
}

/**
 * Cuts a last line that has no newline off the file and keeps it beside it, since nothing can be appended
 * after it. Such a line was never reported as written. Undefined when the file ends well or is not there.
 */
export async function cutIncompleteLine(path: string): Promise<CutLine | undefined> {
  const file = await open(path, 'r+').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!file) return undefined;
  try {
    const { size } = await file.stat();
    // Taking the incomplete line for a complete one finds where it begins.
    const begins = size === 0 ? 0 : await offsetOfLast(path, 1, size + 1);
    if (begins === size) return undefined;
    const aside = `${path}.torn-${begins}`;
    await copyOut(file, begins, size, aside);
    await file.truncate(begins);
    await file.sync();
    return { bytes: size - begins, file: aside };
  } finally {
    await file.close();
  }
}

async function copyOut(
  from: Awaited<ReturnType<typeof open>>,
  start: number,
  end: number,
  path: string,
): Promise<void> {
  const aside = await open(path, 'a', 0o600);
  try {
    const chunk = Buffer.allocUnsafeSlow(64 * 1024);
    for (let at = start; at < end; ) {
      const { bytesRead } = await from.read(chunk, 0, Math.min(chunk.length, end - at), at);
      if (bytesRead === 0) break;
      await aside.appendFile(chunk.subarray(0, bytesRead));
      at += bytesRead;
    }
    await aside.sync();
  } finally {
    await aside.close();
  }
}
