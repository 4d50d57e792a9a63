import { closeSync, constants, fstatSync, openSync, readFileSync, writeSync } from 'node:fs';
import { isAbsolute, join, normalize, sep } from 'node:path';
import { Internal } from '../base/errors.ts';
import { RECORD, readJournal } from './format.ts';
import { JOURNAL_BYTES } from './journal.ts';

/** What a journal gave back to its files. */
export interface ReplayedJournal {
  /** Bytes that only the journal had. */
  readonly restored: number;
  /** In words: files that are gone, or shorter than when the journal was written. */
  readonly problems: readonly string[];
}

/**
 * Appends to the files below `root` what a daemon that was killed had written to its journal only. What a file has
 * already is left as it is, and what does not follow its end is not written. To be called before anything reads
 * those files. Nothing is to be done where there is no journal. Throws Internal `journal_failed`.
 */
export function replayJournal(path: string, root: string): ReplayedJournal {
  const files = new Map<number, OpenFile | undefined>();
  const problems: string[] = [];
  let restored = 0;
  try {
    for (const { kind, file: number, offset, bytes } of readJournal(contentOf(path))) {
      if (kind === RECORD.name) {
        files.set(number, openBelow(root, bytes.toString(), problems));
        continue;
      }
      const file = files.get(number);
      if (file === undefined || offset + bytes.length <= file.size) continue;
      if (offset > file.size) {
        problems.push(`${file.name} ends at ${file.size}, the journal goes on at ${offset}`);
        file.close();
        files.set(number, undefined);
        continue;
      }
      restored += file.append(bytes.subarray(file.size - offset));
    }
  } catch (cause) {
    throw new Internal('journal_failed', 'the journal of the last daemon cannot be given back to its files', {
      why: cause instanceof Error ? cause.message : String(cause),
      next: 'free space or mend permissions in the state directory, then start again',
      cause,
    });
  } finally {
    for (const file of files.values()) file?.close();
  }
  return { restored, problems };
}

function contentOf(path: string): Buffer {
  try {
    return readFileSync(path).subarray(0, JOURNAL_BYTES);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

class OpenFile {
  readonly name: string;
  readonly #fd: number;
  size: number;

  constructor(name: string, fd: number) {
    this.name = name;
    this.#fd = fd;
    this.size = fstatSync(fd).size;
  }

  append(bytes: Buffer): number {
    for (let from = 0; from < bytes.length; ) {
      const written = writeSync(this.#fd, bytes, from);
      this.size += written;
      from += written;
    }
    return bytes.length;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** A name that leads out of `root`, or over a link, is not followed. */
function openBelow(root: string, name: string, problems: string[]): OpenFile | undefined {
  const clean = normalize(name);
  if (isAbsolute(clean) || clean.split(sep).includes('..') || clean !== name) {
    problems.push('the journal names a file outside of the state directory');
    return undefined;
  }
  try {
    const { O_WRONLY, O_APPEND, O_NOFOLLOW } = constants;
    const fd = openSync(join(root, clean), O_WRONLY | O_APPEND | O_NOFOLLOW);
    return new OpenFile(clean, fd);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code !== 'ENOENT' && code !== 'ELOOP') throw error;
    problems.push(`${clean} is gone`);
    return undefined;
  }
}
