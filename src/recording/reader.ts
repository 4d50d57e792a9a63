import { type FileHandle, open } from 'node:fs/promises';
import { Internal, NotFound } from '../base/errors.ts';
import { FRAME, type Frame, type FrameKind } from './events.ts';
import {
  FILE_HEADER_BYTES,
  FRAME_HEADER_BYTES,
  type FrameHeader,
  frameCrc,
  judgeFileHeader,
  readFrameHeader,
} from './format.ts';

/** How a recording ended, known when its last frame has been read. */
export interface RecordingEnd {
  /** Complete frames. */
  readonly frames: number;
  /** Bytes up to the end of the last complete frame. */
  readonly completeBytes: number;
  /** Bytes after it that are no complete frame: a write the process did not survive. 0 for a whole recording. */
  readonly tornBytes: number;
}

const CHUNK_BYTES = 256 * 1024;

/**
 * The frames of a recording in order. A torn tail is not an error: the complete frames come, then `onEnd` tells.
 * Memory is bounded by the longest frame; a payload stays valid for as long as the caller keeps it.
 * Throws NotFound `recording_missing`, Internal `recording_damaged` (names the first bad frame) and Internal
 * `recording_newer`.
 */
export async function* readRecording(
  path: string,
  onEnd: (end: RecordingEnd) => void = () => {},
): AsyncGenerator<Frame, void, void> {
  const bytes = await openBytes(path);
  let frames = 0;
  let completeBytes = 0;
  try {
    if (await checkFileHeader(path, bytes)) {
      completeBytes = FILE_HEADER_BYTES;
      for (;;) {
        const frame = await nextFrame(path, bytes, frames, completeBytes);
        if (!frame) break;
        frames++;
        completeBytes += FRAME_HEADER_BYTES + frame.payload.length;
        yield frame;
      }
    }
    onEnd({ frames, completeBytes, tornBytes: bytes.size - completeBytes });
  } finally {
    await bytes.close();
  }
}

/**
 * True when a statement of the recording contains `needle`, letter case aside. Reads past result bytes without
 * looking at them; a torn tail counts as the end. Throws like `readRecording`, but finds less damage.
 */
export async function searchText(path: string, needle: string): Promise<boolean> {
  const wanted = needle.toLowerCase();
  const bytes = await openBytes(path);
  try {
    if (!(await checkFileHeader(path, bytes))) return false;
    for (let frames = 0; ; frames++) {
      const at = bytes.position;
      const header = await nextHeader(path, bytes, frames, at);
      if (!header) return false;
      if (header.kind !== FRAME.decision) {
        bytes.skip(header.length);
        continue;
      }
      const payload = await bytes.take(header.length);
      if (!payload) return false;
      if (statementText(payload).toLowerCase().includes(wanted)) return true;
    }
  } finally {
    await bytes.close();
  }
}

function statementText(decision: Buffer): string {
  try {
    const value: unknown = JSON.parse(decision.toString());
    const text = value !== null && typeof value === 'object' && 'text' in value ? value.text : '';
    return typeof text === 'string' ? text : '';
  } catch {
    return '';
  }
}

/** False for a file that ends within its header, as when the process died while it was made. */
async function checkFileHeader(path: string, bytes: Bytes): Promise<boolean> {
  const header = await bytes.take(FILE_HEADER_BYTES);
  if (!header) return false;
  const verdict = judgeFileHeader(header);
  if (verdict === 'newer') {
    throw new Internal('recording_newer', `${path} was written by a newer hoopctl`, {
      next: 'replay it with the hoopctl that recorded it',
    });
  }
  if (verdict === 'foreign') throw damaged(`the header of ${path} is damaged, or it is no recording`);
  return true;
}

async function nextHeader(
  path: string,
  bytes: Bytes,
  index: number,
  offset: number,
): Promise<(FrameHeader & { readonly raw: Buffer }) | undefined> {
  const raw = await bytes.take(FRAME_HEADER_BYTES);
  if (!raw) return undefined;
  const header = readFrameHeader(raw);
  if (!header) throw damaged(`frame ${index + 1} of ${path} (at byte ${offset}) has no readable header`);
  return { ...header, raw };
}

async function nextFrame(
  path: string,
  bytes: Bytes,
  index: number,
  offset: number,
): Promise<Frame | undefined> {
  const header = await nextHeader(path, bytes, index, offset);
  if (!header) return undefined;
  const payload = await bytes.take(header.length);
  if (!payload) return undefined;
  if (frameCrc(header.raw, payload) !== header.crc) {
    throw damaged(`frame ${index + 1} of ${path} (at byte ${offset}) does not match its checksum`);
  }
  const kind: FrameKind = header.kind;
  return { kind, at: header.at, payload };
}

function damaged(message: string): Internal {
  return new Internal('recording_damaged', message, {
    why: 'the file was changed after it was written, or the disk is failing',
    next: 'hoopctl audit verify',
  });
}

/** A file's bytes in order, as long as it was when it was opened (a live session's recording grows). */
interface Bytes {
  readonly size: number;
  readonly position: number;
  /** The next `length` bytes, or undefined when the file ends before. */
  take(length: number): Promise<Buffer | undefined>;
  skip(length: number): void;
  close(): Promise<void>;
}

async function openBytes(path: string): Promise<Bytes> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
      throw new NotFound('recording_missing', 'the recording of this session is missing', {
        why: path,
        cause,
      });
    }
    throw new Internal('recording_unreadable', 'the recording cannot be read', { why: String(cause), cause });
  }
  const { size } = await file.stat();
  let position = 0;
  let chunk: Buffer = Buffer.alloc(0);
  let chunkAt = 0;
  return {
    size,
    get position() {
      return position;
    },
    async take(length) {
      if (length > size - position) return undefined;
      let from = position - chunkAt;
      if (from + length > chunk.length) {
        // A new buffer each time: views of the last one may still be in use.
        chunk = await readAt(file, position, Math.min(Math.max(length, CHUNK_BYTES), size - position));
        chunkAt = position;
        from = 0;
        if (chunk.length < length) return undefined;
      }
      position += length;
      return chunk.subarray(from, from + length);
    },
    skip(length) {
      position = Math.min(size, position + length);
    },
    close: () => file.close(),
  };
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
