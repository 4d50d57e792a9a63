import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Internal } from '../base/errors.ts';
import { canonicalJson } from './canonical-json.ts';

const signedHeadSchema = z.strictObject({
  /** The entry that was the last one. */
  seq: z.int().positive(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  /** When it was signed. */
  time: z.iso.datetime({ precision: 3 }),
  /** Ed25519, base64. */
  signature: z.string().max(128),
});
export type SignedHead = Readonly<z.infer<typeof signedHeadSchema>>;

/** Keeps a signature over a head from being one over anything else. */
const CONTEXT = 'hoopctl audit head 1\n';

function signedBytes(head: Omit<SignedHead, 'signature'>): Buffer {
  return Buffer.from(CONTEXT + canonicalJson({ seq: head.seq, hash: head.hash, time: head.time }));
}

export function signHead(key: KeyObject, head: Omit<SignedHead, 'signature'>): SignedHead {
  return { ...head, signature: sign(null, signedBytes(head), key).toString('base64') };
}

export function headIsGenuine(key: KeyObject, head: SignedHead): boolean {
  return verify(null, signedBytes(head), key, Buffer.from(head.signature, 'base64'));
}

export function headLine(head: SignedHead): string {
  return canonicalJson(head);
}

/** A head from a line of `heads.jsonl` or from where its copy is kept; undefined when it is none. */
export function parseHead(line: string): SignedHead | undefined {
  try {
    return signedHeadSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

export const PUBLIC_KEY_FILE = 'signing.pub';
const PRIVATE_KEY_FILE = 'signing.key';

/**
 * The key that signs heads (0600, PKCS 8 PEM), made with its public half beside it when `fresh` allows that.
 * Throws Internal `audit_key_missing` when a log has heads but no key: a new key would hide what happened.
 */
export function openSigningKey(dir: string, fresh: boolean): KeyObject {
  const path = join(dir, PRIVATE_KEY_FILE);
  if (!existsSync(path)) {
    if (!fresh) {
      throw new Internal('audit_key_missing', `the audit log's signing key ${path} is missing`, {
        next: 'put it back from a backup, or move the whole audit directory away to begin a new log',
      });
    }
    const { privateKey } = generateKeyPairSync('ed25519');
    writeWhole(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  }
  const key = readKey(path, createPrivateKey);
  const publicPath = join(dir, PUBLIC_KEY_FILE);
  if (!existsSync(publicPath)) {
    writeWhole(publicPath, createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString());
  }
  return key;
}

/** The public half, for whoever verifies. Throws Internal `audit_key_unreadable`. */
export function readPublicKey(dir: string): KeyObject {
  return readKey(join(dir, PUBLIC_KEY_FILE), createPublicKey);
}

function readKey(path: string, make: (pem: string) => KeyObject): KeyObject {
  try {
    const key = make(readFileSync(path, 'utf8'));
    if (key.asymmetricKeyType !== 'ed25519') throw new Error('it is not an Ed25519 key');
    return key;
  } catch (cause) {
    throw new Internal('audit_key_unreadable', `the audit log's key ${path} cannot be used`, {
      why: cause instanceof Error ? cause.message : String(cause),
      next: 'put it back from a backup',
      cause,
    });
  }
}

/** All of the file or nothing of it, whenever the process or the machine stops. */
function writeWhole(path: string, content: string): void {
  const temporary = `${path}.new`;
  const fd = openSync(temporary, 'w', 0o600);
  try {
    writeSync(fd, content);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
}
