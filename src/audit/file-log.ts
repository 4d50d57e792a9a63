import type { KeyObject } from 'node:crypto';
import { closeSync, fdatasync, fdatasyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Clock } from '../base/clock.ts';
import { Internal } from '../base/errors.ts';
import type { AuditEntry, AuditEvent, AuditLog } from './entry.ts';
import { entryLine, MAX_LINE_BYTES, type PreparedEvent, prepareEvent } from './entry-line.ts';
import { headLine, type SignedHead, signHead } from './signed-head.ts';

/** Entries after which the head is signed without being asked. */
const SIGN_EVERY = 1000;

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
}

/** The log in a file, opened by `openAuditLog`. One process appends. */
export class FileAuditLog implements AuditLog {
  readonly path: string;
  readonly #parts: FileLogParts;
  readonly #fd: number;
  readonly #headsFd: number;
  #seq: number;
  #hash: string;
  #size: number;
  #signed: number;
  #broken: unknown;
  /** Lines that wait for `commit`, and the end of the chain behind them. */
  #staged: { readonly lines: string; readonly seq: number; readonly hash: string; readonly count: number };
  /** Entries since a head was last asked for here. */
  #unasked = 0;
  #closed = false;
  #syncing: Promise<void> | undefined;
  readonly #listeners = new Set<() => void>();
  /** Texts of frozen events, which a session appends again and again. */
  readonly #prepared = new WeakMap<AuditEvent, PreparedEvent>();
  #time = { ms: Number.NaN, text: '' };

  constructor(parts: FileLogParts) {
    this.path = parts.path;
    this.#parts = parts;
    this.#seq = parts.end.seq;
    this.#hash = parts.end.hash;
    this.#size = parts.end.size;
    this.#staged = { lines: '', seq: this.#seq, hash: this.#hash, count: 0 };
    this.#signed = Math.min(parts.signed, parts.end.seq);
    this.#fd = openSync(parts.path, 'a', 0o600);
    this.#headsFd = openSync(parts.headsPath, 'a', 0o600);
  }

  /** Bytes of complete lines: readers stop here. */
  get size(): number {
    return this.#size;
  }

  /** Entries that no signed head covers yet. */
  get unsigned(): number {
    return this.#seq - this.#signed;
  }

  append(event: AuditEvent): AuditEntry {
    const place = this.#stage(event);
    this.commit();
    return { kind: event.kind, actor: event.actor, facts: event.facts, ...place };
  }

  stage(event: AuditEvent): void {
    this.#stage(event);
  }

  commit(): void {
    const { lines, seq, hash, count } = this.#staged;
    if (count === 0) return;
    this.#staged = { lines: '', seq: this.#seq, hash: this.#hash, count: 0 };
    this.#write(lines);
    this.#seq = seq;
    this.#hash = hash;
    this.#unasked += count;
    if (this.#unasked >= SIGN_EVERY) {
      this.#unasked = 0;
      void this.checkpoint();
    }
    this.#staged = { lines: '', seq, hash, count: 0 };
    for (const listener of this.#listeners) listener();
  }

  #stage(event: AuditEvent): { seq: number; time: string; prev: string; hash: string } {
    if (this.#closed) throw failed(new Error('the log is closed'));
    if (this.#broken !== undefined) throw failed(this.#broken);
    const { lines, seq, hash: prev, count } = this.#staged;
    const place = { seq: seq + 1, time: this.#now(), prev };
    const { line, hash } = entryLine(this.#prepare(event), place);
    if (line.length > MAX_LINE_BYTES / 3) throw failed(new Error('the entry is too long'));
    this.#staged = { lines: `${lines}${line}\n`, seq: place.seq, hash, count: count + 1 };
    return { ...place, hash };
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

  #write(lines: string): void {
    try {
      const written = writeSync(this.#fd, lines);
      if (written !== Buffer.byteLength(lines)) throw new Error('an entry was written in part');
      this.#size += written;
    } catch (cause) {
      this.#takeBack(cause);
      throw failed(cause);
    }
  }

  /** Part of what was staged must not stay at the end: when there is room again the log goes on. */
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
