import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { openVault } from '../../../src/secret/vault.ts';

const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
const missing = ['dbus-run-session', 'gnome-keyring-daemon'].filter((program) => !has(program));
const skip = process.platform !== 'linux' || missing.length > 0;
const reason = skip ? ` (skipped: needs ${missing.join(' and ') || 'Linux'})` : '';

const VAULT = fileURLToPath(new URL('../../../src/secret/vault.ts', import.meta.url));

/** Stores, reads, removes and reads again, each in turn printed as JSON. */
const ROUND = `
const { openVault } = await import(process.env.VAULT);
const dir = process.env.HOME;
const vault = openVault({ dir, environment: {} });
const reference = await vault.store('c-1', 'from the keychain');
const other = openVault({ dir, environment: {} });
const read = await other.read(reference);
await other.remove(reference);
const after = await vault.read(reference).catch((error) => error.code);
console.log(JSON.stringify({ backend: await vault.backend(), reference, read, after }));
`;

test.skipIf(skip)(`a real Secret Service keeps what the vault stores${reason}`, async () => {
  const home = mkdtempSync(join(tmpdir(), 'hoopctl-keyring-'));
  const unlocked = `eval "$(printf 'pw\\n' | gnome-keyring-daemon --unlock --components=secrets)" >/dev/null; exec "$NODE" --input-type=module -e "$ROUND"`;
  const { stdout } = await promisify(execFile)('dbus-run-session', ['--', 'bash', '-c', unlocked], {
    env: {
      PATH: process.env.PATH,
      HOME: home,
      XDG_DATA_HOME: home,
      XDG_CACHE_HOME: home,
      XDG_RUNTIME_DIR: home,
      NODE: process.execPath,
      VAULT,
      ROUND,
    },
    timeout: 25_000,
  });
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({
    backend: { kind: 'keychain' },
    reference: expect.stringMatching(/^keychain:c-1\.[0-9a-f]{16}$/),
    read: 'from the keychain',
    after: 'secret_missing',
  });
});

test.skipIf(process.platform !== 'linux')(
  'without a Secret Service the real library leads to the encrypted file',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'hoopctl-vault-'));
    const before = process.env.DBUS_SESSION_BUS_ADDRESS;
    process.env.DBUS_SESSION_BUS_ADDRESS = `unix:path=${join(dir, 'no-bus')}`;
    try {
      const vault = openVault({ dir, environment: {} });
      expect(await vault.store('c-1', 'x')).toBe('encrypted:c-1');
      expect(await vault.backend()).toMatchObject({
        warning: expect.stringContaining('no usable system keychain'),
      });
    } finally {
      if (before === undefined) delete process.env.DBUS_SESSION_BUS_ADDRESS;
      else process.env.DBUS_SESSION_BUS_ADDRESS = before;
    }
  },
);
