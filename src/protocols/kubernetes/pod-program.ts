import { PassThrough } from 'node:stream';
import type { Exit, OutputStream, RunningProgram, TerminalSize } from '../../session/command-line/program.ts';
import { exitCode, sizeMessage, statusMessage } from './channels.ts';
import type { ExecStreams } from './exec-streams.ts';

const LOST = 'hoopctl: the connection to the container was lost\r\n';

/** A program that runs in a container, by an exec of its own of which nothing was read. */
export class PodProgram implements RunningProgram<TerminalSize> {
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly exit: Promise<Exit>;
  readonly #streams: ExecStreams;
  #status: Buffer | undefined;
  #left = false;
  #drained: (() => void) | undefined;

  constructor(streams: ExecStreams, size: TerminalSize | undefined) {
    this.#streams = streams;
    this.exit = new Promise((resolve) => {
      streams.listen({
        output: (stream, bytes) => this.#print(stream, bytes),
        ended: (status) => {
          this.#status = status;
        },
        drained: () => this.#settle(),
        closed: () => resolve(this.#closed()),
      });
    });
    if (size !== undefined) this.resize(size);
  }

  /** The Status with which it ended, as the cluster sent it; undefined where it has told none. */
  get status(): Uint8Array | undefined {
    return this.#status;
  }

  get unsent(): number {
    return this.#streams.unsent;
  }

  write(bytes: Buffer, drained?: () => void): boolean {
    this.#streams.input(bytes);
    if (!this.#streams.full) return true;
    this.#drained = drained;
    return false;
  }

  /** A program without a terminal has none: it was started so. */
  endInput(): void {}

  pause(): void {
    this.stdout.pause();
    this.stderr.pause();
  }

  resume(): void {
    this.stdout.resume();
    this.stderr.resume();
  }

  resize(size: TerminalSize): void {
    this.#streams.resize(sizeMessage(size));
  }

  /** Exec has no way to send one. */
  signal(): void {}

  close(): void {
    this.#left = true;
    this.#streams.close();
  }

  #print(name: OutputStream, bytes: Buffer): void {
    const stream = this[name];
    // What comes once it was left is for nobody.
    if (this.#left || stream.write(Buffer.from(bytes))) return;
    this.#streams.pause();
    stream.once('drain', () => this.#streams.resume());
  }

  #settle(): void {
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  /** What the cluster says instead of an exit code is said as if the program had. */
  #closed(): Exit {
    const status = this.#status;
    const code = status === undefined ? undefined : exitCode(status);
    if (code === undefined && !this.#left) {
      const words = status === undefined ? undefined : statusMessage(status);
      this.stderr.write(words === undefined ? LOST : `${words}\r\n`);
    }
    this.stdout.end();
    this.stderr.end();
    this.#settle();
    return { code };
  }
}
