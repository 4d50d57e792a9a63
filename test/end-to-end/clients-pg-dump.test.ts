import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientPaths, startClientPaths } from '../servers/client-paths.ts';
import { psql, run } from '../servers/psql.ts';

let paths: ClientPaths;
let dir: string;
beforeAll(async () => {
  paths = await startClientPaths({ settings: { wal_level: 'logical', fsync: 'off' } });
  dir = mkdtempSync(join(tmpdir(), 'hoopctl-dump-'));
});
afterAll(async () => {
  await paths?.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function dump(url: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run('pg_dump', ['--dbname', url, ...args]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return comparable(stdout);
}

/** Newer releases guard each dump with a random key of its own. */
const comparable = (text: string) => text.replace(/^\\(un)?restrict \S+$/gm, '\\$1restrict');

const KINDS = [
  'PARTITION OF|ATTACH PARTITION',
  'CREATE VIEW',
  'MATERIALIZED VIEW',
  'CREATE FUNCTION',
  'CREATE PROCEDURE',
  'CREATE AGGREGATE',
  'CREATE OPERATOR',
  'CREATE CAST',
  'CREATE TRIGGER',
  'EVENT TRIGGER',
  'CREATE SEQUENCE',
  'CREATE DOMAIN',
  'AS ENUM',
  'AS RANGE',
  'CREATE RULE',
  'CREATE POLICY',
  'COMMENT ON LARGE OBJECT',
  'lowrite',
  'GENERATED ALWAYS AS',
  'TEXT SEARCH CONFIGURATION',
  'CREATE COLLATION',
  'FOREIGN TABLE',
  'CREATE PUBLICATION',
  'DEFAULT PRIVILEGES',
  'CREATE STATISTICS',
];

describe('pg_dump', () => {
  it('writes the same dump through the gateway as directly, every kind of object and large objects in it', async () => {
    const direct = await dump(paths.direct);
    expect(await dump(paths.open.url())).toBe(direct);
    for (const kind of KINDS) expect(direct).toMatch(new RegExp(kind));
  });

  it('needs nothing but reads and session settings: the read-only template lets it through, masked', async () => {
    const before = paths.agent.decisions.length;
    const direct = (await dump(paths.direct)).split('\n');
    const masked = (await dump(paths.agent.url())).split('\n');
    const decided = paths.agent.decisions.slice(before);
    expect(decided.filter((one) => one.outcome !== 'allow')).toEqual([]);
    expect(masked).toHaveLength(direct.length);
    const changed = masked.filter((line, i) => line !== direct[i]);
    expect(changed).toHaveLength(50);
    expect(masked.join('\n')).not.toMatch(/4242424242424242|912-11-/);
    // What is left of a row besides its two masked columns is what was there.
    const place = (row: string) => row.split('\t').filter((_, i) => i !== 3 && i !== 4);
    const original = direct.filter((line, i) => line !== masked[i]);
    expect(changed.map(place)).toEqual(original.map(place));
  });

  it.each([
    ['schema only', ['--schema-only']],
    ['INSERT statements', ['--inserts', '--rows-per-insert=7', '--schema=shop']],
    ['a section', ['--section=post-data', '--no-owner', '--no-privileges']],
    ['a snapshot that is waited for', ['--serializable-deferrable', '--table=shop.orders*']],
  ])('writes %s alike', async (_, args) => {
    expect(await dump(paths.open.url(), ...args)).toBe(await dump(paths.direct, ...args));
  });

  it('dumps in parallel and restores through the gateway what dumps the same again', async () => {
    const target = join(dir, 'parallel');
    const dumped = await run('pg_dump', ['-d', paths.open.url(), '-Fd', '-j', '3', '-f', target]);
    expect(dumped).toMatchObject({ code: 0, stderr: '' });
    await paths.server.query('CREATE DATABASE other');
    // The gateway serves one database: its dump goes into another behind another gateway, its own restored in place.
    const cleaned = await run('pg_restore', [
      '-d',
      paths.open.url(),
      '--clean',
      '--if-exists',
      '--single-transaction',
      target,
    ]);
    expect(cleaned).toMatchObject({ code: 0, stderr: '' });
    const straight = await run('pg_restore', [
      '-d',
      paths.server.url('postgres', paths.server.password, 'other'),
      target,
    ]);
    expect(straight).toMatchObject({ code: 0, stderr: '' });
    const other = await dump(paths.server.url('postgres', paths.server.password, 'other'));
    expect(await dump(paths.open.url())).toBe(other);
  });

  it('writes a plain dump that psql reads back through the gateway', async () => {
    const file = join(dir, 'plain.sql');
    const dumped = await run('pg_dump', ['-d', paths.open.url(), '-c', '--if-exists', '-f', file]);
    expect(dumped).toMatchObject({ code: 0, stderr: '' });
    const before = await dump(paths.direct);
    const restored = await psql(paths.open.url(), [
      '-q',
      '-v',
      'ON_ERROR_STOP=1',
      '-o',
      '/dev/null',
      '-f',
      file,
    ]);
    expect(restored.stderr).toBe('');
    expect(restored.code).toBe(0);
    expect(await dump(paths.direct)).toBe(before);
  });
});
