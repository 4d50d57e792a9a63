import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../../src/store/sqlite/open.ts';
import { storeContract } from './contract.ts';

let root: string;
let count = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'hoopctl-store-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
const fresh = () => join(root, `${count++}`, 'state.db');

describe('the embedded store', () => {
  storeContract(() => openSqliteStore(fresh()));
});

/** Another process with the store open at `path`. */
async function holder(path: string) {
  const open = new URL('../../../src/store/sqlite/open.ts', import.meta.url).href;
  const script = `
    import { openSqliteStore } from ${JSON.stringify(open)};
    const store = await openSqliteStore(process.argv[1]);
    await store.settings.set('written', 'by the one that was killed');
    console.log('open');
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

/** Everything that a user could see of an error. */
function wordsOf(error: unknown): string {
  const known = error as Error & { why?: string; next?: string; code?: string };
  return [known.name, known.message, known.code, known.why, known.next, String(known.cause ?? '')].join('\n');
}

async function failure(path: string): Promise<Error & { kind: string; code: string }> {
  const error = await openSqliteStore(path).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(wordsOf(error).replaceAll(path, '')).not.toMatch(/sqlite|pragma|sql /i);
  return error as Error & { kind: string; code: string };
}

describe('the file', () => {
  it('is 0600 in a 0700 directory, its journal too', async () => {
    const path = fresh();
    const store = await openSqliteStore(path);
    await store.settings.set('a', 'b');

    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600);
    await store.close();
  });

  it('keeps what was written when it is opened again', async () => {
    const path = fresh();
    const first = await openSqliteStore(path);
    await first.settings.set('a', 'b');
    await first.close();

    const second = await openSqliteStore(path);
    expect(await second.settings.get('a')).toBe('b');
    await second.close();
  });

  it('may have been begun by a process that was killed', async () => {
    const path = fresh();
    await (await openSqliteStore(path)).close();
    rmSync(path);
    const db = new DatabaseSync(path);
    db.exec('PRAGMA journal_mode = WAL');
    db.close();
    expect(statSync(path).size).toBeGreaterThan(0);

    await (await openSqliteStore(path)).close();
  });

  it('loads without a warning of the runtime', async () => {
    const warnings: unknown[] = [];
    const open = new URL('../../../src/store/sqlite/open.ts', import.meta.url).href;
    const script = `import { openSqliteStore } from ${JSON.stringify(open)}; await (await openSqliteStore(process.argv[1])).close();`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, fresh()], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.on('data', (chunk: Buffer) => warnings.push(chunk.toString()));
    await once(child, 'close');

    expect(warnings).toEqual([]);
  });
});

describe('one daemon per state directory', () => {
  it('refuses a second opener in this process', async () => {
    const path = fresh();
    const store = await openSqliteStore(path);

    expect(await failure(path)).toMatchObject({ kind: 'conflict', code: 'state_directory_in_use' });
    await store.settings.set('still', 'works');
    await store.close();
    await (await openSqliteStore(path)).close();
  });

  it('refuses while another process has it, and not once that was killed; what it wrote is there', async () => {
    const path = fresh();
    const child = await holder(path);
    expect(await failure(path)).toMatchObject({ kind: 'conflict', code: 'state_directory_in_use' });
    child.kill('SIGKILL');
    await once(child, 'exit');

    const store = await openSqliteStore(path);

    expect(await store.settings.get('written')).toBe('by the one that was killed');
    await store.close();
  });
});

describe('a database that cannot be used', () => {
  async function written(): Promise<string> {
    const path = fresh();
    const store = await openSqliteStore(path);
    for (let i = 0; i < 200; i++) await store.settings.set(`name ${i}`, 'x'.repeat(200));
    await store.close();
    return path;
  }

  async function refusedUntouched(path: string, code: string): Promise<void> {
    const before = readFileSync(path);
    expect(await failure(path)).toMatchObject({ kind: 'internal', code });
    expect(readFileSync(path).equals(before)).toBe(true);
  }

  it('is named newer, and left as it is', async () => {
    const path = await written();
    const db = new DatabaseSync(path);
    db.exec('PRAGMA user_version = 99');
    db.close();

    await refusedUntouched(path, 'store_newer');
  });

  it('is left as it is also when a killed daemon left its journal', async () => {
    const path = fresh();
    const child = await holder(path);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const db = new DatabaseSync(path);
    db.exec('PRAGMA user_version = 99');
    // The journal alone says that it is newer.
    const newerWal = readFileSync(`${path}-wal`);
    const newerMain = readFileSync(path);
    db.close();
    writeFileSync(path, newerMain);
    writeFileSync(`${path}-wal`, newerWal);

    await refusedUntouched(path, 'store_newer');
    expect(readFileSync(`${path}-wal`).equals(newerWal)).toBe(true);
  });

  it.each([
    [
      'text',
      () => Buffer.from('this is not a database at all, only some text that is long enough'.repeat(20)),
    ],
    ['zeros', () => Buffer.alloc(8192)],
  ])('is named corrupt when it is %s, and left as it is', async (_, content) => {
    const path = await written();
    writeFileSync(path, content());

    await refusedUntouched(path, 'store_corrupt');
  });

  it('is named corrupt when pages of it are damaged, and left as it is', async () => {
    const path = await written();
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 4096, bytes.length - 4096);
    writeFileSync(path, bytes);

    await refusedUntouched(path, 'store_corrupt');
  });

  it('is named corrupt when it was cut, and left as it is', async () => {
    const path = await written();
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length - 5000));

    await refusedUntouched(path, 'store_corrupt');
  });

  it('is named corrupt when it belongs to another program, and left as it is', async () => {
    const path = await written();
    rmSync(path);
    const db = new DatabaseSync(path);
    db.exec('CREATE TABLE cookies (name TEXT)');
    db.close();

    await refusedUntouched(path, 'store_corrupt');
  });

  it('is named corrupt when a row is not what it must be', async () => {
    const path = fresh();
    const store = await openSqliteStore(path);
    await store.identities.create({
      id: 'id-1',
      name: 'devin',
      kind: 'machine',
      roles: ['requester'],
      groups: [],
      tokenHash: 'x',
      createdAt: '2026-01-01T00:00:00.000Z',
      expiresAt: undefined,
      revokedAt: undefined,
    });
    await store.close();
    const db = new DatabaseSync(path);
    db.exec(`UPDATE identities SET roles = '["root"]'`);
    db.close();

    const again = await openSqliteStore(path);
    await expect(again.identities.list()).rejects.toMatchObject({
      code: 'store_corrupt',
      why: expect.stringMatching(/roles/),
    });
    await again.close();
  });

  it('says store_failed for a path that cannot be one', async () => {
    const path = fresh();
    await (await openSqliteStore(path)).close();

    expect(await failure(join(path, 'below', 'a-file.db'))).toMatchObject({ code: 'store_failed' });
    expect(await failure(dirname(path))).toMatchObject({ code: 'store_failed' });
  });
});
