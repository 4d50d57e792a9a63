import { PassThrough } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Exit, RunningProgram, TerminalSize } from '../../session/command-line/program.ts';
import { exitCode, STREAM, sizeMessage, statusMessage } from './channels.ts';
import { bytesOf, closeSoon, HIGH_WATER } from './web-socket.ts';

/** Kubelets copy a stream in pieces of this length, in bytes. */
const PIECE = 32 * 1024;
/** A program that has ended says nothing more; the cluster has this long to close its connection, in milliseconds. */
const CLOSING_MS = 2000;
const LOST = 'hoopctl: the connection to the container was lost\r\n';

/** A program that runs in a container, by an exec of its own. The socket is open, paused, and nothing of it was read. */
export class PodProgram implements RunningProgram<TerminalSize> {
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly exit: Promise<Exit>;
  readonly #socket: WebSocket;
  #status: Buffer | undefined;
  #left = false;
  #drained: (() => void) | undefined;

  constructor(socket: WebSocket, size: TerminalSize | undefined) {
    this.#socket = socket;
    socket.on('message', (data, binary) => this.#received(bytesOf(data), binary));
    socket.on('error', () => {});
    this.exit = new Promise((resolve) => {
      socket.once('close', () => resolve(this.#closed()));
    });
    if (size !== undefined) this.resize(size);
    socket.resume();
  }

  /** The Status with which it ended, as the cluster sent it; undefined where it has told none. */
  get status(): Uint8Array | undefined {
    return this.#status;
  }

  get unsent(): number {
    return this.#socket.bufferedAmount;
  }

  write(bytes: Buffer, drained?: () => void): boolean {
    for (let from = 0; from < bytes.length; from += PIECE) {
      this.#send(STREAM.stdin, bytes.subarray(from, from + PIECE));
    }
    if (this.#socket.bufferedAmount < HIGH_WATER) return true;
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
    this.#send(STREAM.resize, sizeMessage(size));
  }

  /** Exec has no way to send one. */
  signal(): void {}

  close(): void {
    this.#left = true;
    closeSoon(this.#socket, 1000);
  }

  #send(stream: number, bytes: Uint8Array): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(Buffer.concat([Buffer.from([stream]), bytes]), () => {
      const drained = this.#drained;
      if (drained === undefined || this.#socket.bufferedAmount >= HIGH_WATER) return;
      this.#drained = undefined;
      drained();
    });
  }

  #received(message: Buffer, binary: boolean): void {
    const [stream] = message;
    const bytes = message.subarray(1);
    if (!binary) return this.close();
    // An empty message only says that a stream stands.
    if (bytes.length === 0 || stream === STREAM.close) return;
    if (stream === STREAM.stdout) this.#print(this.stdout, bytes);
    else if (stream === STREAM.stderr) this.#print(this.stderr, bytes);
    else if (stream === STREAM.error) this.#ended(bytes);
    else this.close();
  }

  #print(stream: PassThrough, bytes: Buffer): void {
    if (stream.write(bytes)) return;
    this.#socket.pause();
    stream.once('drain', () => this.#socket.resume());
  }

  #ended(status: Buffer): void {
    this.#status = status;
    const timer = setTimeout(() => this.#socket.terminate(), CLOSING_MS);
    this.#socket.once('close', () => clearTimeout(timer));
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
    this.#drained?.();
    return { code };
  }
}
