import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientPaths, startClientPaths } from '../servers/client-paths.ts';
import { run } from '../servers/psql.ts';

/** Debian's packages libpostgresql-jdbc-java and a JDK, where they are. */
const DRIVER = '/usr/share/java/postgresql.jar';
const JAVA = '/usr/bin/java';
const COMPILER = '/usr/bin/javac';
const PATIENCE = { deadline: 120_000 };

let paths: ClientPaths;
let classes: string;

async function program(url: string): Promise<readonly string[]> {
  const { host, username, password, pathname } = new URL(url);
  const jdbc = `jdbc:postgresql://${host}${pathname}?sslmode=disable`;
  const login = [jdbc, decodeURIComponent(username), decodeURIComponent(password)];
  const { code, stdout, stderr } = await run(
    JAVA,
    ['-cp', `${DRIVER}:${classes}`, 'WithJdbc', ...login],
    PATIENCE,
  );
  if (code !== 0) throw new Error(`the program ended with ${code}\n${stderr}`);
  return stdout.split('\n');
}

const missing = [DRIVER, JAVA, COMPILER].filter((file) => !existsSync(file));

describe.skipIf(missing.length > 0)('JDBC', () => {
  beforeAll(async () => {
    paths = await startClientPaths();
    classes = mkdtempSync(join(tmpdir(), 'hoopctl-jdbc-'));
    const file = fileURLToPath(new URL('clients/WithJdbc.java', import.meta.url));
    const compiled = await run(COMPILER, ['-cp', DRIVER, '-d', classes, file], PATIENCE);
    expect(compiled).toMatchObject({ code: 0 });
  }, PATIENCE.deadline);
  afterAll(async () => {
    await paths?.stop();
    if (classes) rmSync(classes, { recursive: true, force: true });
  });

  it('does all it does directly: metadata, prepared in binary, batches, cursors, COPY, large objects', {
    timeout: 240_000,
  }, async () => {
    const direct = await program(paths.direct);
    expect(direct.length).toBeGreaterThan(80);
    expect(await program(paths.open.url())).toEqual(direct);
  });
});
