import { createHash } from 'node:crypto';

const NULL_PART = Buffer.from([0]);
const VALUE_PART = Buffer.from([1]);

/**
 * SHA-256 (hex) over the parts, each led by its length, so that no two lists of parts share an encoding.
 * Text counts as its UTF-8 bytes; null (SQL NULL) is told apart from the empty text.
 */
export function fingerprint(parts: readonly (string | Uint8Array | null)[]): string {
  const hash = createHash('sha256');
  const length = Buffer.alloc(8);
  for (const part of parts) {
    if (part === null) {
      hash.update(NULL_PART);
      continue;
    }
    const bytes = typeof part === 'string' ? Buffer.from(part, 'utf8') : part;
    length.writeBigUInt64BE(BigInt(bytes.byteLength));
    hash.update(VALUE_PART).update(length).update(bytes);
  }
  return hash.digest('hex');
}
