import { readFileSync, type Stats, statSync } from 'node:fs';
import { NotFound, UsageError } from '../base/errors.ts';

/** Bytes; the API takes no larger text. */
const LARGEST_FILE = 1024 * 1024;

/**
 * The text of a file that somebody named on the command line; of a pipe, too (`<(…)`). Throws NotFound `no_such_file`,
 * UsageError `not_a_file`, `file_too_large`, `not_utf8`.
 */
export function readTextFile(file: string): string {
  const { size } = known(file);
  if (size > LARGEST_FILE) throw new UsageError('file_too_large', `${file} is larger than 1 MiB`);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw unreadable(file, cause);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new UsageError('not_utf8', `${file} is not UTF-8 text`, { cause });
  }
}

function known(file: string): Stats {
  let found: Stats | undefined;
  try {
    found = statSync(file, { throwIfNoEntry: false });
  } catch (cause) {
    throw unreadable(file, cause);
  }
  if (found === undefined) throw new NotFound('no_such_file', `there is no file ${file}`);
  if (found.isFile() || found.isFIFO() || found.isCharacterDevice()) return found;
  throw new UsageError('not_a_file', `${file} is not a file`);
}

function unreadable(file: string, cause: unknown): NotFound {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new NotFound('no_such_file', `${file} cannot be read`, { why, cause });
}
