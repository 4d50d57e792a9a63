import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { NotFound, UsageError } from '../../base/errors.ts';

/** Bytes; the API takes no larger policy. */
const LARGEST_FILE = 1024 * 1024;

/** A file's text. Throws NotFound `no_such_file`, UsageError `not_utf8` or `file_too_large`. */
export function readText(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) throw new NotFound('no_such_file', `there is no file ${file}`);
  if (!found.isFile() && !found.isFIFO() && !found.isCharacterDevice()) {
    throw new UsageError('not_a_file', `${file} is not a file`);
  }
  if (found.size > LARGEST_FILE) throw new UsageError('file_too_large', `${file} is larger than 1 MiB`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file));
  } catch (cause) {
    if (cause instanceof TypeError) throw new UsageError('not_utf8', `${file} is not UTF-8 text`, { cause });
    throw cause;
  }
}

/** A policy file as the API takes it; the source is the file's name, not this machine's path. */
export function readPolicy(file: string): { readonly text: string; readonly source: string } {
  return { text: readText(file), source: basename(file) };
}
