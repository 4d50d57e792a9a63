import { createHash, type Hash } from 'node:crypto';
import { closeSync, fdatasync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { Internal } from '../base/errors.ts';
import { FRAME, type FrameKind, type RecordingWriter } from './events.ts';
import {
  CRC_OFFSET,
  FRAME_HEADER_BYTES,
  fileHeader,
  frameCrc,
  MAX_PAYLOAD_BYTES,
  writeFrameHeader,
} from './format.ts';

/**
 * One staging buffer for all writers of the process: an append fills and writes it before it returns, and
 * nothing else runs in between. Copying into it and one write is cheaper than a vectored write of the parts.
 */
const stage = Buffer.allocUnsafeSlow(256 * 1024);
/** UTF-8 needs at most three bytes for a UTF-16 code unit. */
const STAGED_TEXT_UNITS = Math.floor((stage.length - FRAME_HEADER_BYTES) / 3);

/** Byte streams may be cut anywhere, so a long write becomes several frames; JSON may not. */
const CUT_BYTES = 1024 * 1024;

/** What may wait in memory for the next write, in bytes a session. */
const STAGED_BYTES = 8 * 1024;

/** Written bytes that are gathered before they are hashed, a session. */
const UNHASHED_BYTES = 16 * 1024;

/**
 * Creates a session's recording (0600, its directories 0700) and writes the file header.
 * Throws Internal `recording_failed` when it can't, also when the file exists.
 */
export function openRecording(path: string, clock: Pick<Clock, 'monotonic'>): RecordingWriter {
  return new FileWriter(path, clock);
}

class FileWriter implements RecordingWriter {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #began: number;
  readonly #fd: number;
  readonly #hash: Hash = createHash('sha256');
  /** Written bytes that the hash has not seen yet. */
  readonly #unhashed = Buffer.allocUnsafeSlow(UNHASHED_BYTES);
  #unhashedLength = 0;
  #size = 0;
  /** Why nothing more can be written: a failed write may have left half a frame at the end. */
  #broken: unknown;
  #syncing = false;
  /** Frames that wait for the next write. */
  #staged: Buffer | undefined;
  #stagedLength = 0;
  #closed: { readonly size: number; readonly sha256: string } | undefined;

  constructor(path: string, clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
    this.#began = clock.monotonic();
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      this.#fd = openSync(path, 'ax', 0o600);
    } catch (cause) {
      throw failed(cause);
    }
    try {
      this.#write(fileHeader());
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  stage(kind: FrameKind, ...parts: readonly Uint8Array[]): void {
    let length = 0;
    for (const part of parts) length += part.length;
    const whole = FRAME_HEADER_BYTES + length;
    if (whole > STAGED_BYTES) return this.append(kind, ...parts);
    if (this.#stagedLength + whole > STAGED_BYTES) this.commit();
    this.#staged ??= Buffer.allocUnsafeSlow(STAGED_BYTES);
    const frame = this.#staged.subarray(this.#stagedLength, this.#stagedLength + whole);
    let end = FRAME_HEADER_BYTES;
    for (const part of parts) {
      frame.set(part, end);
      end += part.length;
    }
    writeFrameHeader(frame, kind, this.#elapsed(), length);
    frame.writeUInt32BE(frameCrc(frame, frame.subarray(FRAME_HEADER_BYTES)), CRC_OFFSET);
    this.#stagedLength += whole;
  }

  commit(): void {
    if (this.#stagedLength === 0 || this.#staged === undefined) return;
    const staged = this.#staged.subarray(0, this.#stagedLength);
    this.#stagedLength = 0;
    this.#write(staged);
  }

  append(kind: FrameKind, ...parts: readonly Uint8Array[]): void {
    this.commit();
    let length = 0;
    for (const part of parts) length += part.length;
    if (length <= stage.length - FRAME_HEADER_BYTES) {
      let end = FRAME_HEADER_BYTES;
      for (const part of parts) {
        stage.set(part, end);
        end += part.length;
      }
      this.#appendStaged(kind, length);
    } else if (kind === FRAME.client || kind === FRAME.server) {
      for (const part of parts) {
        for (let from = 0; from < part.length; from += CUT_BYTES) {
          this.#appendLong(kind, part.subarray(from, from + CUT_BYTES));
        }
      }
    } else {
      this.#appendLong(kind, Buffer.concat(parts, length));
    }
    if (kind === FRAME.approval) this.#startSync();
  }

  appendJson(kind: FrameKind, value: object): void {
    this.commit();
    const text = JSON.stringify(value);
    if (text.length <= STAGED_TEXT_UNITS) {
      this.#appendStaged(kind, stage.write(text, FRAME_HEADER_BYTES));
    } else {
      this.#appendLong(kind, Buffer.from(text));
    }
    if (kind === FRAME.approval) this.#startSync();
  }

  close(): { readonly size: number; readonly sha256: string } {
    if (this.#closed) return this.#closed;
    this.#commitLast();
    this.#closed = { size: this.#size, sha256: this.#digest() };
    try {
      fsyncSync(this.#fd);
    } catch (cause) {
      throw failed(cause);
    } finally {
      closeSync(this.#fd);
    }
    return this.#closed;
  }

  /** A recording that failed before is closed as it is. */
  #commitLast(): void {
    try {
      this.commit();
    } catch (error) {
      if (this.#broken === undefined) throw error;
    }
  }

  /** The payload stands in the staging buffer, behind the room for its header. */
  #appendStaged(kind: FrameKind, length: number): void {
    writeFrameHeader(stage, kind, this.#elapsed(), length);
    const end = FRAME_HEADER_BYTES + length;
    stage.writeUInt32BE(frameCrc(stage, stage.subarray(FRAME_HEADER_BYTES, end)), CRC_OFFSET);
    this.#write(stage.subarray(0, end));
  }

  #appendLong(kind: FrameKind, payload: Uint8Array): void {
    if (payload.length > MAX_PAYLOAD_BYTES) {
      throw new Internal('recording_failed', 'the recording cannot hold so long a statement');
    }
    writeFrameHeader(stage, kind, this.#elapsed(), payload.length);
    stage.writeUInt32BE(frameCrc(stage, payload), CRC_OFFSET);
    this.#write(stage.subarray(0, FRAME_HEADER_BYTES));
    this.#write(payload);
  }

  #write(bytes: Uint8Array): void {
    if (this.#closed) throw new Internal('recording_failed', 'the recording is closed');
    if (this.#broken !== undefined) throw failed(this.#broken);
    let from = 0;
    try {
      while (from < bytes.length) {
        const written = writeSync(this.#fd, bytes, from, bytes.length - from, null);
        if (written === 0) throw new Error('nothing was written');
        // What is in the file is in the hash, whatever happens next.
        this.#toHash(written === bytes.length ? bytes : bytes.subarray(from, from + written));
        this.#size += written;
        from += written;
      }
    } catch (cause) {
      this.#broken = cause;
      throw failed(cause);
    }
  }

  /** Small writes are hashed together: a call of the hash costs more than copying them. */
  #toHash(bytes: Uint8Array): void {
    if (bytes.length > UNHASHED_BYTES - this.#unhashedLength) {
      if (this.#unhashedLength > 0) this.#hash.update(this.#unhashed.subarray(0, this.#unhashedLength));
      this.#unhashedLength = 0;
      if (bytes.length > UNHASHED_BYTES) {
        this.#hash.update(bytes);
        return;
      }
    }
    this.#unhashed.set(bytes, this.#unhashedLength);
    this.#unhashedLength += bytes.length;
  }

  #digest(): string {
    this.#hash.update(this.#unhashed.subarray(0, this.#unhashedLength));
    return this.#hash.digest('hex');
  }

  #elapsed(): number {
    return Math.max(0, Math.round((this.#clock.monotonic() - this.#began) * 1000));
  }

  /** Towards the disk without waiting for it: a crash of the process loses nothing either way. */
  #startSync(): void {
    if (this.#syncing) return;
    this.#syncing = true;
    fdatasync(this.#fd, (cause) => {
      this.#syncing = false;
      if (cause && !this.#closed) this.#broken = cause;
    });
  }
}

function failed(cause: unknown): Internal {
  return new Internal('recording_failed', 'the session cannot be recorded', {
    why: cause instanceof Error ? cause.message : String(cause),
    next: 'free space or mend permissions in the state directory, then connect again',
    cause,
  });
}
