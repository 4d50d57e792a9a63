import { type FileHandle, open } from 'node:fs/promises';
import type { Client } from '../api/client.ts';
import type { ReplayEvent, SessionView } from '../api/schemas.ts';
import { Conflict, UsageError } from '../base/errors.ts';
import { acting } from './acting.ts';
import { exitCodeOfSignal, Interrupted } from './interrupted.ts';
import type { Io } from './io.ts';
import { printLine, warn } from './output.ts';
import { RedrawnLine } from './redrawn-line.ts';
import { ReplayPrinter } from './replay-printer.ts';
import { clockSpan } from './times.ts';

export interface ReplayOptions {
  readonly json: boolean;
  readonly session: string;
  readonly speed: string | undefined;
  readonly wait: boolean;
  /** A file for asciicast v2 instead of showing anything. */
  readonly asciicast: string | undefined;
  /** A file for a page instead. */
  readonly html: string | undefined;
}

export async function run(options: ReplayOptions, io: Io, client: Client): Promise<number> {
  if (options.asciicast !== undefined) return writeAsciicast(options.session, options.asciicast, io, client);
  if (options.html !== undefined) return writePage(options.session, options.html, client);
  const speed = speedOf(options.speed);
  const cut = new AbortController();
  let exitCode: 0 | 130 | 143 = 0;
  const release = io.onSignal((signal) => {
    exitCode = exitCodeOfSignal(signal);
    cut.abort();
  });
  const events = client.stream('sessionReplay', { params: { id: options.session }, signal: cut.signal });
  // JSON is for programs: they get everything at once unless they ask for the pace.
  const paced = options.wait && (!options.json || options.speed !== undefined);
  try {
    const session = await client.call('sessionShow', { params: { id: options.session } });
    const printer = new ReplayPrinter(io.out, session);
    const print = (event: ReplayEvent) => (options.json ? printLine(io, event) : printer.print(event));
    const pace = new Pace(io, speed, lengthOf(session), cut.signal);
    for await (const event of events as AsyncIterable<ReplayEvent>) {
      if (paced) await pace.until(event.at);
      print(event);
    }
  } catch (error) {
    if (!cut.signal.aborted) throw error;
  } finally {
    release();
  }
  return exitCode;
}

/** A player's file of what the session's programs showed. Throws Conflict when there is such a file already. */
async function writeAsciicast(session: string, path: string, io: Io, client: Client): Promise<number> {
  const { Asciicast } = await import('./asciicast.ts');
  const { connection, endUser, id, identity } = await client.call('sessionShow', { params: { id: session } });
  const file = await newFile(path);
  try {
    const lines: string[] = [];
    const cast = new Asciicast(`${acting(identity, endUser)} on ${connection}`, (line) => lines.push(line));
    for await (const event of client.stream('sessionReplay', { params: { id } })) {
      cast.take(event as ReplayEvent);
      await file.writeFile(lines.splice(0).join(''));
    }
    cast.end();
    await file.writeFile(lines.join(''));
    if (cast.events === 0) warn(io, 'the session has no output of programs; the recording is empty');
  } finally {
    await file.close();
  }
  return 0;
}

/** A page that plays the session in a browser. Throws Conflict when there is such a file already. */
async function writePage(id: string, path: string, client: Client): Promise<number> {
  const { ReplayPage } = await import('./replay-page/page.ts');
  const session = await client.call('sessionShow', { params: { id } });
  const file = await newFile(path);
  try {
    const pieces: string[] = [];
    const page = new ReplayPage(session, (html) => pieces.push(html));
    page.begin();
    for await (const event of client.stream('sessionReplay', { params: { id: session.id } })) {
      page.take(event as ReplayEvent);
      if (pieces.length > 200) await file.writeFile(pieces.splice(0).join(''));
    }
    page.end();
    await file.writeFile(pieces.join(''));
  } finally {
    await file.close();
  }
  return 0;
}

async function newFile(path: string): Promise<FileHandle> {
  return open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw new Conflict('cannot_write', `${path} cannot be written`, {
      why: error.code ?? error.message,
      next: 'name a file that does not exist yet',
    });
  });
}

/** ` of 12:03` for a session that has ended. */
function lengthOf({ startedAt, endedAt }: SessionView): string {
  return endedAt === null ? '' : ` of ${clockSpan(Date.parse(endedAt) - Date.parse(startedAt))}`;
}

function speedOf(text: string | undefined): number {
  if (text === undefined) return 1;
  const speed = Number(text.replace(/x$/, ''));
  if (speed > 0 && speed <= 1_000_000) return speed;
  throw new UsageError('bad_speed', `--speed "${text}" is not a factor`, { next: '--speed 4, or --no-wait' });
}

/** Waits as long as it took, divided by the speed; on a terminal a line tells how far the replay is. */
class Pace {
  private readonly io: Io;
  private readonly speed: number;
  private readonly length: string;
  private readonly signal: AbortSignal;
  private readonly line: RedrawnLine;
  private startedAt: number | undefined;

  constructor(io: Io, speed: number, length: string, signal: AbortSignal) {
    this.io = io;
    this.speed = speed;
    this.length = length;
    this.signal = signal;
    this.line = new RedrawnLine(io.err);
  }

  /** `at`: milliseconds since the session began. */
  async until(at: number): Promise<void> {
    this.startedAt ??= this.io.now() - at / this.speed;
    const due = this.startedAt + at / this.speed;
    for (let left = due - this.io.now(); left > 0; left = due - this.io.now()) {
      // Short waits come in hundreds; a line that flickers tells nothing.
      if (this.io.lively && left > 300) {
        this.line.draw(
          `▶ ${clockSpan(at - left * this.speed)}${this.length} · next in ${clockSpan(left)} · Ctrl-C ends`,
        );
      }
      await this.pause(Math.min(left, 500));
    }
    this.line.clear();
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        clearTimeout(timer);
        this.line.clear();
        reject(new Interrupted());
      };
      const timer = setTimeout(() => {
        this.signal.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      if (this.signal.aborted) onAbort();
      else this.signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
