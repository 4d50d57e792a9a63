import { crc32 as ofWhole } from 'node:zlib';

/** Up to so many bytes, a call of zlib's and the view it needs cost more than looking each byte up here. */
const SHORT = 160;

/** The remainders of all bytes, by the reflected polynomial 0xEDB88320 (RFC 1952, section 8). */
const REMAINDERS = new Int32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0);
  REMAINDERS[byte] = remainder;
}

/** The CRC-32 of RFC 1952 (zlib's, PNG's) of `bytes` from `start` to `end`, going on from that of what stands `before`. */
export function crc32(bytes: Uint8Array, start: number, end: number, before = 0): number {
  if (end - start > SHORT) return ofWhole(bytes.subarray(start, end), before);
  let remainder = ~before;
  for (let at = start; at < end; at++) {
    remainder = (REMAINDERS[(remainder ^ (bytes[at] ?? 0)) & 0xff] ?? 0) ^ (remainder >>> 8);
  }
  return ~remainder >>> 0;
}
