import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type KeyType = 'ed25519' | 'ecdsa' | 'rsa';

/** Makes keys and certificates with ssh-keygen in a directory of its own. */
export class SshKeys {
  readonly directory = mkdtempSync(join(tmpdir(), 'hoopctl-keys-'));

  /** A key pair; where its private part lies. */
  make(name: string, type: KeyType = 'ed25519', ...flags: string[]): string {
    const path = join(this.directory, name);
    const bits = type === 'rsa' ? ['-b', '2048'] : [];
    const passphrase = flags.includes('-N') ? [] : ['-N', ''];
    execFileSync('ssh-keygen', ['-q', '-t', type, ...bits, ...passphrase, '-f', path, ...flags]);
    return path;
  }

  /** The one line of a public key, without its comment. */
  line(path: string): string {
    return readFileSync(`${path}.pub`, 'utf8').split(' ').slice(0, 2).join(' ').trim();
  }

  /** `SHA256:…` */
  fingerprint(path: string): string {
    return execFileSync('ssh-keygen', ['-l', '-f', `${path}.pub`], { encoding: 'utf8' }).split(' ')[1] ?? '';
  }

  /** Signs a public key; where the certificate lies. Flags are those of ssh-keygen: `-h`, `-n names`, `-V interval`. */
  sign(authority: string, path: string, ...flags: string[]): string {
    execFileSync('ssh-keygen', ['-q', '-s', authority, '-I', 'test', ...flags, `${path}.pub`]);
    const certificate = `${path}-cert.pub`;
    if (!existsSync(certificate)) throw new Error('ssh-keygen made no certificate');
    return certificate;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The wire's form of a public key or certificate file. */
export function blobOf(path: string): Buffer {
  return Buffer.from(readFileSync(path, 'utf8').split(' ')[1] ?? '', 'base64');
}
