import { z } from 'zod';
import { HoopError } from '../base/errors.ts';
import { parseDuration, parseSize } from '../base/quantities.ts';

/** What stands in single fields of the policy file. */

/** A list longer than this is a mistake, not a policy; bounds the work of every decision. */
export const LONGEST_LIST = 1000;

const LONGEST_EXPIRY_MS = 7 * 86_400_000;

/** What something in the file is called. */
export const ownName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$/,
    'a name has letters, digits and . _ @ + - only and starts with a letter or digit',
  );

/** A name, a glob over names. */
export const nameGlob = z
  .string()
  .regex(/^[A-Za-z0-9*][A-Za-z0-9._@+*/-]{0,127}$/, 'write a name, or a glob such as "ci-*"');

/** An identity's whole name. */
export const identityName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._@+/-]{0,127}$/, 'write the whole name of an identity');

/** Who: identities, globs over their names, or the members of a group. */
export const principal = z
  .string()
  .regex(
    /^(group:[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}|[A-Za-z0-9*][A-Za-z0-9._@+*/-]{0,127})$/,
    'write an identity, a glob such as "ci-*", or group:NAME',
  );

/** Where: connections, globs over their names, or a label. */
export const connectionPattern = z
  .string()
  .regex(
    /^[A-Za-z0-9*][A-Za-z0-9._@+*-]{0,127}(=[^=]{0,256})?$/,
    'write a connection, a glob such as "prod-*", or a label such as "env=prod"',
  );

/** A glob over `schema.name`. */
export const tablePattern = z
  .string()
  .min(1)
  .max(256)
  .refine((text) => text === '*' || text.includes('.'), {
    message: 'write it schema-qualified: "public.customers", "public.*" or "*.customers"',
  });

/** A glob over `schema.table.column`, or over `namespace/resource/name/field` of a cluster. */
export const columnPattern = z
  .string()
  .min(1)
  .max(256)
  .refine((text) => /[*/]/.test(text) || text.split('.').length >= 3, {
    message: 'write it as schema.table.column, namespace/resource/name/field, or as a glob such as "*.ssn"',
  });

/** Such as 15m; milliseconds. */
export const duration = z.string().transform((text, context): number => {
  const problem = (message: string): never => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  try {
    const ms = parseDuration(text);
    if (ms < 1000 || ms > LONGEST_EXPIRY_MS) return problem('must be between 1s and 7d');
    return ms;
  } catch (error) {
    if (error instanceof HoopError) return problem(`${error.message}: ${error.next ?? ''}`);
    throw error;
  }
});

/** Such as 10KiB; bytes. */
export const size = z.string().transform((text, context): number => {
  try {
    return parseSize(text);
  } catch (error) {
    if (!(error instanceof HoopError)) throw error;
    context.addIssue({ code: 'custom', message: `${error.message}: ${error.next ?? ''}` });
    return z.NEVER;
  }
});

/** How many of something; larger numbers are a mistake. */
export const count = z.number().int().min(0).max(1_000_000_000_000);

/** One at least: an empty list would mean nothing, or everything. */
export function listOf<T extends z.ZodType>(item: T) {
  return z.array(item).min(1).max(LONGEST_LIST);
}
