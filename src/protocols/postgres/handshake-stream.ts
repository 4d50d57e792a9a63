import type { Socket } from 'node:net';
import { type HoopError, NotReachable, ProtocolViolation } from '../../base/errors.ts';
import { HEADER_LENGTH } from './codec/framer.ts';
import { typeText } from './codec/message-types.ts';

/** A whole typed message: `bytes[0]` is the type byte; the decoders take it as (bytes, 0, bytes.length). */
export interface HandshakeMessage {
  readonly type: number;
  readonly bytes: Buffer;
}

/** More than a server's handshake needs at once; a peer that sends more before it is its turn is cut off. */
const MOST_BUFFERED = 256 * 1024;

/**
 * Reads a handshake from a socket, message by message, in either direction. Holds a bounded number of bytes
 * and rejects pending and later reads with one error once the peer is gone or `fail` was called.
 * Whoever made it owns the socket: nothing here closes it.
 */
export class HandshakeStream {
  #socket: Socket;
  #buffered: Buffer = Buffer.alloc(0);
  #error: HoopError | undefined;
  #wake: (() => void) | undefined;
  readonly #mostBuffered: number;

  /** `mostBuffered`: bytes that may wait to be read; also bounds what many tiny segments can cost. */
  constructor(socket: Socket, mostBuffered = MOST_BUFFERED) {
    this.#socket = socket;
    this.#mostBuffered = mostBuffered;
    this.#listen();
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** Bytes that arrived and were not read. */
  get buffered(): number {
    return this.#buffered.length;
  }

  write(bytes: Uint8Array): void {
    if (this.#error === undefined) this.#socket.write(bytes);
  }

  /** Ends all reads with `error`; the first call counts. */
  fail(error: HoopError): void {
    this.#error ??= error;
    this.#wake?.();
  }

  /** Exactly `length` bytes. */
  async read(length: number): Promise<Buffer> {
    await this.peek(length);
    const bytes = this.#buffered.subarray(0, length);
    this.#buffered = this.#buffered.subarray(length);
    return bytes;
  }

  /** Waits until `length` bytes are there and shows them without taking them. */
  async peek(length: number): Promise<Buffer> {
    while (this.#buffered.length < length) {
      if (this.#error !== undefined) throw this.#error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    return this.#buffered.subarray(0, length);
  }

  /** A typed message. `most` gives the greatest length field for a type, 0 for a type that may not come. */
  async readMessage(most: (type: number) => number): Promise<HandshakeMessage> {
    const type = (await this.peek(1))[0] ?? 0;
    const limit = most(type);
    if (limit === 0) {
      throw new ProtocolViolation(
        'unexpected_message',
        `message type ${typeText(type)} has no place in the handshake`,
      );
    }
    const length = (await this.peek(HEADER_LENGTH)).readInt32BE(1);
    if (length < 4) {
      throw new ProtocolViolation(
        'bad_message_length',
        `message ${typeText(type)} gives the length ${length}; the least is 4`,
      );
    }
    if (length > limit) {
      throw new ProtocolViolation(
        'message_too_large',
        `message ${typeText(type)} of ${length} bytes is over the limit of ${limit} bytes`,
      );
    }
    return { type, bytes: await this.read(1 + length) };
  }

  /** Nothing may have arrived beyond what was read: bytes sent too early are never interpreted. */
  requireEmpty(code: string, message: string): void {
    if (this.#buffered.length > 0) throw new ProtocolViolation(code, message);
  }

  /**
   * Stops listening and hands the socket over, paused, with the bytes that were read off it and not used.
   * The caller adds its own listeners before it lets go of the event loop, and resumes.
   */
  detach(): Buffer {
    const socket = this.#socket;
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('close', this.#onEnd);
    socket.off('error', this.#onError);
    socket.pause();
    const left = this.#buffered;
    this.#buffered = Buffer.alloc(0);
    return left;
  }

  /** Goes on over `socket` (the TLS layer on the detached one). */
  attach(socket: Socket): void {
    this.#socket = socket;
    this.#listen();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onEnd);
    socket.on('error', this.#onError);
    socket.resume();
    if (socket.destroyed) this.#onEnd();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#buffered.length + chunk.length > this.#mostBuffered) {
      this.#socket.pause();
      this.fail(new ProtocolViolation('handshake_flood', 'the peer sends more than a handshake needs'));
      return;
    }
    this.#buffered = this.#buffered.length === 0 ? chunk : Buffer.concat([this.#buffered, chunk]);
    this.#wake?.();
  };

  readonly #onEnd = (): void => {
    this.fail(new NotReachable('connection_closed', 'the connection was closed during the handshake'));
  };

  readonly #onError = (error: Error): void => {
    this.fail(
      new NotReachable('connection_lost', 'the connection broke during the handshake', {
        why: error.message,
        cause: error,
      }),
    );
  };
}
