import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { GatewayConfig } from '../../api/gateway-config.ts';
import { UsageError } from '../../base/errors.ts';
import { keptSelfSigned } from '../../secret/self-signed.ts';

/** What a gateway proves itself with; PEM. */
export interface GatewayCertificate {
  readonly key: string;
  readonly cert: string;
  /** SHA-256 of the certificate's DER bytes, 64 hexadecimal digits. */
  readonly sha256: string;
  readonly validTo: string;
  /** Why its key is kept badly; for the log. */
  readonly warning: string | undefined;
}

/** Reads certificate and key of the configuration. Throws UsageError `bad_certificate`. */
export function readCertificate(
  tls: { readonly certificate: string; readonly key: string },
  base: string,
): GatewayCertificate {
  const certificateFile = resolve(base, tls.certificate);
  const keyFile = resolve(base, tls.key);
  const cert = readText(certificateFile);
  const key = readText(keyFile);
  const parsed = attempt(certificateFile, () => new X509Certificate(cert));
  const fits = attempt(keyFile, () => parsed.checkPrivateKey(createPrivateKey(key)));
  if (!fits) {
    throw new UsageError('bad_certificate', `${keyFile} is not the key of ${certificateFile}`);
  }
  if (Date.parse(parsed.validTo) < Date.now()) {
    throw new UsageError('bad_certificate', `${certificateFile} was valid until ${parsed.validTo}`);
  }
  const open = (statSync(keyFile).mode & 0o007) !== 0;
  return of(key, cert, open ? `${keyFile} can be read by every user: chmod 600 ${keyFile}` : undefined);
}

/** A certificate of our own for the host of `url`, kept in `file` (0600) while it is good for another month. */
export async function selfSigned(file: string, url: string, now: number): Promise<GatewayCertificate> {
  const { key, cert } = await keptSelfSigned(file, 'hoopctl gateway', namesOf(url), now);
  return of(key, cert, undefined);
}

/** The certificate that the configuration names. */
export function certificateFor(
  tls: GatewayConfig['tls'],
  url: string,
  base: string,
  file: string,
): Promise<GatewayCertificate> {
  const { certificate, key } = tls;
  if (certificate === undefined || key === undefined) return selfSigned(file, url, Date.now());
  return Promise.resolve().then(() => readCertificate({ certificate, key }, base));
}

function namesOf(url: string): string[] {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  return [...new Set([host, 'localhost', '127.0.0.1', '::1', hostname()])].filter((name) =>
    /^[A-Za-z0-9.:-]+$/.test(name),
  );
}

function of(key: string, cert: string, warning: string | undefined): GatewayCertificate {
  const { fingerprint256, validTo } = new X509Certificate(cert);
  return { key, cert, sha256: fingerprint256.replaceAll(':', '').toLowerCase(), validTo, warning };
}

function readText(file: string): string {
  return attempt(file, () => readFileSync(file, 'utf8'));
}

function attempt<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new UsageError('bad_certificate', `${file} cannot be used`, {
      why: error instanceof Error ? error.message : String(error),
      next: 'tls.certificate and tls.key are PEM files, without a passphrase',
      cause: error,
    });
  }
}
