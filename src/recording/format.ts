import { crc32 } from '../base/crc32.ts';
import { FRAME, type FrameKind } from './events.ts';

/**
 * A recording is a file header and then frames, all numbers big-endian:
 *
 *     header  magic 8 · version u32 · crc32 of those 12 bytes u32
 *     frame   kind u8 · zero u8 · microseconds u48 · payload length u32 · crc32 u32 · payload
 *
 * A frame's crc32 covers its first 12 bytes and its payload. What binds the frames to each other is the
 * SHA-256 of the whole file, which the audit log holds.
 */
export const FILE_HEADER_BYTES = 16;
export const FRAME_HEADER_BYTES = 16;
/** Offset of the crc in both headers. */
export const CRC_OFFSET = 12;
export const FORMAT_VERSION = 1;
/** Longest payload, so that a damaged length can't make a reader allocate gigabytes. Above any statement's JSON. */
export const MAX_PAYLOAD_BYTES = 64 * 1024 * 1024;

/** Not text (0x89), and damaged by any newline translation, as PNG's is. */
const MAGIC = Buffer.from('\x89hooprec', 'latin1');

const KINDS: ReadonlySet<number> = new Set<number>(Object.values(FRAME));

export function fileHeader(): Buffer {
  const header = Buffer.alloc(FILE_HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32BE(FORMAT_VERSION, MAGIC.length);
  header.writeUInt32BE(crc32(header, 0, CRC_OFFSET), CRC_OFFSET);
  return header;
}

/** What stands at the start of a file: a recording, one of a version this program doesn't know, or something else. */
export function judgeFileHeader(header: Buffer): 'ok' | 'newer' | 'foreign' {
  if (!header.subarray(0, MAGIC.length).equals(MAGIC)) return 'foreign';
  if (crc32(header, 0, CRC_OFFSET) !== header.readUInt32BE(CRC_OFFSET)) return 'foreign';
  return header.readUInt32BE(MAGIC.length) === FORMAT_VERSION ? 'ok' : 'newer';
}

/** Writes all of a frame's header but its crc into `into`, from `start`. `at` in microseconds. */
export function writeFrameHeader(
  into: Buffer,
  start: number,
  { kind, at, length }: { readonly kind: FrameKind; readonly at: number; readonly length: number },
): void {
  into[start] = kind;
  into[start + 1] = 0;
  const high = Math.floor(at / 2 ** 32);
  into[start + 2] = high >>> 8;
  into[start + 3] = high;
  putUint32(into, start + 4, at);
  putUint32(into, start + 8, length);
}

/** Completes a frame that stands in `bytes` from `start`, its payload behind its header and up to `end`. */
export function sealFrame(bytes: Buffer, start: number, end: number): void {
  const ofHeader = crc32(bytes, start, start + CRC_OFFSET);
  putUint32(bytes, start + CRC_OFFSET, crc32(bytes, start + FRAME_HEADER_BYTES, end, ofHeader));
}

/** The low 32 bits of a number, big-endian. A Buffer's own way asks more questions than it writes bytes. */
function putUint32(into: Buffer, at: number, value: number): void {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
}

export interface FrameHeader {
  readonly kind: FrameKind;
  /** Microseconds. */
  readonly at: number;
  readonly length: number;
  readonly crc: number;
}

/** Reads a frame's header; undefined when it can't be one (unknown kind, length above the bound). */
export function readFrameHeader(from: Buffer): FrameHeader | undefined {
  const kind = from.readUInt8(0);
  const length = from.readUInt32BE(8);
  if (!KINDS.has(kind) || from[1] !== 0 || length > MAX_PAYLOAD_BYTES) return undefined;
  return {
    kind: kind as FrameKind,
    at: from.readUIntBE(2, 6),
    length,
    crc: from.readUInt32BE(CRC_OFFSET),
  };
}

/** The crc of a frame given as its header and payload. */
export function frameCrc(header: Buffer, payload: Uint8Array): number {
  return crc32(payload, 0, payload.length, crc32(header, 0, CRC_OFFSET));
}
