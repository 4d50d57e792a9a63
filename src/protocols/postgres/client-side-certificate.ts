import { join } from 'node:path';
import { keptSelfSigned } from '../../secret/self-signed.ts';
import type { ServerTls } from './client-side-opening.ts';

/** The certificate endpoints prove themselves with: self-signed for loopback names, kept in `dir`. */
export function selfSignedCertificate(dir: string, now: number = Date.now()): Promise<ServerTls> {
  return keptSelfSigned(join(dir, 'endpoint.pem'), 'localhost', ['localhost', '127.0.0.1', '::1'], now);
}
