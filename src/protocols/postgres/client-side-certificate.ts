import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerTls } from './client-side-opening.ts';

const DAY_MS = 86_400_000;
const VALID_DAYS = 365;
/** A new one is made before clients could see the old one end. */
const RENEW_DAYS = 30;

/**
 * The certificate endpoints prove themselves with: self-signed for loopback names, kept in `dir` (key and
 * certificate in one file, 0600) and used again while it is valid for another month and nobody else could have
 * read or replaced its key. `now`: milliseconds since 1970.
 */
export async function selfSignedCertificate(dir: string, now: number = Date.now()): Promise<ServerTls> {
  const file = join(dir, 'endpoint.pem');
  const kept = readKept(file, now);
  if (kept !== undefined) return kept;
  const made = await make(now);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const fresh = `${file}.${process.pid}.new`;
  writeFileSync(fresh, `${made.key}\n${made.cert}\n`, { mode: 0o600, flag: 'w' });
  chmodSync(fresh, 0o600);
  renameSync(fresh, file);
  return made;
}

async function make(now: number): Promise<ServerTls> {
  // Loaded when it is needed: it is a good part of a second on a cold start.
  const { generate } = await import('selfsigned');
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - DAY_MS),
    notAfterDate: new Date(now + VALID_DAYS * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  return { key: key.trim(), cert: cert.trim() };
}

function readKept(file: string, now: number): ServerTls | undefined {
  try {
    if ((statSync(file).mode & 0o077) !== 0) return undefined;
    const text = readFileSync(file, 'utf8');
    const key = pem(text, 'PRIVATE KEY');
    const cert = pem(text, 'CERTIFICATE');
    if (key === undefined || cert === undefined) return undefined;
    const until = Date.parse(new X509Certificate(cert).validTo);
    return until - now > RENEW_DAYS * DAY_MS ? { key, cert } : undefined;
  } catch {
    // Missing or unreadable: a new one is made.
    return undefined;
  }
}

function pem(text: string, label: string): string | undefined {
  return new RegExp(`-----BEGIN [A-Z ]*${label}-----[\\s\\S]+?-----END [A-Z ]*${label}-----`).exec(text)?.[0];
}
