import { closeSync, openSync, writeSync } from 'node:fs';
import type { Client } from '../../api/client.ts';
import { Conflict } from '../../base/errors.ts';
import { counted } from '../../base/quantities.ts';
import type { Io } from '../io.ts';
import { tell } from '../output.ts';
import { timeOption } from '../time-option.ts';

export interface ExportOptions {
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly output: string | undefined;
}

/** Entries exactly as they were hashed, one a line, so that others can verify the chain. */
export async function run(options: ExportOptions, io: Io, client: Client): Promise<void> {
  const query = {
    since: timeOption('--since', options.since, io.now()),
    until: timeOption('--until', options.until, io.now()),
  };
  const file = options.output === undefined ? undefined : createFile(options.output);
  let count = 0;
  try {
    for await (const entry of client.stream('auditExport', { query })) {
      const line = `${JSON.stringify(entry)}\n`;
      if (file === undefined) io.out.write(line);
      else writeSync(file, line);
      count++;
    }
  } finally {
    if (file !== undefined) closeSync(file);
  }
  tell(
    io,
    `${counted(count, 'entry', 'entries')} exported${options.output === undefined ? '' : ` to ${options.output}`}`,
  );
}

function createFile(path: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause;
    throw new Conflict('file_exists', `${path} exists already`, { next: 'choose another --output', cause });
  }
}
