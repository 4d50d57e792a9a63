import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientPaths, startClientPaths } from '../servers/client-paths.ts';
import { run } from '../servers/psql.ts';

/** Debian's own Python, where its packages are. */
const PYTHON = '/usr/bin/python3';
const MODULES = '/usr/lib/python3/dist-packages';

let paths: ClientPaths;
beforeAll(async () => {
  paths = await startClientPaths();
});
afterAll(() => paths?.stop());

async function program(name: string, url: string): Promise<Record<string, unknown>> {
  const file = fileURLToPath(new URL(`clients/${name}.py`, import.meta.url));
  const { code, stdout, stderr } = await run(PYTHON, [file, url]);
  if (code !== 0) throw new Error(`${name} ended with ${code}\n${stderr}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe('psycopg2', () => {
  it('does all it does directly: types, cursors, COPY, large objects, notifications, cancel', async () => {
    const direct = await program('with_psycopg2', paths.direct);
    expect(Object.keys(direct)).toHaveLength(17);
    expect(await program('with_psycopg2', paths.open.url())).toEqual(direct);
  });
});

describe.skipIf(!existsSync(`${MODULES}/psycopg`))('psycopg 3', () => {
  it('does all it does directly: binary, prepared, COPY, pipeline mode, async, notifications', async () => {
    const direct = await program('with_psycopg3', paths.direct);
    expect(Object.keys(direct)).toHaveLength(16);
    expect(await program('with_psycopg3', paths.open.url())).toEqual(direct);
  });
});
