import type { WebSocket } from 'ws';
import type { OutputStream } from '../../session/command-line/program.ts';
import { STREAM } from './channels.ts';
import { bytesOf, closeSoon, HIGH_WATER } from './web-socket.ts';

/** What a client of exec does. */
export interface PeerEvents {
  input(bytes: Buffer): void;
  inputEnded(): void;
  /** JSON of the terminal's size. */
  resize(message: Buffer): void;
  /** There is room for more output again. */
  drained(): void;
  /** The connection has ended. */
  gone(): void;
}

/** The client of one exec whose program is the gateway's, whatever carries its streams. */
export interface ProgramPeer {
  /** More waits for it than should. */
  readonly full: boolean;
  /** Reads it from now on. Resolves once all of its streams stand; false when it went away before. */
  listen(events: PeerEvents): Promise<boolean>;
  output(stream: OutputStream, bytes: Buffer): void;
  pause(): void;
  resume(): void;
  /** How the program ended, and the end. */
  end(status: Uint8Array): void;
}

/** How long a client that has nothing to say is waited for, in milliseconds. */
const HEARD_WITHIN = 500;

/** One behind a WebSocket, which is paused and of which nothing was read. */
export class WebSocketPeer implements ProgramPeer {
  readonly #socket: WebSocket;
  #drained: () => void = () => {};
  #wasFull = false;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('error', () => {});
  }

  get full(): boolean {
    return this.#socket.bufferedAmount >= HIGH_WATER;
  }

  async listen(events: PeerEvents): Promise<boolean> {
    const socket = this.#socket;
    this.#drained = () => events.drained();
    const heard = new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(true), HEARD_WITHIN);
      const settle = (stands: boolean) => {
        clearTimeout(timer);
        resolve(stands);
      };
      socket.once('message', () => settle(true));
      socket.once('close', () => settle(false));
    });
    socket.on('message', (data, binary) => {
      if (!binary || !take(bytesOf(data), events)) closeSoon(socket, 1002);
    });
    socket.once('close', () => events.gone());
    socket.resume();
    // An empty message says that the streams stand.
    this.output('stdout', Buffer.alloc(0));
    // kubectl drops what comes before it has made its own streams, and says nothing before it has: its terminal's size first.
    return heard;
  }

  output(stream: OutputStream, bytes: Buffer): void {
    this.#send(STREAM[stream], bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(status: Uint8Array): void {
    this.#send(STREAM.error, status);
    closeSoon(this.#socket, 1000);
    // What it still sends is for nobody.
    this.#socket.resume();
  }

  #send(stream: number, bytes: Uint8Array): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(Buffer.concat([Buffer.from([stream]), bytes]), () => {
      if (!this.#wasFull || this.full) return;
      this.#wasFull = false;
      this.#drained();
    });
    this.#wasFull ||= this.full;
  }
}

/** False for what no client of a program sends. */
function take(message: Buffer, events: PeerEvents): boolean {
  const bytes = message.subarray(1);
  switch (message[0]) {
    case STREAM.stdin:
      if (bytes.length > 0) events.input(bytes);
      return true;
    case STREAM.resize:
      events.resize(bytes);
      return true;
    case STREAM.close:
      if (bytes[0] === STREAM.stdin) events.inputEnded();
      return true;
    default:
      return false;
  }
}
