/**
 * What one frame of an SSH session's recording holds. SSH has many channels in one connection, so the bytes carry
 * a head of their own:
 *
 *     kind u8 · channel u32 · bytes
 */
export const PIECE = {
  /** Bytes of the client for a program's standard input, or of the program's output for the client. */
  data: 0,
  /** To the client: standard error. */
  stderr: 1,
  /** JSON, from the client: `{cols, rows}`, at the start and at each resize. */
  size: 2,
  /** JSON, to the client: `{code}` or `{signal}`. */
  exit: 3,
  /** JSON, to the client: a file that went through SFTP, `{path, direction, bytes, sha256}`, the hash null when parts were left out. */
  file: 4,
} as const;
export type Piece = (typeof PIECE)[keyof typeof PIECE];

const HEAD_BYTES = 5;

export function pieceHead(kind: Piece, channel: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt8(kind, 0);
  head.writeUInt32BE(channel, 1);
  return head;
}

export interface RecordedPiece {
  readonly kind: Piece;
  readonly channel: number;
  readonly bytes: Buffer;
}

/** Undefined for a frame that is none of ours. */
export function readPiece(payload: Uint8Array): RecordedPiece | undefined {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (bytes.length < HEAD_BYTES) return undefined;
  const kind = Object.values(PIECE).find((one) => one === bytes[0]);
  if (kind === undefined) return undefined;
  return { kind, channel: bytes.readUInt32BE(1), bytes: bytes.subarray(HEAD_BYTES) };
}
