import { crc32 } from '../base/crc32.ts';

/**
 * The journal is one file of a fixed size, written over again and again. All numbers are big-endian.
 *
 *     batch   generation u32 · payload length u32 · crc32 u32 · payload (records)
 *     record  kind u8 · zero u8 · file number u32 · offset u48 · length u32 · bytes
 *
 * A batch's crc32 covers its first 8 bytes and its payload. Batches of one generation lie one behind the other from
 * the file's start; the first that is not of that generation, or damaged, ends them.
 */
export const BATCH_HEADER_BYTES = 12;
export const RECORD_HEADER_BYTES = 16;

export const RECORD = {
  /** The bytes are the path of a file, below the state directory; what follows calls it by its number. */
  name: 1,
  /** The bytes belong to that file at that offset. */
  data: 2,
} as const;
export type RecordKind = (typeof RECORD)[keyof typeof RECORD];

export interface JournalRecord {
  readonly kind: RecordKind;
  readonly file: number;
  /** In bytes; 0 for a name. */
  readonly offset: number;
  readonly bytes: Buffer;
}

/** Writes a record's header at `at`; its bytes go behind it. */
export function writeRecordHeader(
  into: Buffer,
  at: number,
  { kind, file, offset, length }: Pick<JournalRecord, 'kind' | 'file' | 'offset'> & { length: number },
): void {
  into[at] = kind;
  into[at + 1] = 0;
  into.writeUInt32BE(file, at + 2);
  into.writeUIntBE(offset, at + 6, 6);
  into.writeUInt32BE(length, at + 12);
}

/** Completes a batch that stands at the start of `batch`, `end` bytes long with its header. */
export function sealBatch(batch: Buffer, generation: number, end: number): void {
  batch.writeUInt32BE(generation, 0);
  batch.writeUInt32BE(end - BATCH_HEADER_BYTES, 4);
  batch.writeUInt32BE(crcOf(batch, 0, end), 8);
}

function crcOf(bytes: Buffer, start: number, end: number): number {
  return crc32(bytes, start + BATCH_HEADER_BYTES, end, crc32(bytes, start, start + 8));
}

/** The records of the journal's last generation, in order. Never throws, whatever the bytes are. */
export function* readJournal(journal: Buffer): Generator<JournalRecord, void, void> {
  if (journal.length < BATCH_HEADER_BYTES) return;
  const generation = journal.readUInt32BE(0);
  let at = 0;
  while (at + BATCH_HEADER_BYTES <= journal.length && journal.readUInt32BE(at) === generation) {
    const end = at + BATCH_HEADER_BYTES + journal.readUInt32BE(at + 4);
    if (end === at + BATCH_HEADER_BYTES || end > journal.length) return;
    if (journal.readUInt32BE(at + 8) !== crcOf(journal, at, end)) return;
    yield* readRecords(journal.subarray(at + BATCH_HEADER_BYTES, end));
    at = end;
  }
}

function* readRecords(payload: Buffer): Generator<JournalRecord, void, void> {
  for (let at = 0; at + RECORD_HEADER_BYTES <= payload.length; ) {
    const kind = payload[at];
    const end = at + RECORD_HEADER_BYTES + payload.readUInt32BE(at + 12);
    if ((kind !== RECORD.name && kind !== RECORD.data) || end > payload.length) return;
    yield {
      kind,
      file: payload.readUInt32BE(at + 2),
      offset: payload.readUIntBE(at + 6, 6),
      bytes: payload.subarray(at + RECORD_HEADER_BYTES, end),
    };
    at = end;
  }
}
