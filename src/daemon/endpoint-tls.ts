import { endpointCertificate } from '../protocols/registry.ts';
import type { StateDirectory } from './state-directory.ts';

/** Made once and at the first need; without one an endpoint serves plaintext on loopback, as PostgreSQL does. */
export function endpointTls(directory: StateDirectory, failed: (error: unknown) => void) {
  let made: ReturnType<typeof endpointCertificate> | undefined;
  return async () => {
    made ??= endpointCertificate(directory.tls);
    try {
      return await made;
    } catch (error) {
      made = undefined;
      failed(error);
      return undefined;
    }
  };
}
