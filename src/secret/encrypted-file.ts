import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { Internal } from '../base/errors.ts';
import { errorCode, HAS_MODES, isOpenToOthers, readBounded } from './bounded-file.ts';

/**
 * All secrets in one file: JSON of a header and an AES-256-GCM box over the whole, so that no entry can be
 * taken out, swapped or put back by itself. The header is authenticated with it. The key comes by scrypt from a
 * passphrase, or from a key file of 32 random bytes beside it.
 */

const FILE = 'secrets.json';
const KEY_FILE = 'secrets.key';
const FILE_LIMIT = 16 * 1024 * 1024;
const KEY_FILE_LIMIT = 4096;
const KEY_BYTES = 32;
/** NIST SP 800-38D: 96 random bits, far below the bound of 2^32 writes under one key. */
const NONCE_BYTES = 12;
/** A passphrase can be guessed, so guessing is made dear (128 MiB, 0.3 s); 256 random bits cannot. */
const LOG2_N = { passphrase: 17, 'key-file': 14 } as const;

const boxSchema = z.strictObject({
  version: z.literal(1),
  key: z.enum(['passphrase', 'key-file']),
  log2n: z.union([z.literal(LOG2_N.passphrase), z.literal(LOG2_N['key-file'])]),
  salt: z.string().regex(/^[A-Za-z0-9_-]{22}$/),
  nonce: z.string().regex(/^[A-Za-z0-9_-]{16}$/),
  tag: z.string().regex(/^[A-Za-z0-9_-]{22}$/),
  data: z.string(),
});
type Box = z.infer<typeof boxSchema>;
type Header = Pick<Box, 'version' | 'key' | 'log2n' | 'salt'>;

const entriesSchema = z.record(z.string(), z.string());

export interface EncryptedFile {
  get(account: string): Promise<string | undefined>;
  set(account: string, secret: string): Promise<void>;
  remove(account: string): Promise<boolean>;
}

export interface EncryptedFileOptions {
  /** Directory of both files; it must exist. */
  readonly dir: string;
  /** Without one, the key file is used and made when there is none. */
  readonly passphrase: string | undefined;
}

/**
 * Opens lazily: nothing is read or written before the first call. Calls run one after the other.
 * Methods throw Internal `secret_unreadable` (damaged file, wrong key, files open to others) or `secret_unwritable`.
 */
export function encryptedFile(options: EncryptedFileOptions): EncryptedFile {
  const path = join(options.dir, FILE);
  let derived: { readonly salt: string; readonly key: Promise<Buffer> } | undefined;
  let last: Promise<unknown> = Promise.resolve();

  /** Reading, changing and writing the file must not interleave with another call's. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = last.then(work, work);
    last = turn.catch(() => undefined);
    return turn;
  }

  async function keyFor(header: Header, create: boolean): Promise<Buffer> {
    if (derived?.salt === header.salt) return derived.key;
    const material =
      header.key === 'passphrase' ? passphraseOf(options) : await keyMaterial(options.dir, create);
    const key = deriveKey(material, Buffer.from(header.salt, 'base64url'), header.log2n);
    derived = { salt: header.salt, key };
    return key;
  }

  async function load(): Promise<{ header: Header; entries: Map<string, string> } | undefined> {
    const box = await readBox(path);
    if (box === undefined) return undefined;
    const key = await keyFor(box, false);
    try {
      return { header: box, entries: new Map(Object.entries(unseal(box, key))) };
    } catch (error) {
      derived = undefined;
      throw error;
    }
  }

  async function save(header: Header, entries: ReadonlyMap<string, string>): Promise<void> {
    const key = await keyFor(header, true);
    await writeAtomically(path, JSON.stringify(seal(header, entries, key)));
  }

  return {
    get: (account) => inTurn(async () => (await load())?.entries.get(account)),
    set: (account, secret) =>
      inTurn(async () => {
        const loaded = await load();
        const entries = new Map(loaded?.entries).set(account, secret);
        await save(loaded?.header ?? newHeader(options), entries);
      }),
    remove: (account) =>
      inTurn(async () => {
        const loaded = await load();
        if (!loaded?.entries.delete(account)) return false;
        await save(loaded.header, loaded.entries);
        return true;
      }),
  };
}

function newHeader(options: EncryptedFileOptions): Header {
  const key = options.passphrase === undefined ? 'key-file' : 'passphrase';
  return { version: 1, key, log2n: LOG2_N[key], salt: randomBytes(16).toString('base64url') };
}

function passphraseOf(options: EncryptedFileOptions): string {
  if (options.passphrase !== undefined) return options.passphrase.normalize('NFC');
  throw unreadable('it was encrypted with a passphrase, and none was given', {
    next: 'set HOOPCTL_SECRET_PASSPHRASE_FILE and start the daemon again',
  });
}

async function keyMaterial(dir: string, create: boolean): Promise<Buffer> {
  const path = join(dir, KEY_FILE);
  try {
    const file = await readBounded(path, KEY_FILE_LIMIT, false);
    requirePrivate(path, file.mode);
    if (file.bytes.length !== KEY_BYTES) throw unreadable(`${path} is damaged`);
    return file.bytes;
  } catch (error) {
    if (error instanceof Internal) throw error;
    // A new key beside an old file would only make the loss final.
    if (errorCode(error) !== 'ENOENT' || !create) throw unreadable(`${path}: ${errorCode(error)}`);
  }
  const key = randomBytes(KEY_BYTES);
  try {
    const handle = await open(path, 'wx', 0o600);
    try {
      await handle.writeFile(key);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw unwritable(path, error);
  }
  return key;
}

function deriveKey(material: string | Buffer, salt: Buffer, log2n: number): Promise<Buffer> {
  const cost = { N: 2 ** log2n, r: 8, p: 1, maxmem: 160 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    scrypt(material, salt, KEY_BYTES, cost, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

function headerBytes(header: Header): Buffer {
  return Buffer.from(JSON.stringify([header.version, header.key, header.log2n, header.salt]), 'utf8');
}

function seal(header: Header, entries: ReadonlyMap<string, string>, key: Buffer): Box {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(headerBytes(header));
  const plain = Buffer.from(JSON.stringify(Object.fromEntries(entries)), 'utf8');
  const data = Buffer.concat([cipher.update(plain), cipher.final()]);
  plain.fill(0);
  const { version, key: keyKind, log2n, salt } = header;
  return {
    version,
    key: keyKind,
    log2n,
    salt,
    nonce: nonce.toString('base64url'),
    tag: cipher.getAuthTag().toString('base64url'),
    data: data.toString('base64url'),
  };
}

function unseal(box: Box, key: Buffer): Record<string, string> {
  const nonce = Buffer.from(box.nonce, 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  decipher.setAAD(headerBytes(box)).setAuthTag(Buffer.from(box.tag, 'base64url'));
  try {
    const plain = Buffer.concat([decipher.update(Buffer.from(box.data, 'base64url')), decipher.final()]);
    return entriesSchema.parse(JSON.parse(plain.toString('utf8')));
  } catch {
    throw unreadable(`the key is not the one it was written with, or the file was changed`);
  }
}

async function readBox(path: string): Promise<Box | undefined> {
  try {
    const file = await readBounded(path, FILE_LIMIT, false);
    requirePrivate(path, file.mode);
    const box = boxSchema.safeParse(JSON.parse(file.bytes.toString('utf8')));
    if (box.success) return box.data;
  } catch (error) {
    if (error instanceof Internal) throw error;
    if (errorCode(error) === 'ENOENT') return undefined;
    throw unreadable(error instanceof SyntaxError ? `${path} is damaged` : `${path}: ${errorCode(error)}`);
  }
  throw unreadable(`${path} is damaged, or from another version`);
}

/** The new file stands whole before it takes the old one's name, and both survive a power cut. */
async function writeAtomically(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
    if (HAS_MODES) await syncDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw unwritable(path, error);
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function requirePrivate(path: string, mode: number): void {
  if (!isOpenToOthers({ mode })) return;
  throw unreadable(`others may read or change ${path} (mode ${mode.toString(8)})`, {
    next: `chmod 600 ${path}, and change the passwords that were in it`,
  });
}

function unreadable(why: string, facts: { readonly next?: string } = {}): Internal {
  return new Internal('secret_unreadable', `the encrypted secrets cannot be read: ${why}`, facts);
}

function unwritable(path: string, error: unknown): Internal {
  return new Internal('secret_unwritable', `cannot write ${path}: ${errorCode(error)}`);
}
