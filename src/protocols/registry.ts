import type { Protocol } from './protocol.ts';

/** Every protocol hoopctl speaks, one line each; loaded when the daemon starts, not with the command line. */
export async function loadProtocols(): Promise<readonly Protocol[]> {
  return [
    (await import('./postgres/postgres.ts')).postgres,
    (await import('./ssh/ssh.ts')).ssh,
    (await import('./kubernetes/kubernetes.ts')).kubernetes,
  ];
}

/** What endpoints of any protocol prove themselves with over TLS; kept in `dir`. Loaded at the first endpoint. */
export async function endpointCertificate(
  dir: string,
): Promise<{ readonly key: string; readonly cert: string }> {
  return (await import('./postgres/client-side-certificate.ts')).selfSignedCertificate(dir);
}

/** A new key for endpoints that prove themselves as SSH hosts do. Loaded at the first of them. */
export async function newHostKey(): Promise<{ readonly private: string; readonly public: string }> {
  return (await import('./ssh/host-key.ts')).newHostKey();
}
