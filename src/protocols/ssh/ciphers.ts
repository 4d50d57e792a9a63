import type { CipherAlgorithm } from 'ssh2';

/**
 * What both legs are encrypted with. ChaCha20-Poly1305 and CBC with EtM are left out: under them a peer that does not
 * know strict key exchange can be made to miss the first messages (Terrapin, CVE-2023-48795). Under these it cannot.
 */
export const CIPHERS: CipherAlgorithm[] = [
  'aes256-gcm@openssh.com',
  'aes128-gcm@openssh.com',
  'aes256-ctr',
  'aes192-ctr',
  'aes128-ctr',
];
