import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Keychain } from '../../../src/secret/keychain.ts';
import { openVault, type VaultOptions, weaknessOf } from '../../../src/secret/vault.ts';

const SECRET = 's3cret-of-the-database';
let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hoopctl-vault-'));
});

const noKeychain = async (): Promise<Keychain> => {
  throw new Error('no Secret Service on this machine');
};

function vault(options: Partial<VaultOptions> = {}) {
  return openVault({ dir, environment: {}, keychain: noKeychain, ...options });
}

function memoryKeychain(change: Partial<Keychain> = {}): Keychain & { entries: Map<string, string> } {
  const entries = new Map<string, string>();
  return {
    entries,
    get: async (account) => entries.get(account),
    set: async (account, secret) => void entries.set(account, secret),
    remove: async (account) => entries.delete(account),
    ...change,
  };
}

/** All that an error could print. */
async function failure(work: Promise<unknown>): Promise<{ code: string; text: string }> {
  const error = await work.then(
    () => new Error('it did not fail'),
    (e: Error & { code: string }) => e,
  );
  const text = JSON.stringify(error, Object.getOwnPropertyNames(error));
  expect(text).not.toContain(SECRET);
  return { code: (error as { code?: string }).code ?? error.message, text };
}

describe('with a keychain', () => {
  test('secrets go there, and come back from there', async () => {
    const keychain = memoryKeychain();
    const opened = vault({ keychain: async () => keychain });
    const reference = await opened.store('c-1', SECRET);
    expect(reference).toMatch(/^keychain:c-1\.[0-9a-f]{16}$/);
    expect(await opened.read(reference)).toBe(SECRET);
    expect(await opened.backend()).toEqual({ kind: 'keychain' });
    expect(await opened.store('c-1', 'newer')).toBe(reference);
    expect(await opened.read(reference)).toBe('newer');
    await opened.remove(reference);
    expect(await failure(opened.read(reference))).toMatchObject({ code: 'secret_missing' });
    expect(readdirSync(dir)).toEqual(['keychain-id']);
  });

  test('two state directories do not overwrite each other’s secrets', async () => {
    const keychain = memoryKeychain();
    const other = mkdtempSync(join(tmpdir(), 'hoopctl-vault-'));
    const here = vault({ keychain: async () => keychain });
    const there = vault({ dir: other, keychain: async () => keychain });
    const [a, b] = [await here.store('mask-key', 'one'), await there.store('mask-key', 'two')];
    expect([await here.read(a), await there.read(b)]).toEqual(['one', 'two']);
  });

  test('is left alone when the environment says so', async () => {
    const keychain = memoryKeychain();
    const environment = { HOOPCTL_SECRET_STORE: 'encrypted' };
    const opened = vault({ environment, keychain: async () => keychain });
    expect(await opened.store('c-1', SECRET)).toBe('encrypted:c-1');
    expect(keychain.entries.size).toBe(0);
  });

  test('that stops storing later is an error without the secret', async () => {
    const keychain = memoryKeychain();
    const opened = vault({ keychain: async () => keychain });
    await opened.backend();
    keychain.set = async (_, secret) => {
      throw new Error(`locked ${secret.length}`);
    };
    expect(await failure(opened.store('c-1', SECRET))).toMatchObject({ code: 'secret_unwritable' });
  });

  test('the probe leaves nothing behind', async () => {
    const keychain = memoryKeychain();
    await vault({ keychain: async () => keychain }).backend();
    expect([...keychain.entries]).toEqual([]);
  });

  test('that fails while storing, having stored, is cleaned and not used', async () => {
    const keychain = memoryKeychain();
    const lying: Keychain = {
      ...keychain,
      set: async (account, secret) => {
        keychain.entries.set(account, secret);
        throw new Error('not stored');
      },
    };
    expect(await vault({ keychain: async () => lying }).store('c-1', SECRET)).toBe('encrypted:c-1');
    expect([...keychain.entries]).toEqual([]);
  });

  test('that forgets is not used', async () => {
    const forgetful = memoryKeychain({ get: async () => undefined });
    const backend = await vault({ keychain: async () => forgetful }).backend();
    expect(backend).toMatchObject({
      kind: 'encrypted',
      warning: expect.stringContaining('does not give back'),
    });
  });

  test('that went away is an error and not another place to look', async () => {
    expect(await failure(vault().read('keychain:c-1'))).toMatchObject({ code: 'secret_unreadable' });
  });
});

describe('without a keychain', () => {
  test('secrets go to the encrypted file, with a warning that says why', async () => {
    const opened = vault();
    expect(await opened.store('c-1', SECRET)).toBe('encrypted:c-1');
    expect(await opened.store('c-2', 'other')).toBe('encrypted:c-2');
    expect(await opened.backend()).toMatchObject({
      kind: 'encrypted',
      warning: expect.stringContaining('no Secret Service on this machine'),
    });
    const again = vault();
    expect(await again.read('encrypted:c-1')).toBe(SECRET);
    expect(await again.read('encrypted:c-2')).toBe('other');
  });

  test('both files are private, whole, and show neither secret nor account', async () => {
    await vault().store('c-1', SECRET);
    expect(readdirSync(dir).sort()).toEqual(['secrets.json', 'secrets.key']);
    for (const name of readdirSync(dir)) {
      expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
      expect(readFileSync(join(dir, name), 'latin1')).not.toMatch(/s3cret|c-1/);
    }
  });

  test('the same secrets never encrypt to the same bytes', async () => {
    const opened = vault();
    await opened.store('c-1', SECRET);
    const before = readFileSync(join(dir, 'secrets.json'), 'utf8');
    await opened.store('c-1', SECRET);
    expect(readFileSync(join(dir, 'secrets.json'), 'utf8')).not.toBe(before);
  });

  test('calls at the same time lose nothing', async () => {
    const opened = vault();
    const accounts = Array.from({ length: 20 }, (_, i) => `c-${i}`);
    await Promise.all(accounts.map((account) => opened.store(account, `secret of ${account}`)));
    const read = await Promise.all(accounts.map((account) => opened.read(`encrypted:${account}`)));
    expect(read).toEqual(accounts.map((account) => `secret of ${account}`));
  });

  test('what was removed is gone, and what never was is missing', async () => {
    const opened = vault();
    await opened.store('c-1', SECRET);
    await opened.remove('encrypted:c-1');
    await opened.remove('encrypted:c-9');
    expect(await failure(opened.read('encrypted:c-1'))).toMatchObject({ code: 'secret_missing' });
    expect(await failure(vault().read('encrypted:c-1'))).toMatchObject({ code: 'secret_missing' });
  });

  test.each(['data', 'tag', 'nonce', 'salt'] as const)('a changed %s is found', async (field) => {
    await vault().store('c-1', SECRET);
    const path = join(dir, 'secrets.json');
    const box = JSON.parse(readFileSync(path, 'utf8'));
    box[field] = (box[field].startsWith('A') ? 'B' : 'A') + box[field].slice(1);
    writeFileSync(path, JSON.stringify(box), { mode: 0o600 });
    const { code, text } = await failure(vault().read('encrypted:c-1'));
    expect(code).toBe('secret_unreadable');
    expect(text).toContain('the file was changed');
  });

  test.each([
    ['not JSON', 'x'],
    ['of another version', '{"version":2}'],
    ['asking for more work than we ever write', '{"version":1,"key":"key-file","log2n":30}'],
  ])('a file %s is refused and left as it is', async (_, content) => {
    const path = join(dir, 'secrets.json');
    writeFileSync(path, content, { mode: 0o600 });
    expect(await failure(vault().read('encrypted:c-1'))).toMatchObject({ code: 'secret_unreadable' });
    expect(await failure(vault().store('c-1', SECRET))).toMatchObject({ code: 'secret_unreadable' });
    expect(readFileSync(path, 'utf8')).toBe(content);
  });

  test('another key file does not open it', async () => {
    await vault().store('c-1', SECRET);
    writeFileSync(join(dir, 'secrets.key'), Buffer.alloc(32, 7), { mode: 0o600 });
    expect((await failure(vault().read('encrypted:c-1'))).text).toContain('the key is not the one');
  });

  test('a lost key file is told, and no new one is made beside the old secrets', async () => {
    await vault().store('c-1', SECRET);
    rmSync(join(dir, 'secrets.key'));
    expect(await failure(vault().read('encrypted:c-1'))).toMatchObject({ code: 'secret_unreadable' });
    expect(await failure(vault().store('c-2', SECRET))).toMatchObject({ code: 'secret_unreadable' });
    expect(existsSync(join(dir, 'secrets.key'))).toBe(false);
  });

  test.each([
    ['secrets.key', 0o640],
    ['secrets.key', 0o604],
    ['secrets.key', 0o620],
    ['secrets.json', 0o644],
  ])('%s with mode %o is refused', async (name, mode) => {
    await vault().store('c-1', SECRET);
    chmodSync(join(dir, name), mode);
    const { code, text } = await failure(vault().read('encrypted:c-1'));
    expect(code).toBe('secret_unreadable');
    expect(text).toContain(`chmod 600 ${join(dir, name)}`);
  });

  test('a key file that is a link is refused', async () => {
    await vault().store('c-1', SECRET);
    const other = join(dir, 'elsewhere');
    writeFileSync(other, readFileSync(join(dir, 'secrets.key')), { mode: 0o600 });
    rmSync(join(dir, 'secrets.key'));
    symlinkSync(other, join(dir, 'secrets.key'));
    expect((await failure(vault().read('encrypted:c-1'))).text).toContain('ELOOP');
  });
});

describe('with a passphrase', () => {
  test('no key file is made, and only the passphrase opens it', async () => {
    await vault({ passphrase: 'correct horse' }).store('c-1', SECRET);
    expect(readdirSync(dir)).toEqual(['secrets.json']);
    expect(await vault({ passphrase: 'correct horse' }).read('encrypted:c-1')).toBe(SECRET);
    expect(await failure(vault({ passphrase: 'wrong' }).read('encrypted:c-1'))).toMatchObject({
      code: 'secret_unreadable',
    });
    expect((await failure(vault().read('encrypted:c-1'))).text).toContain('HOOPCTL_SECRET_PASSPHRASE_FILE');
  });

  test('it may come from a private file', async () => {
    const path = join(dir, 'passphrase');
    const environment = { HOOPCTL_SECRET_PASSPHRASE_FILE: path };
    writeFileSync(path, 'correct horse\n', { mode: 0o600 });
    await vault({ environment }).store('c-1', SECRET);
    expect(await vault({ passphrase: 'correct horse' }).read('encrypted:c-1')).toBe(SECRET);
    chmodSync(path, 0o644);
    const opened = vault({ environment });
    expect((await failure(opened.read('encrypted:c-1'))).text).toContain(`chmod 600 ${path}`);
    chmodSync(path, 0o600);
    expect(await opened.read('encrypted:c-1')).toBe(SECRET);
  });
});

describe('other references', () => {
  test('env: reads the daemon’s environment', async () => {
    expect(await vault({ environment: { PGPASS: SECRET } }).read('env:PGPASS')).toBe(SECRET);
    expect(await failure(vault().read('env:PGPASS'))).toMatchObject({ code: 'secret_missing' });
    expect(await failure(vault({ environment: { PGPASS: '' } }).read('env:PGPASS'))).toMatchObject({
      code: 'secret_missing',
    });
  });

  test('file: reads a file without its last newline, through links, and warns of one that others may read', async () => {
    const path = join(dir, 'password');
    writeFileSync(path, `${SECRET}\r\n`, { mode: 0o600 });
    symlinkSync(path, join(dir, 'link'));
    const warnings: string[] = [];
    const opened = vault({ warn: (message) => warnings.push(message) });
    expect(await opened.read(`file:${join(dir, 'link')}`)).toBe(SECRET);
    expect(warnings).toEqual([]);
    expect(await weaknessOf(`file:${path}`)).toBeUndefined();
    chmodSync(path, 0o644);
    expect(await opened.read(`file:${path}`)).toBe(SECRET);
    expect(warnings).toEqual([expect.stringContaining(`chmod 600 ${path}`)]);
    expect(await weaknessOf(`file:${path}`)).toMatchObject({ fix: `chmod 600 ${path}` });
  });

  test('file: refuses what is missing, empty, too large or no file', async () => {
    const path = join(dir, 'password');
    expect(await failure(vault().read(`file:${path}`))).toMatchObject({ code: 'secret_missing' });
    writeFileSync(path, '\n', { mode: 0o600 });
    expect(await failure(vault().read(`file:${path}`))).toMatchObject({ code: 'secret_missing' });
    writeFileSync(path, Buffer.alloc(65_537, 'x'));
    expect(await failure(vault().read(`file:${path}`))).toMatchObject({ code: 'secret_unreadable' });
    expect(await failure(vault().read(`file:${dir}`))).toMatchObject({ code: 'secret_unreadable' });
  });

  test('exec: runs a command', async () => {
    const environment = { PATH: process.env.PATH };
    expect(await vault({ environment }).read(`exec:printf '%s\\n' ${SECRET}`)).toBe(SECRET);
  });

  test.each([
    '',
    SECRET,
    `vault:${SECRET}`,
    'env:',
    'env:a-b',
    'file:relative',
    'keychain:../x',
    `file:/a\0b`,
    ':x',
  ])('refuses %j without repeating it', async (reference) => {
    expect(await failure(vault().read(reference))).toMatchObject({ code: 'bad_secret_reference' });
  });

  test('an empty secret is not stored', async () => {
    expect(await failure(vault().store('c-1', ''))).toMatchObject({ code: 'bad_secret' });
  });

  test('what hoopctl did not write is not removed', async () => {
    const path = join(dir, 'password');
    writeFileSync(path, SECRET);
    await vault().remove(`file:${path}`);
    await vault().remove('env:PGPASS');
    expect(existsSync(path)).toBe(true);
  });
});
