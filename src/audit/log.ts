import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { Internal } from '../base/errors.ts';
import { CHAIN_START, claimedHash, judgeLine } from './entry-line.ts';
import { type AuditJournal, FileAuditLog } from './file-log.ts';
import { offsetOfLast, readLines, sizeOf } from './lines.ts';
import { type CutLine, cutIncompleteLine } from './repair.ts';
import { openSigningKey, parseHead, type SignedHead } from './signed-head.ts';

export const LOG_FILE = 'audit.jsonl';
export const HEADS_FILE = 'heads.jsonl';

export interface AuditLogOptions {
  /** The audit directory; made 0700 when it is missing. */
  readonly dir: string;
  readonly clock: Pick<Clock, 'now'>;
  /** The copy of the last signed head that is kept elsewhere. */
  readonly storedHead?: SignedHead | undefined;
  /**
   * Takes a copy of each head once it is on the disk. Never called when the log or its heads do not contain
   * `storedHead`: the stored copy is then the proof that something was cut away.
   */
  readonly onHead?: (head: SignedHead) => void;
  /** Already replayed. Without one every line is written to the file at once. */
  readonly journaled?: AuditJournal;
}

export interface OpenedAuditLog {
  readonly log: FileAuditLog;
  /** A line that a crash cut off, put aside: the caller appends `daemon.recovered`. */
  readonly cut: CutLine | undefined;
  /** In words, when the log is not what was written and signed: the caller appends that and tells the owner. */
  readonly damage: string | undefined;
}

/**
 * Opens (or begins) the log in `dir` and continues its chain.
 * Throws Internal `audit_key_missing`, `audit_key_unreadable`, or `audit_failed` when the files cannot be opened.
 */
export async function openAuditLog(options: AuditLogOptions): Promise<OpenedAuditLog> {
  const { dir, storedHead } = options;
  const path = join(dir, LOG_FILE);
  const headsPath = join(dir, HEADS_FILE);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const cut = await cutIncompleteLine(path);
    await cutIncompleteLine(headsPath);
    const size = await sizeOf(path);
    const signedHead = await lastHead(headsPath);
    const key = openSigningKey(dir, size === 0 && signedHead === undefined && storedHead === undefined);
    const last = await lastEntry(path, size);
    const damage =
      last.damage ??
      (await missingEntries(path, size, signedHead, 'the last signed head')) ??
      (await missingEntries(path, size, storedHead, 'the stored copy of the last signed head')) ??
      missingHead(signedHead, storedHead);
    const log = new FileAuditLog({
      path,
      headsPath,
      key,
      clock: options.clock,
      end: { seq: last.seq, hash: last.hash, size },
      signed: signedHead?.seq ?? 0,
      onHead: damage === undefined ? (options.onHead ?? (() => {})) : () => {},
      journaled: options.journaled,
    });
    return { log, cut, damage };
  } catch (cause) {
    if (cause instanceof Internal) throw cause;
    throw new Internal('audit_failed', 'the audit log cannot be opened', {
      why: cause instanceof Error ? cause.message : String(cause),
      next: 'hoopctl doctor',
      cause,
    });
  }
}

/** Where the chain goes on. A damaged last line is left for `verifyAudit` to name, and chained to as it stands. */
async function lastEntry(
  path: string,
  size: number,
): Promise<{ readonly seq: number; readonly hash: string; readonly damage?: string }> {
  for await (const line of readLines(path, await offsetOfLast(path, 1, size), size)) {
    const verdict = judgeLine(line.text);
    if (verdict.ok) return verdict.entry;
    const seq = await countLines(path, size);
    return {
      seq,
      hash: claimedHash(line.text, verdict.entry),
      damage: `the last entry (${seq}): ${verdict.message}`,
    };
  }
  return { seq: 0, hash: CHAIN_START };
}

async function countLines(path: string, size: number): Promise<number> {
  let count = 0;
  for await (const _ of readLines(path, 0, size)) count++;
  return count;
}

async function lastHead(path: string): Promise<SignedHead | undefined> {
  const size = await sizeOf(path);
  for await (const line of readLines(path, await offsetOfLast(path, 1, size), size)) {
    return parseHead(line.text);
  }
  return undefined;
}

/** What is wrong when the log does not hold the entry that `head` signed; undefined when it does. */
async function missingEntries(
  path: string,
  size: number,
  head: SignedHead | undefined,
  name: string,
): Promise<string | undefined> {
  if (!head) return undefined;
  let seq = 0;
  // Entry n is line n. Parsing is left for the one that matters.
  for await (const line of readLines(path, 0, size)) {
    seq++;
    if (seq !== head.seq) continue;
    const verdict = judgeLine(line.text);
    if (verdict.ok && verdict.entry.hash === head.hash) return undefined;
    return `entry ${seq} is not the one that ${name} names`;
  }
  return `the log ends at entry ${seq}, ${name} names entry ${head.seq}`;
}

/** A head is stored after it was written, so that the heads never end before the stored one. */
function missingHead(last: SignedHead | undefined, stored: SignedHead | undefined): string | undefined {
  if (!stored || (last?.seq ?? 0) >= stored.seq) return undefined;
  return `the signed head of entry ${stored.seq} is missing`;
}
