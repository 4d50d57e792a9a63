import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';
import { Internal } from '../base/errors.ts';
import { BATCH_HEADER_BYTES, RECORD, RECORD_HEADER_BYTES, sealBatch, writeRecordHeader } from './format.ts';

/** Written once when it is opened, so that writing it over needs no room on the disk. */
export const JOURNAL_BYTES = 4 * 1024 * 1024;

/** What one write carries at most. */
const BATCH_BYTES = 256 * 1024;

/**
 * How old a file's last own write may be for the next bytes to go to the journal only, in milliseconds. Whoever
 * writes seldom writes to its file at once, and learns at once that the disk is full.
 */
export const FRESH_FOR = 10;

/** After this many milliseconds what stands in the journal stands in the files too. */
const SETTLE_AFTER = 20;
/** Where that failed, it is tried again after this many milliseconds. */
const SETTLE_AGAIN_AFTER = 1000;

/** A file that is only appended to, and whose last bytes may stand in the journal alone. */
export interface JournaledFile {
  /** Below the directory that `replayJournal` is given. */
  readonly path: string;
  /** Appends to the file what it lacks. Throws when it cannot; to be called again then. */
  settle(): void;
}

/** How a file stages its bytes. */
export interface JournalPlace {
  /** The file's next bytes, which begin at `offset`, to be written with the next `commit`. They are copied. */
  stage(offset: number, bytes: Buffer, start: number, end: number): void;
  /** The file has all its bytes. */
  settled(): void;
}

/**
 * A write-ahead journal: what many files are to hold is written in one write, and to the files later, in larger
 * pieces. After a `kill -9` `replayJournal` gives each file what it lacks. Like the files themselves it is not
 * synced: it holds against the end of the process, not of the machine.
 */
export class Journal {
  readonly #fd: number;
  readonly #after: Clock['after'];
  readonly #failed: (error: unknown) => void;
  readonly #batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
  readonly #unsettled = new Set<JournaledFile>();
  #length = BATCH_HEADER_BYTES;
  #position = 0;
  #generation = 1;
  #files = 0;
  /** The last batch could not be written, and the names in it are missing: the journal must begin anew. */
  #torn = false;
  #cancelTimer: (() => void) | undefined;

  /**
   * Begins the journal at `path` anew (mode 0600): it must have been replayed. `failed` hears of files that cannot
   * take their bytes. Throws Internal `journal_failed`.
   */
  constructor(path: string, clock: Pick<Clock, 'after'>, failed: (error: unknown) => void) {
    this.#after = clock.after.bind(clock);
    this.#failed = failed;
    try {
      this.#fd = openSync(path, 'w', 0o600);
      const zeros = Buffer.alloc(64 * 1024);
      for (let at = 0; at < JOURNAL_BYTES; at += zeros.length) writeWhole(this.#fd, zeros, zeros.length, at);
    } catch (cause) {
      throw journalFailed(cause);
    }
  }

  /** A place for one file. */
  place(file: JournaledFile): JournalPlace {
    const number = ++this.#files;
    let named = -1;
    return {
      stage: (offset, bytes, start, end) => {
        if (named !== this.#generation) this.#append(RECORD.name, number, 0, Buffer.from(file.path));
        named = this.#generation;
        this.#append(RECORD.data, number, offset, bytes, start, end);
        this.#unsettled.add(file);
      },
      settled: () => this.#unsettled.delete(file),
    };
  }

  #append(kind: 1 | 2, file: number, offset: number, bytes: Buffer, start = 0, end = bytes.length): void {
    const length = end - start;
    if (this.#length + RECORD_HEADER_BYTES + length > BATCH_BYTES) this.commit();
    writeRecordHeader(this.#batch, this.#length, { kind, file, offset, length });
    const from = this.#length + RECORD_HEADER_BYTES;
    if (bytes.copy(this.#batch, from, start, end) !== length) {
      throw journalFailed(new Error('a record is longer than a batch'));
    }
    this.#length = from + length;
  }

  /** Writes what was staged, all in one. Throws Internal `journal_failed`: then none of it counts as written. */
  commit(): void {
    const length = this.#length;
    if (length === BATCH_HEADER_BYTES) return;
    // The files themselves take it where there is no room, and then it need not stand here.
    if (this.#torn || this.#position + length > JOURNAL_BYTES) return this.settle();
    this.#length = BATCH_HEADER_BYTES;
    sealBatch(this.#batch, this.#generation, length);
    try {
      writeWhole(this.#fd, this.#batch, length, this.#position);
    } catch (cause) {
      this.#torn = true;
      throw journalFailed(cause);
    }
    this.#position += length;
    this.#cancelTimer ??= this.#after(SETTLE_AFTER, this.#settleLater);
  }

  /** Brings all files up to date. Throws what the first that could not be gave; the others are. */
  settle(): void {
    let failure: unknown;
    for (const file of [...this.#unsettled]) {
      try {
        file.settle();
        this.#unsettled.delete(file);
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#length = BATCH_HEADER_BYTES;
    this.#position = 0;
    this.#torn = false;
    this.#generation = (this.#generation + 1) % 2 ** 32;
  }

  readonly #settleLater = (): void => {
    this.#cancelTimer = undefined;
    try {
      this.settle();
    } catch (error) {
      this.#failed(error);
      this.#cancelTimer = this.#after(SETTLE_AGAIN_AFTER, this.#settleLater);
    }
  };

  /** Settles and closes; what could not be settled stays in the journal for the next start. Never throws. */
  close(): void {
    try {
      this.settle();
      ftruncateSync(this.#fd, 0);
    } catch (error) {
      this.#failed(error);
    }
    this.#cancelTimer?.();
    closeSync(this.#fd);
  }
}

function writeWhole(fd: number, bytes: Buffer, length: number, position: number): void {
  for (let from = 0; from < length; ) {
    const written = writeSync(fd, bytes, from, length - from, position + from);
    if (written === 0) throw new Error('nothing was written');
    from += written;
  }
}

function journalFailed(cause: unknown): Internal {
  return new Internal('journal_failed', 'the session cannot be recorded', {
    why: cause instanceof Error ? cause.message : String(cause),
    next: 'free space or mend permissions in the state directory, then connect again',
    cause,
  });
}
