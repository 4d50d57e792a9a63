import { readFileSync, statSync } from 'node:fs';
import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { NotReachable, ProtocolViolation, UsageError } from '../../base/errors.ts';
import { ALPN } from './client-side-opening.ts';
import type { PostgresSettings, TargetHost } from './connection.ts';
import { endPointBinding } from './scram-channel-binding.ts';
import { networkReason } from './target-side-errors.ts';

export interface SecuredSocket {
  readonly socket: tls.TLSSocket;
  /** `TLSv1.3`. */
  readonly version: string;
  /** tls-server-end-point data of the target's certificate; undefined when it names no hash. */
  readonly binding: Buffer | undefined;
}

/**
 * TLS over a connected socket, the certificate checked as `sslmode` says (docs 34.19.1): verify-ca against the
 * authorities, verify-full against the host's name too, otherwise not at all. Throws NotReachable
 * `target_tls_failed` with the certificate's reason, UsageError for files that cannot be used.
 */
export function secureTarget(
  plain: Socket,
  settings: PostgresSettings,
  host: TargetHost,
): Promise<SecuredSocket> {
  const options = tlsOptions(settings, host);
  return new Promise((resolve, reject) => {
    const secure = tls.connect({ ...options, socket: plain });
    const fail = (why: string, cause?: Error) => {
      secure.removeAllListeners();
      secure.on('error', () => {});
      secure.destroy();
      plain.destroy();
      reject(
        new NotReachable('target_tls_failed', 'TLS with the target failed', {
          why,
          ...(cause === undefined ? {} : { cause }),
        }),
      );
    };
    secure.once('error', (error) => fail(networkReason(error), error));
    secure.once('close', () => fail('the target closed during the TLS handshake'));
    secure.once('secureConnect', () => {
      secure.removeAllListeners('error').removeAllListeners('close');
      if (settings.sslnegotiation === 'direct' && secure.alpnProtocol !== ALPN) {
        fail('direct TLS without the ALPN name postgresql');
        return;
      }
      const certificate = secure.getPeerX509Certificate();
      resolve({
        socket: secure,
        version: secure.getProtocol() ?? 'TLS',
        binding: certificate === undefined ? undefined : endPointBinding(certificate.raw),
      });
    });
  });
}

function tlsOptions(settings: PostgresSettings, host: TargetHost): tls.ConnectionOptions {
  const authority = authorities(settings);
  return {
    ...clientCertificate(settings),
    ...(authority === undefined ? {} : { ca: authority }),
    ...(settings.sslcrl === undefined ? {} : { crl: readPem('sslcrl', settings.sslcrl) }),
    ...(settings.sslsni && isIP(host.host) === 0 ? { servername: host.host } : {}),
    rejectUnauthorized: verifies(settings),
    checkServerIdentity: (_name, certificate) =>
      settings.sslmode === 'verify-full' ? tls.checkServerIdentity(host.host, certificate) : undefined,
    ALPNProtocols: [ALPN],
    minVersion: settings.sslMinProtocolVersion,
    maxVersion: settings.sslMaxProtocolVersion,
  };
}

/** `require` with a root certificate named is verify-ca, as in libpq (docs 34.19.1). */
export function verifies(settings: PostgresSettings): boolean {
  const { sslmode, sslrootcert } = settings;
  return sslmode === 'verify-ca' || sslmode === 'verify-full' || (sslmode === 'require' && !!sslrootcert);
}

function authorities(settings: PostgresSettings): string | string[] | undefined {
  if (!verifies(settings)) return undefined;
  if (settings.sslrootcert === 'system') return systemAuthorities();
  if (settings.sslrootcert !== undefined) return readPem('sslrootcert', settings.sslrootcert);
  const usual = join(homedir(), '.postgresql', 'root.crt');
  try {
    return readFileSync(usual, 'utf8');
  } catch {
    throw new UsageError('no_root_certificate', `sslmode=${settings.sslmode} needs to know whom to trust`, {
      why: `no sslrootcert is given and there is no ${usual}`,
      next: 'add sslrootcert=/path/to/ca.pem, or sslrootcert=system for certificates of public authorities',
    });
  }
}

function systemAuthorities(): string[] {
  // Node 22.15 and later read the system's store; before that its own list has to do.
  const system = typeof tls.getCACertificates === 'function' ? tls.getCACertificates('system') : [];
  return [...(system.length > 0 ? system : tls.rootCertificates)];
}

function clientCertificate(settings: PostgresSettings): tls.ConnectionOptions {
  if (settings.sslcert === undefined || settings.sslkey === undefined) return {};
  const mode = statFile('sslkey', settings.sslkey);
  // libpq's rule: nobody else may read it, or it is root's and its group may.
  const others = mode.uid === 0 && process.getuid?.() !== 0 ? 0o027 : 0o077;
  if ((mode.mode & others) !== 0) {
    throw new UsageError('key_file_too_open', `others may read the key file ${settings.sslkey}`, {
      next: `chmod 600 ${settings.sslkey}`,
    });
  }
  return { cert: readPem('sslcert', settings.sslcert), key: readPem('sslkey', settings.sslkey) };
}

function statFile(name: string, path: string) {
  try {
    return statSync(path);
  } catch (cause) {
    throw unreadable(name, path, cause);
  }
}

function readPem(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw unreadable(name, path, cause);
  }
}

function unreadable(name: string, path: string, cause: unknown): UsageError {
  const why = cause instanceof Error ? networkReason(cause) : undefined;
  return new UsageError('file_not_readable', `${name} cannot be read: ${path}`, {
    ...(why === undefined ? {} : { why }),
    cause,
  });
}

/** Bytes behind the answer to SSLRequest would be taken for the target's ciphertext (CVE-2021-23222). */
export function bytesBeforeTls(): ProtocolViolation {
  return new ProtocolViolation('bytes_too_early', 'the target sent plaintext before TLS began');
}
