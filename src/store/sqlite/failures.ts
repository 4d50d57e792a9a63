import { Conflict, type HoopError, Internal } from '../../base/errors.ts';

/** Primary result codes, https://sqlite.org/rescode.html; extended ones carry them in the low byte. */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IO_ERROR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANNOT_OPEN = 14;
const NOT_A_DATABASE = 26;

const MACHINE_FAULTS: Readonly<Record<number, string>> = {
  [READONLY]: 'the file cannot be written',
  [IO_ERROR]: 'reading or writing the file failed',
  [FULL]: 'the disk is full',
  [CANNOT_OPEN]: 'the file cannot be opened',
};

/** The words of a driver's error, for finding which constraint failed. */
export function constraintOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || (resultCode(error) ?? 0) !== 19) return undefined;
  return error.message;
}

/** A driver's error as one of ours, without the driver's words. Ours pass through. */
export function storeFailure(error: unknown, path: string): Error {
  const code = error instanceof Error ? resultCode(error) : undefined;
  if (code === undefined) return error instanceof Error ? error : new Error(String(error));
  if (code === BUSY || code === LOCKED) return inUse(path);
  if (code === CORRUPT || code === NOT_A_DATABASE) return corrupt(path, 'its content is damaged');
  return new Internal('store_failed', `the state database ${path} failed`, {
    why: MACHINE_FAULTS[code] ?? `fault ${code}`,
    next: 'free space or mend permissions in the state directory, then try again',
  });
}

function resultCode(error: Error): number | undefined {
  return 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

function inUse(path: string): HoopError {
  return new Conflict('state_directory_in_use', 'another hoopctl daemon uses this state directory', {
    why: `it holds ${path}`,
    next: 'hoopctl daemon status',
  });
}

export function corrupt(path: string, why: string): HoopError {
  return new Internal('store_corrupt', `the state database ${path} is corrupt and was left as it is`, {
    why,
    next: 'put the file back from a backup, or move it away to begin anew',
  });
}

export function newer(path: string, found: number, known: number): HoopError {
  return new Internal(
    'store_newer',
    `the state database ${path} belongs to a newer hoopctl and was left as it is`,
    {
      why: `it has format ${found}, this hoopctl knows formats up to ${known}`,
      next: 'start the newer hoopctl',
    },
  );
}
