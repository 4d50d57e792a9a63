import type { KeyObject } from 'node:crypto';
import { closeSync, fdatasync, fdatasyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Clock } from '../base/clock.ts';
import { Internal } from '../base/errors.ts';
import { FRESH_FOR, type Journal, type JournaledFile, type JournalPlace } from '../journal/journal.ts';
import type { AuditEntry, AuditEvent, AuditLog } from './entry.ts';
import {
  MAX_LINE_BYTES,
  mostLineBytes,
  type PreparedEvent,
  prepareEvent,
  writeEntryLine,
} from './entry-line.ts';
import { headLine, type SignedHead, signHead } from './signed-head.ts';

/** Entries after which the head is signed without being asked. */
const SIGN_EVERY = 1000;
/** It is not signed more often than that, in milliseconds: a sync and a signature for each thousand cost a busy daemon a twentieth of its time. */
const SIGN_PAUSE = 1000;

/** What waits in memory, or in the journal, for the next write to the file, in bytes. */
const PENDING_BYTES = 256 * 1024;
/** Room for it; it grows where one turn brings more. */
const PENDING_ROOM = 2 * PENDING_BYTES;

const sync = promisify(fdatasync);

export interface FileLogParts {
  readonly path: string;
  readonly headsPath: string;
  readonly key: KeyObject;
  readonly clock: Pick<Clock, 'now'>;
  /** The last entry in the file, and the file's size in bytes. */
  readonly end: { readonly seq: number; readonly hash: string; readonly size: number };
  /** The last entry whose head is signed. */
  readonly signed: number;
  readonly onHead: (head: SignedHead) => void;
  readonly journaled?: AuditJournal | undefined;
}

/** Where lines may stand first. */
export interface AuditJournal {
  readonly journal: Journal;
  /** The log's, below the directory that the journal speaks of. */
  readonly path: string;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** The log in a file, opened by `openAuditLog`. One process appends. */
export class FileAuditLog implements AuditLog {
  readonly path: string;
  readonly #journal: AuditJournal | undefined;
  readonly #place: JournalPlace | undefined;
  readonly #parts: FileLogParts;
  readonly #fd: number;
  readonly #headsFd: number;
  #seq: number;
  #hash: string;
  #size: number;
  #signed: number;
  #broken: unknown;
  /** Lines that the file does not have yet: first those that were committed to the journal, then staged ones. */
  #pending = Buffer.allocUnsafeSlow(PENDING_ROOM);
  #pendingLength = 0;
  #committedLength = 0;
  /** The end of the chain behind the staged lines. */
  #staged: { seq: number; hash: string };
  /** When the file was last written to, by the journal's clock. */
  #writtenAt = Number.NEGATIVE_INFINITY;
  /** Some of the staged lines are another's, who is told by `commitTurn` when they are lost. */
  #deferred = false;
  #lost: unknown;
  /** Entries since a head was last asked for here, and when that was. */
  #unasked = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #closed = false;
  #syncing: Promise<void> | undefined;
  readonly #listeners = new Set<() => void>();
  /** Frozen events, which a session appends again and again. */
  readonly #prepared = new WeakMap<AuditEvent, PreparedEvent>();
  #time = { ms: Number.NaN, text: '' };

  constructor(parts: FileLogParts) {
    this.path = parts.path;
    this.#parts = parts;
    this.#journal = parts.journaled;
    const file: JournaledFile = { path: parts.journaled?.path ?? '', settle: () => this.settle() };
    this.#place = this.#journal?.journal.place(file);
    this.#seq = parts.end.seq;
    this.#hash = parts.end.hash;
    this.#size = parts.end.size;
    this.#staged = { seq: this.#seq, hash: this.#hash };
    this.#signed = Math.min(parts.signed, parts.end.seq);
    this.#fd = openSync(parts.path, 'a', 0o600);
    this.#headsFd = openSync(parts.headsPath, 'a', 0o600);
  }

  /** Bytes of complete lines in the file: readers stop here. `settle` brings it to the last one. */
  get size(): number {
    return this.#size;
  }

  /** Entries that no signed head covers yet. */
  get unsigned(): number {
    return this.#seq - this.#signed;
  }

  append(event: AuditEvent): AuditEntry {
    const prev = this.#staged.hash;
    this.#stage(event);
    const { seq, hash } = this.#staged;
    const entry = {
      kind: event.kind,
      actor: event.actor,
      facts: event.facts,
      seq,
      time: this.#time.text,
      prev,
      hash,
    };
    this.commit();
    return entry;
  }

  stage(event: AuditEvent): void {
    this.#stage(event);
    this.#deferred = true;
  }

  commit(): void {
    if (this.#pendingLength === this.#committedLength) return;
    try {
      this.#writePending();
    } catch (error) {
      this.#dropStaged(error);
      throw error;
    }
    this.#advance();
  }

  commitTurn(): void {
    const lost = this.#lost;
    this.#lost = undefined;
    if (lost !== undefined) throw lost;
    // Recordings first where not all goes in one write, so that what was audited can be looked up.
    const together = this.#fresh && this.#pendingLength > this.#committedLength;
    if (!together) this.#journal?.journal.commit();
    if (!together || this.#place === undefined) return this.commit();
    try {
      const { journal } = this.#journal ?? {};
      this.#place.stage(
        this.#size + this.#committedLength,
        this.#pending,
        this.#committedLength,
        this.#pendingLength,
      );
      journal?.commit();
    } catch (error) {
      this.#dropStaged();
      throw error;
    }
    this.#advance();
  }

  /** The journal may take the next lines. */
  get #fresh(): boolean {
    if (this.#journal === undefined || this.#pendingLength > PENDING_BYTES) return false;
    return this.#journal.clock.monotonic() - this.#writtenAt <= FRESH_FOR;
  }

  settle(): void {
    this.#writePending();
    this.#place?.settled();
    this.#advance();
  }

  /** What was staged is written. */
  #advance(): void {
    const { seq, hash } = this.#staged;
    this.#committedLength = this.#pendingLength;
    if (seq === this.#seq) return;
    this.#unasked += seq - this.#seq;
    this.#seq = seq;
    this.#hash = hash;
    this.#deferred = false;
    if (this.#unasked >= SIGN_EVERY && Math.abs(this.#time.ms - this.#askedAt) >= SIGN_PAUSE) {
      this.#unasked = 0;
      this.#askedAt = this.#time.ms;
      void this.checkpoint();
    }
    for (const listener of this.#listeners) listener();
  }

  /** `cause` is for those whose lines are lost with it and who do not hear of it otherwise. */
  #dropStaged(cause?: unknown): void {
    if (this.#deferred) this.#lost = cause;
    this.#deferred = false;
    this.#pendingLength = this.#committedLength;
    this.#staged = { seq: this.#seq, hash: this.#hash };
  }

  #stage(event: AuditEvent): void {
    if (this.#closed) throw failed(new Error('the log is closed'));
    if (this.#broken !== undefined) throw failed(this.#broken);
    const prepared = this.#prepare(event);
    const room = mostLineBytes(prepared);
    if (room > MAX_LINE_BYTES) throw failed(new Error('the entry is too long'));
    this.#makeRoom(room);
    const place = { seq: this.#staged.seq + 1, time: this.#now(), prev: this.#staged.hash };
    const { end, hash } = writeEntryLine(this.#pending, this.#pendingLength, prepared, place);
    this.#pendingLength = end;
    this.#staged = { seq: place.seq, hash };
  }

  #makeRoom(bytes: number): void {
    if (this.#pendingLength + bytes <= this.#pending.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.#pending.length, this.#pendingLength + bytes));
    this.#pending.copy(grown, 0, 0, this.#pendingLength);
    this.#pending = grown;
  }

  checkpoint(): Promise<void> {
    if (this.#closed || this.unsigned === 0) return this.#syncing ?? Promise.resolve();
    // What was appended while a sync ran needs another one.
    this.#syncing = (this.#syncing ?? Promise.resolve()).then(() => this.#syncAndSign());
    return this.#syncing;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.settle();
      fdatasyncSync(this.#fd);
      const head = this.#appendHead(this.#seq, this.#hash);
      fdatasyncSync(this.#headsFd);
      if (head) this.#parts.onHead(head);
    } catch (cause) {
      throw failed(cause);
    } finally {
      closeSync(this.#fd);
      closeSync(this.#headsFd);
    }
  }

  /** Calls `listener` after each entry; returns what ends that. */
  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The entry is on the disk before its head is signed, so that a machine that stops leaves no head without its entry. */
  async #syncAndSign(): Promise<void> {
    if (this.#closed || this.unsigned === 0) return;
    const seq = this.#seq;
    const hash = this.#hash;
    try {
      this.settle();
      await sync(this.#fd);
      if (this.#closed) return;
      const head = this.#appendHead(seq, hash);
      await sync(this.#headsFd);
      if (head && !this.#closed) this.#parts.onHead(head);
    } catch (cause) {
      if (!this.#closed) this.#broken = cause;
    }
  }

  #appendHead(seq: number, hash: string): SignedHead | undefined {
    if (seq <= this.#signed) return undefined;
    const head = signHead(this.#parts.key, { seq, hash, time: this.#now() });
    const line = Buffer.from(`${headLine(head)}\n`);
    if (writeSync(this.#headsFd, line) !== line.length) throw new Error('a signed head was written in part');
    this.#signed = seq;
    return head;
  }

  #prepare(event: AuditEvent): PreparedEvent {
    const known = this.#prepared.get(event);
    if (known) return known;
    try {
      const prepared = prepareEvent(event);
      if (Object.isFrozen(event)) this.#prepared.set(event, prepared);
      return prepared;
    } catch (cause) {
      throw failed(cause);
    }
  }

  /** All that the file does not have, or nothing of it. */
  #writePending(): void {
    const length = this.#pendingLength;
    if (length === 0) return;
    try {
      const written = writeSync(this.#fd, this.#pending, 0, length);
      if (written !== length) throw new Error('an entry was written in part');
    } catch (cause) {
      this.#takeBack(cause);
      throw failed(cause);
    }
    this.#writtenAt = this.#journal?.clock.monotonic() ?? 0;
    this.#size += length;
    this.#pendingLength = this.#committedLength = 0;
    if (this.#pending.length > PENDING_ROOM) this.#pending = Buffer.allocUnsafeSlow(PENDING_ROOM);
  }

  /** Part of what was written must not stay at the end: when there is room again the log goes on. */
  #takeBack(cause: unknown): void {
    try {
      ftruncateSync(this.#fd, this.#size);
    } catch {
      this.#broken = cause;
    }
  }

  #now(): string {
    const ms = this.#parts.clock.now();
    if (ms !== this.#time.ms) this.#time = { ms, text: new Date(ms).toISOString() };
    return this.#time.text;
  }
}

function failed(cause: unknown): Internal {
  return new Internal('audit_failed', 'the audit log cannot be written', {
    why: cause instanceof Error ? cause.message : String(cause),
    next: 'free space or mend permissions in the state directory',
    cause,
  });
}
