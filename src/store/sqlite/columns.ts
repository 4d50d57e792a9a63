import { z } from 'zod';

/** Column codecs: how a value of the store's rows stands in the database. */

export const time = z.iso.datetime();
/** NULL in the database is undefined in a row. */
export const optional = <T>(schema: z.ZodType<T>) =>
  schema.nullable().transform((value) => value ?? undefined);
export const count = z.int().nonnegative();

/** JSON text whose value is of the schema's shape. */
export function json<T>(schema: z.ZodType<T>) {
  return z.string().transform((text, context): T => {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      context.issues.push({ code: 'custom', message: 'is not JSON', input: text });
      return z.NEVER;
    }
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) {
      context.issues.push({ code: 'custom', message: issue.message, path: [...issue.path], input: value });
    }
    return z.NEVER;
  });
}

export const orNull = <T>(value: T | undefined): T | null => value ?? null;
