import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** Bytes in one WebSocket message at most; larger writes go as several. */
export const LARGEST_FRAME = 256 * 1024;

/**
 * A byte stream over a WebSocket (RFC 6455): binary messages whose borders mean nothing, with backpressure both
 * ways. The end of one side closes the WebSocket, so there is no half-open state. Not for text messages.
 */
export class WebSocketStream extends Duplex {
  /** Who is at the other end, where that is known. */
  readonly remoteAddress: string | undefined;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket, remoteAddress?: string) {
    super({ allowHalfOpen: false, highWaterMark: LARGEST_FRAME });
    this.#socket = socket;
    this.remoteAddress = remoteAddress;
    socket.binaryType = 'nodebuffer';
    socket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary) this.destroy(new Error('a text message came where only bytes may come'));
      else if (!this.push(data)) socket.pause();
    });
    socket.on('error', (error) => this.destroy(error));
    socket.once('close', () => {
      this.push(null);
      // Nobody takes what would still be written.
      if (!this.writableFinished) this.destroy();
    });
  }

  override _read(): void {
    if (this.#socket.isPaused) this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    let sent = 0;
    const next = (error?: Error | null) => {
      if (error || sent >= chunk.length) return done(error ?? null);
      const frame = chunk.subarray(sent, sent + LARGEST_FRAME);
      sent += frame.length;
      this.#socket.send(frame, { binary: true }, next);
    };
    next();
  }

  override _writev(
    chunks: readonly { readonly chunk: Buffer; readonly encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'binary', done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.close(1000);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // After a close that was begun in order the other side's answer is waited for by the WebSocket itself.
    if (!this.writableFinished || error) this.#socket.terminate();
    done(error);
  }
}
