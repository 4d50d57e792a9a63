import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { pino } from 'pino';
import { EventQueue } from './event-queue.ts';

/** The daemon's own log: events with fields. Never a token, a secret, a statement's text or a row. */
export interface DaemonLog {
  error(event: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(event: string, fields?: Readonly<Record<string, unknown>>): void;
  info(event: string, fields?: Readonly<Record<string, unknown>>): void;
  debug(event: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** A file and five old ones of 10 MiB each: enough for weeks, small enough to forget about. */
const MAX_FILE_BYTES = 10 * 1024 * 1024;
const OLD_FILES = 5;

const MAX_TAIL_BYTES = 1024 * 1024;

/** A log file that makes room for itself: `daemon.log`, `daemon.log.1` … `daemon.log.5`, the oldest removed. */
export class RotatingFile {
  readonly path: string;
  readonly #maxBytes: number;
  readonly #oldFiles: number;
  readonly #readers = new Set<(line: string) => void>();
  #fd: number;
  #size: number;

  constructor(path: string, maxBytes: number = MAX_FILE_BYTES, oldFiles: number = OLD_FILES) {
    this.path = path;
    this.#maxBytes = maxBytes;
    this.#oldFiles = oldFiles;
    this.#fd = openSync(path, 'a+', 0o600);
    this.#size = fstatSync(this.#fd).size;
  }

  /** Never throws: a full disk must not stop the daemon from refusing statements properly. */
  write(line: string): void {
    try {
      const bytes = Buffer.byteLength(line);
      if (this.#size > 0 && this.#size + bytes > this.#maxBytes) this.#rotate();
      this.#size += writeSync(this.#fd, line);
    } catch {
      // There is nowhere left to tell it.
    }
    for (const reader of this.#readers) reader(line);
  }

  onLine(reader: (line: string) => void): () => void {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  /** The last lines of the current file, at most `count` and at most a mebibyte of them. */
  lastLines(count: number): readonly string[] {
    const from = Math.max(0, this.#size - MAX_TAIL_BYTES);
    const bytes = Buffer.alloc(this.#size - from);
    const read = readSync(this.#fd, bytes, 0, bytes.length, from);
    const lines = bytes
      .subarray(0, read)
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '');
    // A first line that was cut into is none.
    return (from > 0 ? lines.slice(1) : lines).slice(-count);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #rotate(): void {
    rmSync(`${this.path}.${this.#oldFiles}`, { force: true });
    for (let i = this.#oldFiles - 1; i >= 0; i--) {
      const from = i === 0 ? this.path : `${this.path}.${i}`;
      try {
        renameSync(from, `${this.path}.${i + 1}`);
      } catch {
        // Fewer old files than there may be.
      }
    }
    const old = this.#fd;
    this.#fd = openSync(this.path, 'a+', 0o600);
    this.#size = fstatSync(this.#fd).size;
    closeSync(old);
  }
}

/** The log's last lines, then each new one until `follow` fires; without it the stream ends. */
export function tailFile(
  file: RotatingFile,
  count: number,
  follow: AbortSignal | undefined,
): AsyncIterable<{ readonly line: string }> {
  const events = new EventQueue<{ readonly line: string }>(follow ?? new AbortController().signal, () =>
    stop(),
  );
  const stop = follow ? file.onLine((line) => events.push({ line: line.trimEnd() })) : () => {};
  for (const line of file.lastLines(count)) events.push({ line });
  if (!follow) events.end();
  return events;
}

/** Logs to `destination` as JSON lines from `level` up. */
export function createDaemonLog(destination: { write(line: string): void }, level: string): DaemonLog {
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  const bind = (at: 'error' | 'warn' | 'info' | 'debug') => {
    return (event: string, fields?: Readonly<Record<string, unknown>>) =>
      logger[at](plainErrors(fields), event);
  };
  return { error: bind('error'), warn: bind('warn'), info: bind('info'), debug: bind('debug') };
}

/**
 * An error as its class, code and stack, never its other properties: drivers hang the statement, its
 * parameters and the connection's settings on theirs.
 */
function plainErrors(fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const plain: Record<string, unknown> = { ...fields };
  for (const [name, value] of Object.entries(plain)) {
    if (!(value instanceof Error)) continue;
    const code = (value as { code?: unknown }).code;
    plain[name] = {
      name: value.name,
      message: value.message,
      ...(typeof code === 'string' ? { code } : {}),
      stack: value.stack?.split('\n').slice(1, 8).join('\n'),
      ...(value.cause instanceof Error ? { cause: `${value.cause.name}: ${value.cause.message}` } : {}),
    };
  }
  return plain;
}
