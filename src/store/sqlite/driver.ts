import type { DatabaseSync } from 'node:sqlite';

/**
 * Loads the driver built into Node without the warning that some supported versions print for it (22.13 to
 * before it was declared stable): its interface is pinned by our own tests.
 */
export async function loadDriver(): Promise<typeof DatabaseSync> {
  const { emitWarning } = process;
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    const text = warning instanceof Error ? warning.message : warning;
    if (!/sqlite/i.test(text)) Reflect.apply(emitWarning, process, [warning, ...rest]);
  }) as typeof process.emitWarning;
  try {
    return (await import('node:sqlite')).DatabaseSync;
  } finally {
    process.emitWarning = emitWarning;
  }
}
