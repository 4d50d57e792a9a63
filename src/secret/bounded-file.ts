import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { systemCode } from '../base/errors.ts';

/** A file's bytes with what its directory entry says, taken from one open handle so that both belong together. */
export interface ReadFile {
  readonly bytes: Buffer;
  /** Permission bits, `0o600`. */
  readonly mode: number;
  readonly uid: number;
}

/** Windows has no such permission bits; its own access lists stand instead. */
export const HAS_MODES = process.platform !== 'win32';

/** True when others than the file's owner may read or change it. */
export function isOpenToOthers(file: Pick<ReadFile, 'mode'>): boolean {
  return HAS_MODES && (file.mode & 0o077) !== 0;
}

/**
 * Reads a regular file of at most `limit` bytes. Throws the system's error (`ENOENT`, `EACCES`, `ELOOP` for a
 * link when `followLinks` is false), or RangeError when it is larger or not a regular file.
 */
export async function readBounded(path: string, limit: number, followLinks: boolean): Promise<ReadFile> {
  // Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (followLinks ? 0 : constants.O_NOFOLLOW);
  const handle = await open(path, flags);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new RangeError('not a regular file');
    if (stat.size > limit) throw new RangeError(`larger than ${limit} bytes`);
    return { bytes: await readAll(handle, stat.size, limit), mode: stat.mode & 0o777, uid: stat.uid };
  } finally {
    await handle.close();
  }
}

/** The size may lie (`/proc`) or change meanwhile, so it is only where reading begins; the bound is kept while reading. */
async function readAll(handle: FileHandle, size: number, limit: number): Promise<Buffer> {
  let buffer = Buffer.alloc(size + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
    length += bytesRead;
    if (length > limit) throw new RangeError(`larger than ${limit} bytes`);
    if (bytesRead > 0 && length < buffer.length) continue;
    // At its end, or more than was said: what was read of a secret does not stay behind in memory.
    const kept = Buffer.alloc(bytesRead === 0 ? length : Math.min(buffer.length * 2, limit + 1));
    buffer.copy(kept, 0, 0, length);
    buffer.fill(0);
    if (bytesRead === 0) return kept;
    buffer = kept;
  }
}

/** The system's error code of a failed file operation, for messages: never the path's content. */
export function errorCode(error: unknown): string {
  return systemCode(error) ?? (error instanceof Error ? error.message : 'unknown error');
}
