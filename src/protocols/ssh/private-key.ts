import { createPrivateKey, type KeyObject, randomBytes } from 'node:crypto';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type HoopError, NotPermitted } from '../../base/errors.ts';
import { FieldReader } from './sftp/packets.ts';
import { stringField } from './string-field.ts';

/** Unlocking may take this long, in milliseconds: `ssh-keygen -a 100` takes a tenth of it. */
const UNLOCK_MS = 20_000;
const LONGEST_FIELD = 65_536;

/** True for a credential that is a private key, of any form, and no password. */
export function isPrivateKey(secret: string): boolean {
  return /^-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(secret.trimStart());
}

/**
 * A private key in a form that the SSH library takes: Ed25519, ECDSA and RSA, in OpenSSH's form, PEM or PKCS #8, with
 * or without a passphrase. Throws NotPermitted `private_key_locked`, `private_key_passphrase`, `bad_private_key`.
 */
export async function readPrivateKey(secret: string, passphrase: string | undefined): Promise<string> {
  const text = `${secret.trim().replaceAll('\r\n', '\n')}\n`;
  if (!text.startsWith('-----BEGIN OPENSSH')) return usable(keyObject(text, passphrase));
  if (!isLocked(text)) return text;
  if (passphrase === undefined) throw locked();
  const pem = await unlock(text, passphrase);
  if (pem === undefined) throw wrongPassphrase();
  return usable(keyObject(pem, undefined));
}

/** PROTOCOL.key: a magic word, then the cipher's name; `none` for a key that is not locked. */
function isLocked(text: string): boolean {
  const bytes = Buffer.from(text.replace(/-----[^\n]*-----/g, ''), 'base64');
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw unusable();
  try {
    return new FieldReader(bytes, MAGIC.length).bytes(LONGEST_FIELD).toString('latin1') !== 'none';
  } catch {
    throw unusable();
  }
}

function keyObject(pem: string, passphrase: string | undefined): KeyObject {
  const isEncrypted = /^-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(pem);
  if (isEncrypted && passphrase === undefined) throw locked();
  try {
    return createPrivateKey({ key: pem, format: 'pem', ...(isEncrypted ? { passphrase } : {}) });
  } catch {
    throw isEncrypted ? wrongPassphrase() : unusable();
  }
}

/** In the form that the library reads of each type. */
function usable(key: KeyObject): string {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return key.export({ type: 'pkcs1', format: 'pem' }).toString();
    case 'ec':
      return key.export({ type: 'sec1', format: 'pem' }).toString();
    case 'ed25519':
      return openSshForm(key);
    default:
      throw unusable();
  }
}

const MAGIC = Buffer.from('openssh-key-v1\0');

/** An Ed25519 key as OpenSSH's PROTOCOL.key has it, the one form in which the library knows that type. */
function openSshForm(key: KeyObject): string {
  const { d = '', x = '' } = key.export({ format: 'jwk' });
  const [seed, shown] = [Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')];
  const publicPart = Buffer.concat([stringField('ssh-ed25519'), stringField(shown)]);
  const check = randomBytes(4);
  const secretPart = Buffer.concat([
    check,
    check,
    publicPart,
    stringField(Buffer.concat([seed, shown])),
    stringField(''),
  ]);
  // Filled up to the cipher's block of 8 bytes with 1, 2, 3 …
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7].slice(0, (8 - (secretPart.length % 8)) % 8));
  const one = Buffer.from([0, 0, 0, 1]);
  const whole = Buffer.concat([
    MAGIC,
    ...[stringField('none'), stringField('none'), stringField(''), one, stringField(publicPart)],
    stringField(Buffer.concat([secretPart, padding])),
  ]);
  const lines = whole.toString('base64').replace(/.{70}/g, '$&\n');
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

function unlock(key: string, passphrase: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    // The compiled file where this one is compiled.
    const program = new URL(`./unlock-worker${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(program, { workerData: { key, passphrase } });
    const timer = setTimeout(() => end(() => reject(unusable('unlocking it takes too long'))), UNLOCK_MS);
    const end = (settle: () => void) => {
      clearTimeout(timer);
      void worker.terminate();
      settle();
    };
    worker.once('message', (pem: unknown) => end(() => resolve(typeof pem === 'string' ? pem : undefined)));
    worker.once('error', () => end(() => reject(unusable())));
  });
}

function locked(): HoopError {
  return new NotPermitted('private_key_locked', 'the private key of this connection is locked', {
    why: 'it takes a passphrase, and none was given',
    next: 'give it by --key-passphrase-stdin, or by --key-passphrase-ref env:NAME, file:PATH or exec:COMMAND',
  });
}

function wrongPassphrase(): HoopError {
  return new NotPermitted('private_key_passphrase', 'the passphrase does not unlock the private key', {
    next: 'hoopctl connection edit NAME --key-passphrase-stdin',
  });
}

function unusable(why = 'it is damaged or of an unknown kind'): HoopError {
  return new NotPermitted('bad_private_key', 'the private key of this connection cannot be used', {
    why,
    next: 'give an Ed25519, ECDSA or RSA key in OpenSSH, PEM or PKCS #8 form',
  });
}
