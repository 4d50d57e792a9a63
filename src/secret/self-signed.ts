import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname } from 'node:path';

const DAY_MS = 86_400_000;
const VALID_DAYS = 365;
/** A new one is made before clients could see the old one end. */
const RENEW_DAYS = 30;

/** A key and its certificate, PEM. */
export interface KeyAndCertificate {
  readonly key: string;
  readonly cert: string;
}

/**
 * A certificate of our own for `names`, kept in `file` (key and certificate in one file, 0600) and used again while
 * it is valid for another month and nobody else could have read or replaced its key. `now`: milliseconds since 1970.
 */
export async function keptSelfSigned(
  file: string,
  commonName: string,
  names: readonly string[],
  now: number,
): Promise<KeyAndCertificate> {
  const kept = readKept(file, names, now);
  if (kept !== undefined) return kept;
  const made = await make(commonName, names, now);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.${process.pid}.new`;
  writeFileSync(fresh, `${made.key}\n${made.cert}\n`, { mode: 0o600 });
  chmodSync(fresh, 0o600);
  renameSync(fresh, file);
  return made;
}

async function make(commonName: string, names: readonly string[], now: number): Promise<KeyAndCertificate> {
  // Loaded when it is needed: it is a good part of a second on a cold start.
  const { generate } = await import('selfsigned');
  const { private: key, cert } = await generate([{ name: 'commonName', value: commonName }], {
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
        altNames: names.map((name) => (isIP(name) ? { type: 7, ip: name } : { type: 2, value: name })),
      },
    ],
  });
  return { key: key.trim(), cert: cert.trim() };
}

function readKept(file: string, names: readonly string[], now: number): KeyAndCertificate | undefined {
  try {
    if ((statSync(file).mode & 0o077) !== 0) return undefined;
    const text = readFileSync(file, 'utf8');
    const key = pem(text, 'PRIVATE KEY');
    const cert = pem(text, 'CERTIFICATE');
    if (key === undefined || cert === undefined) return undefined;
    const parsed = new X509Certificate(cert);
    const named = names.every((name) => (isIP(name) ? parsed.checkIP(name) : parsed.checkHost(name)));
    return named && Date.parse(parsed.validTo) - now > RENEW_DAYS * DAY_MS ? { key, cert } : undefined;
  } catch {
    // Missing or unreadable: a new one is made.
    return undefined;
  }
}

function pem(text: string, label: string): string | undefined {
  return new RegExp(`-----BEGIN [A-Z ]*${label}-----[\\s\\S]+?-----END [A-Z ]*${label}-----`).exec(text)?.[0];
}
