import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPostgres } from '../../src/demo/postgres-binaries.ts';
import { run } from '../servers/psql.ts';
import type { Path } from './paths.ts';

export interface Load {
  readonly mode: 'simple' | 'extended' | 'prepared';
  readonly clients: number;
  readonly seconds: number;
}

export interface Measure {
  /** Transactions (here: one SELECT by primary key) a second. */
  readonly tps: number;
  /** Microseconds, over every transaction; only with one client. */
  readonly medianUs: number | null;
}

const beside = join(findPostgres(['system', 'embedded']).bin, 'pgbench');
const PROGRAM = existsSync(beside) ? beside : 'pgbench';

/** Fills the tables of pgbench; `scale` 10 is a million accounts. */
export async function fill(path: Path, scale: number): Promise<void> {
  await pgbench(path, ['-i', '-q', '-s', String(scale)], 120_000);
}

/** `pgbench -S` for a while. Throws when a transaction fails. */
export async function measure(path: Path, load: Load): Promise<Measure> {
  const dir = mkdtempSync(join(tmpdir(), 'hoopctl-pgbench-'));
  try {
    const args = [
      '-S',
      '-n',
      '-M',
      load.mode,
      '-c',
      String(load.clients),
      '-j',
      String(Math.min(2, load.clients)),
    ];
    const log = load.clients === 1 ? ['-l', `--log-prefix=${join(dir, 'log')}`] : [];
    const output = await pgbench(
      path,
      [...args, '-T', String(load.seconds), ...log],
      (load.seconds + 60) * 1000,
    );
    const tps = Number(/^tps = ([\d.]+)/m.exec(output)?.[1]);
    if (!(tps > 0) || !/number of failed transactions: 0 /.test(output))
      throw new Error(`pgbench:\n${output}`);
    return { tps, medianUs: log.length > 0 ? medianOfLogs(dir) : null };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function pgbench(path: Path, args: readonly string[], deadline: number): Promise<string> {
  const where = ['-h', path.host, '-p', String(path.port), '-U', path.user];
  // Plaintext on every path: the gateway offers TLS on its loopback endpoint, the others do not.
  const env = { PGPASSWORD: path.password, PGSSLMODE: 'disable' };
  const { code, stdout, stderr } = await run(PROGRAM, [...args, ...where, path.database], { env, deadline });
  if (code !== 0) throw new Error(`pgbench through ${path.name} ended with ${code}\n${stdout}\n${stderr}`);
  return stdout;
}

/** The third field of a transaction log line is its elapsed time in microseconds (PostgreSQL docs, pgbench, Per-Transaction Logging). */
function medianOfLogs(dir: string): number {
  const times = readdirSync(dir)
    .flatMap((name) => readFileSync(join(dir, name), 'utf8').trim().split('\n'))
    .map((line) => Number(line.split(' ')[2]));
  return median(times);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
