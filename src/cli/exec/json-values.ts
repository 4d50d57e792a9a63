import type { Result } from './script-run.ts';

const BOOL = 16;
const INTEGERS: ReadonlySet<number> = new Set([20, 21, 23, 26]);
const FLOATS: ReadonlySet<number> = new Set([700, 701]);
const JSON_TYPES: ReadonlySet<number> = new Set([114, 3802]);

/**
 * A value as JSON: booleans, json, and numbers that JavaScript holds exactly become themselves; everything else
 * (numeric, an int8 beyond 2^53, NaN, dates) stays the text that PostgreSQL sent.
 */
export function jsonValue(text: string | null, typeOid: number): unknown {
  if (text === null) return null;
  if (typeOid === BOOL) return text === 't' ? true : text === 'f' ? false : text;
  if (INTEGERS.has(typeOid)) return Number.isSafeInteger(Number(text)) ? Number(text) : text;
  if (FLOATS.has(typeOid)) return Number.isFinite(Number(text)) ? Number(text) : text;
  if (!JSON_TYPES.has(typeOid)) return text;
  try {
    return JSON.parse(text);
  } catch {
    // A mask may have left something else.
    return text;
  }
}

/** Rows as objects; a column name that comes twice gets a number: `id`, `id_2`. */
export function jsonResult(result: Result) {
  const { columns, rows, tag } = result;
  if (columns === undefined) return { command: tag, columns: null, rows: null };
  const names = uniqueNames(columns.map(({ name }) => name));
  return {
    command: tag,
    columns: names,
    rows: rows.map((row) =>
      Object.fromEntries(
        names.map((name, index) => [name, jsonValue(row[index] ?? null, columns[index]?.typeOid ?? 0)]),
      ),
    ),
  };
}

function uniqueNames(names: readonly string[]): string[] {
  const used = new Set<string>();
  return names.map((name) => {
    let unique = name;
    for (let n = 2; used.has(unique); n++) unique = `${name}_${n}`;
    used.add(unique);
    return unique;
  });
}
