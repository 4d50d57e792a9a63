import type { WebSocket } from 'ws';
import type { OutputStream } from '../../session/command-line/program.ts';
import { STREAM } from './channels.ts';
import { bytesOf, closeSoon, HIGH_WATER } from './web-socket.ts';

/** Kubelets copy a stream in pieces of this length, in bytes. */
export const PIECE = 32 * 1024;
/** A program that has ended says nothing more; the cluster has this long to close its connection, in milliseconds. */
export const CLOSING_MS = 2000;

/** What comes of one exec of the cluster's. */
export interface ExecEvents {
  output(stream: OutputStream, bytes: Buffer): void;
  /** The Status with which it ended. */
  ended(status: Buffer): void;
  /** There is room for more input again. */
  drained(): void;
  /** The connection has ended. */
  closed(): void;
}

/** The streams of one exec of the cluster's, whatever carries them. */
export interface ExecStreams {
  /** Bytes that wait to be sent. */
  readonly unsent: number;
  /** More waits than should; `drained` tells when that is over. */
  readonly full: boolean;
  /** Reads it from now on. */
  listen(events: ExecEvents): void;
  input(bytes: Buffer): void;
  /** JSON of the terminal's size. */
  resize(message: Uint8Array): void;
  pause(): void;
  resume(): void;
  /** Leaves it. */
  close(): void;
}

/** One behind a WebSocket, which is open, paused, and of which nothing was read. */
export class WebSocketExec implements ExecStreams {
  readonly #socket: WebSocket;
  #drained: () => void = () => {};

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('error', () => {});
  }

  get unsent(): number {
    return this.#socket.bufferedAmount;
  }

  get full(): boolean {
    return this.unsent >= HIGH_WATER;
  }

  listen(events: ExecEvents): void {
    this.#drained = () => events.drained();
    this.#socket.on('message', (data, binary) => {
      if (!binary || !this.#take(bytesOf(data), events)) this.close();
    });
    this.#socket.once('close', () => events.closed());
    this.#socket.resume();
  }

  input(bytes: Buffer): void {
    for (let from = 0; from < bytes.length; from += PIECE) {
      this.#send(STREAM.stdin, bytes.subarray(from, from + PIECE));
    }
  }

  resize(message: Uint8Array): void {
    this.#send(STREAM.resize, message);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    closeSoon(this.#socket, 1000);
    this.#socket.resume();
  }

  #send(stream: number, bytes: Uint8Array): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(Buffer.concat([Buffer.from([stream]), bytes]), () => {
      if (!this.full) this.#drained();
    });
  }

  /** False for a stream that there is not. */
  #take(message: Buffer, events: ExecEvents): boolean {
    const bytes = message.subarray(1);
    // An empty message only says that a stream stands.
    if (bytes.length === 0) return true;
    switch (message[0]) {
      case STREAM.stdout:
        events.output('stdout', bytes);
        return true;
      case STREAM.stderr:
        events.output('stderr', bytes);
        return true;
      case STREAM.error:
        this.#closeInTime();
        events.ended(bytes);
        return true;
      case STREAM.close:
        return true;
      default:
        return false;
    }
  }

  #closeInTime(): void {
    const timer = setTimeout(() => this.#socket.terminate(), CLOSING_MS);
    this.#socket.once('close', () => clearTimeout(timer));
  }
}
