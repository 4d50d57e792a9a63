import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { HoopError } from '../base/errors.ts';
import { CHAIN_START, claimedHash, judgeLine } from './entry-line.ts';
import { readLines, sizeOf } from './lines.ts';
import { HEADS_FILE, LOG_FILE } from './log.ts';
import { type Broken, makeProblemList, type ProblemList } from './problems.ts';
import { checkRecordings, type RecordingLocator } from './recordings.ts';
import { headIsGenuine, parseHead, readPublicKey, type SignedHead } from './signed-head.ts';

export interface VerifyOptions {
  readonly dir: string;
  /** The copy of the last signed head that is kept elsewhere. */
  readonly storedHead?: SignedHead | undefined;
  /** Where a session's recording lies. */
  readonly recordingPath: RecordingLocator;
}

/** The shape of `auditVerifySchema`. */
export interface AuditReport {
  readonly ok: boolean;
  readonly entries: number;
  readonly recordings: number;
  readonly firstBroken: Broken | null;
  readonly problems: string[];
  /** Entries after the last signed head. */
  readonly unsigned: number;
  readonly head: { readonly seq: number; readonly hash: string; readonly signedAt: string } | null;
}

/**
 * Checks everything the log promises: each line canonical, hashed and chained; each signed head genuine and of
 * this chain; nothing cut off the end; each recording as it was when its session ended. Streams: memory stays
 * flat however long the log is. Never throws for what it finds, only when files cannot be read at all.
 */
export async function verifyAudit(options: VerifyOptions): Promise<AuditReport> {
  const path = join(options.dir, LOG_FILE);
  const headsPath = join(options.dir, HEADS_FILE);
  const problems = makeProblemList();
  // Heads first: a log that grows meanwhile is never shorter than what was signed before.
  const headsSize = await sizeOf(headsPath);
  const size = await sizeOf(path);
  const key = openKey(options.dir, headsSize > 0 || options.storedHead !== undefined, problems);
  const heads = new HeadCheck(readHeads(headsPath, headsSize), key, options.storedHead, problems);

  const { lines, end } = await checkChain(path, size, heads, problems);
  const head = await heads.finish(end);
  const recordings = await checkRecordings(path, size, options.recordingPath, problems);

  return {
    ok: problems.first === null,
    entries: lines,
    recordings,
    firstBroken: problems.first,
    problems: problems.messages,
    unsigned: Math.max(0, end - (head?.seq ?? 0)),
    head: head ? { seq: head.seq, hash: head.hash, signedAt: head.time } : null,
  };
}

/** Returns how many lines there are, and the last one's number. */
async function checkChain(
  path: string,
  size: number,
  heads: HeadCheck,
  problems: ProblemList,
): Promise<{ readonly lines: number; readonly end: number }> {
  let lines = 0;
  let seq = 0;
  let prev = CHAIN_START;
  for await (const line of readLines(path, 0, size)) {
    lines++;
    seq++;
    const verdict = judgeLine(line.text);
    const entry = verdict.entry;
    if (!line.complete) problems.add(seq, 'the last line is incomplete');
    if (!verdict.ok) problems.add(seq, verdict.message);
    if (entry && entry.seq !== seq) {
      problems.add(seq, `entry ${entry.seq} stands in its place: entries were removed, added or moved`);
      // Counting on from there names what else is wrong instead of every later entry.
      if (verdict.ok) seq = entry.seq;
    }
    if (entry && entry.prev !== prev) {
      problems.add(seq, 'it does not follow the entry before it: entries were removed, added or changed');
    }
    prev = claimedHash(line.text, entry);
    await heads.at(seq, prev);
  }
  return { lines, end: seq };
}

/** Walks the signed heads beside the chain. */
class HeadCheck {
  readonly #heads: AsyncIterator<SignedHead | undefined>;
  readonly #key: KeyObject | undefined;
  readonly #stored: SignedHead | undefined;
  readonly #problems: ProblemList;
  #next: SignedHead | undefined;
  #last: SignedHead | undefined;
  #storedFound = false;
  #started = false;

  constructor(
    heads: AsyncIterator<SignedHead | undefined>,
    key: KeyObject | undefined,
    stored: SignedHead | undefined,
    problems: ProblemList,
  ) {
    this.#heads = heads;
    this.#key = key;
    this.#stored = stored;
    this.#problems = problems;
  }

  /** Entry `seq` of the chain has this hash. */
  async at(seq: number, hash: string): Promise<void> {
    if (!this.#started) await this.#advance(seq);
    while (this.#next && this.#next.seq <= seq) {
      if (this.#next.seq === seq && this.#next.hash !== hash) {
        this.#problems.add(seq, 'it is not the entry that was signed: the log was rewritten');
      }
      await this.#advance(seq);
    }
    if (this.#stored?.seq === seq && this.#stored.hash !== hash) {
      this.#problems.add(seq, 'it is not the entry that the stored head names: the log was rewritten');
    }
  }

  /** The chain has ended at entry `entries`; returns the last genuine head. */
  async finish(entries: number): Promise<SignedHead | undefined> {
    if (!this.#started) await this.#advance(entries);
    while (this.#next) {
      if (this.#next.seq > entries) this.#tooShort(entries, 'a signed head', this.#next);
      await this.#advance(entries);
    }
    const stored = this.#stored;
    if (stored && this.#key && !headIsGenuine(this.#key, stored)) {
      this.#problems.add(stored.seq, 'the stored head does not carry the signature of the key in place');
    }
    if (stored && stored.seq > entries) this.#tooShort(entries, 'the stored head', stored);
    // A head is stored after it was written: heads that came later do not make up for it.
    if (stored && !this.#storedFound) {
      this.#problems.add(stored.seq, 'its signed head is missing');
    }
    return this.#last;
  }

  #tooShort(entries: number, name: string, head: SignedHead): void {
    this.#problems.add(
      entries + 1,
      `it is missing: the log ends at entry ${entries}, ${name} names entry ${head.seq}`,
    );
  }

  /** To the next genuine head; others are problems and say nothing about the chain. */
  async #advance(seq: number): Promise<void> {
    this.#started = true;
    for (;;) {
      const { done, value: head } = await this.#heads.next();
      this.#next = undefined;
      if (done) return;
      if (!head) {
        this.#problems.add(seq, 'a signed head near it is unreadable');
      } else if (!this.#key || !headIsGenuine(this.#key, head)) {
        this.#problems.add(head.seq, 'its signed head is not genuine');
      } else if (this.#last && head.seq <= this.#last.seq) {
        this.#problems.add(
          head.seq,
          'its head was signed after that of a later entry: the log was cut and continued',
        );
      } else {
        this.#last = head;
        this.#next = head;
        this.#storedFound ||= head.seq === this.#stored?.seq;
        return;
      }
    }
  }
}

async function* readHeads(path: string, size: number): AsyncGenerator<SignedHead | undefined, void, void> {
  for await (const line of readLines(path, 0, size)) yield parseHead(line.text);
}

function openKey(dir: string, needed: boolean, problems: ProblemList): KeyObject | undefined {
  if (!needed) return undefined;
  try {
    return readPublicKey(dir);
  } catch (error) {
    problems.add(null, error instanceof HoopError ? error.message : String(error));
    return undefined;
  }
}
