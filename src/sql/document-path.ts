import type { Source } from './facts.ts';

/** Stands between a column and the keys of a part of its document, and between those keys: never part of a name. */
const SEPARATOR = '\u001f';

/** As a last key: the names of the keys, or the number of elements, rather than what they hold. */
export const SHAPE = '\u001e';

/** The source of the value under `key` in the document that `source` names. */
export function under(source: Source, ...keys: readonly string[]): Source {
  // A row is no document, and a key that looks like a separator would be read as two.
  if (source.endsWith('.*') || keys.some((key) => key.includes(SEPARATOR))) return source;
  return [source, ...keys].join(SEPARATOR);
}

/** The column of a source, and the keys that lead to the part that is meant. */
export function partsOf(source: Source): { readonly column: string; readonly path: readonly string[] } {
  if (!source.includes(SEPARATOR)) return { column: source, path: [] };
  const [column = '', ...path] = source.split(SEPARATOR);
  return { column, path };
}

/** `public.users.profile -> contact -> email`, for people. */
export function sourceWords(source: Source): string {
  const { column, path } = partsOf(source);
  return [column, ...path.map((key) => (key === SHAPE ? '(keys)' : key))].join(' -> ');
}
