import { createHash, type Hash } from 'node:crypto';
import { closeSync, fdatasync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { Internal } from '../base/errors.ts';
import { FRESH_FOR, type Journal, type JournaledFile, type JournalPlace } from '../journal/journal.ts';
import { FRAME, type FrameKind, type RecordingWriter } from './events.ts';
import {
  CRC_OFFSET,
  FRAME_HEADER_BYTES,
  fileHeader,
  frameCrc,
  MAX_PAYLOAD_BYTES,
  sealFrame,
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

/** What may wait in memory, or in the journal, for the next write to the file, in bytes a session. */
const PENDING_BYTES = 16 * 1024;

/** Written bytes that are gathered before they are hashed, a session. */
const UNHASHED_BYTES = 16 * 1024;

/** The journal, and where the recording lies below the directory that the journal speaks of. */
export interface RecordingJournal {
  readonly journal: Journal;
  readonly path: string;
}

/**
 * Creates a session's recording (0600, its directories 0700) and writes the file header.
 * Throws Internal `recording_failed` when it can't, also when the file exists.
 */
export function openRecording(
  path: string,
  clock: Pick<Clock, 'monotonic'>,
  journaled?: RecordingJournal,
): RecordingWriter {
  return new FileWriter(path, clock, journaled);
}

class FileWriter implements RecordingWriter, JournaledFile {
  readonly path: string;
  readonly #journal: JournalPlace | undefined;
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
  /** Frames that wait for the next write to the file, `#journaled` bytes of them in the journal. */
  #pending: Buffer | undefined;
  #pendingLength = 0;
  #journaled = 0;
  /** When the file was last written to, by the monotonic clock. */
  #writtenAt = 0;
  /** When the last frame was staged. */
  #stagedAt = 0;
  #closed: { readonly size: number; readonly sha256: string } | undefined;
  #fdOpen = true;
  /** The last write of pending frames failed; they are still to be written. */
  #stuck = false;
  /** It is to be closed as soon as what the journal holds of it stands in the file. */
  #closing = false;

  constructor(path: string, clock: Pick<Clock, 'monotonic'>, journaled: RecordingJournal | undefined) {
    this.path = journaled?.path ?? path;
    this.#journal = journaled?.journal.place(this);
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

  stage(kind: FrameKind, parts: readonly Uint8Array[], now = this.#clock.monotonic()): void {
    let length = 0;
    for (const part of parts) length += part.length;
    const whole = FRAME_HEADER_BYTES + length;
    if (whole > PENDING_BYTES) return this.append(kind, ...parts);
    if (this.#pendingLength + whole > PENDING_BYTES) this.settle();
    this.#pending ??= Buffer.allocUnsafeSlow(PENDING_BYTES);
    const start = this.#pendingLength;
    let end = start + FRAME_HEADER_BYTES;
    for (const part of parts) {
      this.#pending.set(part, end);
      end += part.length;
    }
    writeFrameHeader(this.#pending, start, { kind, at: this.#elapsed(now), length });
    this.#stagedAt = now;
    sealFrame(this.#pending, start, end);
    this.#pendingLength = end;
  }

  prepare(): void {
    if (this.#journaled === this.#pendingLength || this.#pending === undefined) return;
    const fresh = this.#stagedAt - this.#writtenAt <= FRESH_FOR;
    if (this.#journal === undefined || !fresh || this.#stuck || this.#broken !== undefined) {
      return this.settle();
    }
    const offset = this.#size + this.#journaled;
    this.#journal.stage(offset, this.#pending, this.#journaled, this.#pendingLength);
    this.#journaled = this.#pendingLength;
  }

  commit(): void {
    if (this.#journaled < this.#pendingLength) this.settle();
  }

  settle(): void {
    if (this.#pending !== undefined && this.#pendingLength > 0) this.#writePending(this.#pending);
    this.#journal?.settled();
    if (this.#closing) this.#closeFile();
  }

  /** What could not be written waits for the next time, since the journal may count on it. */
  #writePending(pending: Buffer): void {
    const before = this.#size;
    try {
      this.#stuck = true;
      this.#write(pending.subarray(0, this.#pendingLength));
      this.#stuck = false;
    } finally {
      const written = this.#size - before;
      pending.copyWithin(0, written, this.#pendingLength);
      this.#pendingLength -= written;
      this.#journaled = Math.max(0, this.#journaled - written);
    }
  }

  append(kind: FrameKind, ...parts: readonly Uint8Array[]): void {
    this.settle();
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
    this.settle();
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
    this.#settleLast();
    this.#closed = { size: this.#size, sha256: this.#digest() };
    this.#closeFile();
    return this.#closed;
  }

  /** A recording that failed before is closed as it is, unless the journal holds more of it: then that closes it. */
  #settleLast(): void {
    try {
      this.settle();
    } catch (error) {
      if (this.#journaled === 0) return this.#journal?.settled();
      this.#closing = true;
      throw error;
    }
  }

  #closeFile(): void {
    if (!this.#fdOpen) return;
    this.#fdOpen = false;
    try {
      fsyncSync(this.#fd);
    } catch (cause) {
      throw failed(cause);
    } finally {
      closeSync(this.#fd);
    }
  }

  /** The payload stands in the staging buffer, behind the room for its header. */
  #appendStaged(kind: FrameKind, length: number): void {
    writeFrameHeader(stage, 0, { kind, at: this.#elapsed(), length });
    const end = FRAME_HEADER_BYTES + length;
    sealFrame(stage, 0, end);
    this.#write(stage.subarray(0, end));
  }

  #appendLong(kind: FrameKind, payload: Uint8Array): void {
    if (payload.length > MAX_PAYLOAD_BYTES) {
      throw new Internal('recording_failed', 'the recording cannot hold so long a statement');
    }
    writeFrameHeader(stage, 0, { kind, at: this.#elapsed(), length: payload.length });
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
      this.#writtenAt = this.#clock.monotonic();
    } catch (cause) {
      if (!this.#stuck) this.#broken = cause;
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

  #elapsed(now = this.#clock.monotonic()): number {
    return Math.max(0, Math.round((now - this.#began) * 1000));
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
