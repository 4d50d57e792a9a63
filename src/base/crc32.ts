import { crc32 as ofWhole } from 'node:zlib';

/** Up to so many bytes, a call of zlib's and the view it needs cost more than looking each byte up here. */
const SHORT = 320;

/**
 * The remainders of all bytes by the reflected polynomial 0xEDB88320 (RFC 1952, section 8), then of all bytes that one,
 * two and three zero bytes follow, so that four bytes are looked up at a time.
 */
const REMAINDERS = new Int32Array(4 * 256);
for (let byte = 0; byte < 256; byte++) {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0);
  REMAINDERS[byte] = remainder;
}
for (let at = 256; at < REMAINDERS.length; at++) {
  const before = REMAINDERS[at - 256] ?? 0;
  REMAINDERS[at] = (REMAINDERS[before & 0xff] ?? 0) ^ (before >>> 8);
}

/** The CRC-32 of RFC 1952 (zlib's, PNG's) of `bytes` from `start` to `end`, going on from that of what stands `before`. */
export function crc32(bytes: Uint8Array, start: number, end: number, before = 0): number {
  if (end - start > SHORT) return ofWhole(bytes.subarray(start, end), before);
  let remainder = ~before;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
    const word = remainder ^ low ^ ((bytes[at + 2] ?? 0) << 16) ^ ((bytes[at + 3] ?? 0) << 24);
    remainder =
      (REMAINDERS[768 + (word & 0xff)] ?? 0) ^
      (REMAINDERS[512 + ((word >>> 8) & 0xff)] ?? 0) ^
      (REMAINDERS[256 + ((word >>> 16) & 0xff)] ?? 0) ^
      (REMAINDERS[word >>> 24] ?? 0);
  }
  for (; at < end; at++) {
    remainder = (REMAINDERS[(remainder ^ (bytes[at] ?? 0)) & 0xff] ?? 0) ^ (remainder >>> 8);
  }
  return ~remainder >>> 0;
}
