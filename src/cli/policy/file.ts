import { basename } from 'node:path';
import { readTextFile } from '../text-file.ts';

/** A policy file as the API takes it; the source is the file's name, not this machine's path. */
export function readPolicy(file: string): { readonly text: string; readonly source: string } {
  return { text: readTextFile(file), source: basename(file) };
}
