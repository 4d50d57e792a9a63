import type { Judged } from '../desk.ts';

export type OutputStream = 'stdout' | 'stderr';

/** In characters. */
export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

/** How a program ended; a code of undefined: nobody knows. */
export type Exit =
  | { readonly code: number | undefined }
  | { readonly signal: string; readonly core: boolean };

/** What a program at the target prints, and how it ends. */
export interface ProgramOutput {
  readonly stdout: NodeJS.ReadableStream;
  readonly stderr: NodeJS.ReadableStream;
  /** Settles when it has ended and nothing more can come of it. */
  readonly exit: Promise<Exit>;
}

/** A program that runs at the target. */
export interface RunningProgram<Size extends TerminalSize> extends ProgramOutput {
  /** Bytes that wait to be sent to it. */
  readonly unsent: number;
  /** False when more waits than should; then `drained` is called once, when that is over. */
  write(bytes: Buffer, drained?: () => void): boolean;
  endInput(): void;
  /** Its output is not read until `resume`. */
  pause(): void;
  resume(): void;
  resize(size: Size): void;
  /** By its name without SIG, where there is a way to send one. */
  signal(name: string): void;
  /** Leaves it, without waiting for its end. */
  close(): void;
}

/** The way to the target for the lines of a shell. Spends the keys. */
export interface ShellDoor<Size extends TerminalSize> {
  /** Has a shell of its own run exactly this script, on a terminal where there is a size. Rejects when the target takes it not. */
  exec(judged: Judged, script: string, size: Size | undefined): Promise<RunningProgram<Size>>;
  /** One more request over a stream that is open; the bytes are the caller's to write. */
  request(judged: Judged): void;
}

/** One client's side of a shell: what goes there and what comes from there is in the recording first. */
export interface ShellClient<Size extends TerminalSize> {
  /** The client has left. */
  readonly gone: boolean;
  /** More waits for the client than should. */
  readonly full: boolean;
  send(stream: OutputStream, bytes: Buffer): void;
  /** hoopctl's own words. */
  say(lines: readonly string[]): void;
  /** Records the terminal's size. */
  resized(size: Size): void;
  /** Nothing more goes to the client, since it has left. */
  leave(): void;
  /** What the client sends is not read until `resume`. */
  pause(): void;
  resume(): void;
  /** Output first, then how it ended, then the end. */
  end(exit: Exit): Promise<void>;
  /** Runs what writes the books; a failure ends the session. */
  guard(run: () => void): void;
}
