import type { Writable } from 'node:stream';
import { slice } from '../../base/chunks.ts';
import { FRAME } from '../../recording/events.ts';
import type { SessionDesk } from '../../session/desk.ts';

/**
 * What goes to the client: slices of the target's bytes and the gateway's own messages, in order. A batch is
 * written to the recording before its first byte is sent. Slices that lie side by side leave as one.
 *
 * Mutable, on the path of every byte. The buffers must not change until they were written.
 */
export class ClientOutput {
  readonly #socket: Writable;
  readonly #desk: SessionDesk;
  #parts: Buffer[] = [];
  /** What may be sent as soon as the books are written. */
  #ready: Buffer[] = [];
  #buffer: Buffer | undefined;
  #start = 0;
  #end = 0;
  /** Only the beginning of a message has been passed on; nothing may be said until its end. */
  #inMessage = false;
  #waiting: Buffer[] = [];
  #muted = false;

  constructor(socket: Writable, desk: SessionDesk) {
    this.#socket = socket;
    this.#desk = desk;
  }

  /** Nothing more reaches the client until `unmute`: the rest of an answer that a limit has stopped. */
  mute(): void {
    this.#muted = true;
  }

  unmute(): void {
    this.#muted = false;
  }

  get muted(): boolean {
    return this.#muted;
  }

  /** Bytes of the target as they are; `whole` is false while more of the same message is to come. */
  pass(buffer: Buffer, start: number, end: number, whole = true): void {
    if (this.#muted) return;
    if (this.#buffer === buffer && this.#end === start) {
      this.#end = end;
    } else {
      this.#settle();
      this.#buffer = buffer;
      this.#start = start;
      this.#end = end;
    }
    this.#inMessage = !whole;
    if (whole && this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const message of waiting) this.say(message);
    }
  }

  /** One or more whole messages of the gateway itself; after the message that is on its way, if one is. */
  say(message: Buffer): void {
    if (this.#muted) return;
    if (this.#inMessage) this.#waiting.push(message);
    else {
      this.#settle();
      this.#parts.push(message);
    }
  }

  #settle(): void {
    if (this.#buffer === undefined) return;
    this.#parts.push(slice(this.#buffer, this.#start, this.#end));
    this.#buffer = undefined;
  }

  /**
   * Records, then sends. Returns false when the client is slower than the target: wait for `drain`.
   * Throws Internal `recording_failed`: then nothing was sent.
   */
  flush(): boolean {
    this.prepare();
    if (this.#ready.length > 0) this.#desk.commit();
    return this.send();
  }

  /** The first half of `flush`: `send` may follow when the desk's books were written. Throws Internal `recording_failed`. */
  prepare(): void {
    this.#settle();
    if (this.#parts.length === 0) return;
    const parts = this.#parts;
    this.#parts = [];
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    this.#desk.recordStaged(FRAME.server, parts);
    this.#ready = this.#ready.length === 0 ? parts : [...this.#ready, ...parts];
  }

  /** What was prepared is not sent: the books could not be written. */
  discard(): void {
    this.#ready = [];
  }

  /** The second half: sends what was said before `prepare`. */
  send(): boolean {
    const parts = this.#ready;
    if (parts.length === 0) return !this.#socket.writableNeedDrain;
    this.#ready = [];
    if (this.#socket.destroyed || this.#socket.writableEnded) return true;
    if (parts.length === 1) return this.#socket.write(parts[0]);
    this.#socket.cork();
    let room = true;
    for (const part of parts) room = this.#socket.write(part);
    this.#socket.uncork();
    return room;
  }

  /**
   * The last words to the client, when they can still be said at a message's border, and the end of the stream.
   * They are said even when the recording has failed: they carry no data.
   */
  end(lastWords?: Buffer): void {
    this.#muted = false;
    const words = this.#inMessage ? undefined : lastWords;
    try {
      if (words) this.say(words);
      this.flush();
      this.#socket.end();
    } catch {
      this.#socket.end(words);
    }
  }
}
