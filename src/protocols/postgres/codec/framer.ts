import { ProtocolViolation } from '../../../base/errors.ts';
import { backendLimits, type FrameLimits, frontendLimits } from './limits.ts';
import { typeText } from './message-types.ts';

/**
 * Finds message borders in the chunks of a socket without copying: a message that lies whole in a chunk is
 * handed over as a place in that chunk. Mutable, on the path of every byte; nothing is allocated for a chunk
 * that begins and ends on message borders.
 */
export interface FrameSink {
  /**
   * A whole message: `buffer[start]` is its type byte, `end` is behind its last byte. Messages of one chunk
   * come in order and border on each other (`end` of one is `start` of the next) while `buffer` is the same
   * object; a message put together from several chunks comes in a buffer of its own. The framer never writes
   * to a buffer again once it was handed over, so it may be kept. Returns false to make `push` stop behind it.
   */
  message(type: number, buffer: Buffer, start: number, end: number): boolean;
  /**
   * Asked once for a message that has not arrived whole, as soon as its header has: true to get it in pieces,
   * false to get it whole, put together in memory. `length` is the value of its length field.
   */
  streams(type: number, length: number): boolean;
  /**
   * The next piece of a streamed message. The first piece begins with the five bytes of the header; `remaining`
   * is how many bytes of the message are still to come (0: this was the last). Returns false to make `push` stop.
   */
  piece(type: number, buffer: Buffer, start: number, end: number, remaining: number): boolean;
}

/** Type byte and length field. */
export const HEADER_LENGTH = 5;

/** First size of the buffer for a message that is put together: a peer must send bytes to make us hold memory. */
const FIRST_CAPACITY = 16 * 1024;

const EMPTY = Buffer.alloc(0);

class Framer {
  readonly #limits: FrameLimits;
  /** Bytes of a message that began in an earlier chunk, or of its header. */
  #held: Buffer = EMPTY;
  #heldLength = 0;
  /** Whole length with the type byte; 0 while the header is not complete. */
  #total = 0;
  /** Bytes to come of the message that is being streamed; 0 when none is. */
  #streaming = 0;
  #streamedType = 0;

  constructor(limits: FrameLimits) {
    this.#limits = limits;
  }

  /** True between messages: nothing of an unfinished message is held. */
  get atBorder(): boolean {
    return this.#heldLength === 0 && this.#streaming === 0;
  }

  /** Bytes held of an unfinished message, bounded by the limits. */
  get heldBytes(): number {
    return this.#heldLength;
  }

  /**
   * Walks `chunk` from `from` and calls `sink` for what it finds. Returns how far it came: `chunk.length`, or
   * less when the sink returned false; then the caller keeps the chunk and calls again with that offset.
   * Throws ProtocolViolation `unknown_message_type`, `bad_message_length` or `message_too_large`; after that
   * (or when the sink throws) the framer must not be used again.
   */
  push(chunk: Buffer, sink: FrameSink, from = 0): number {
    const size = chunk.length;
    const { most } = this.#limits;
    let at = from;
    if (this.#streaming > 0) {
      at = this.#stream(chunk, sink, at);
      if (at < 0) return -at;
    } else if (this.#heldLength > 0) {
      at = this.#fill(chunk, sink, at);
      if (at < 0) return -at;
    }
    while (size - at >= HEADER_LENGTH) {
      const type = chunk[at] ?? 0;
      const length = readLength(chunk, at + 1);
      if (length < 4 || length > (most[type] ?? 0)) this.#refuse(type, length);
      const end = at + 1 + length;
      if (end > size) {
        this.#begin(chunk, sink, at, type, length);
        return size;
      }
      if (!sink.message(type, chunk, at, end)) return end;
      at = end;
    }
    if (at < size) {
      // A type that does not exist needs no length to be refused.
      if ((most[chunk[at] ?? 0] ?? 0) === 0) this.#refuse(chunk[at] ?? 0, 4);
      this.#hold(chunk, at, size, HEADER_LENGTH);
    }
    return size;
  }

  /** An unfinished message whose header lies whole in `chunk` at `at`. */
  #begin(chunk: Buffer, sink: FrameSink, at: number, type: number, length: number): void {
    const total = 1 + length;
    if (sink.streams(type, length)) {
      this.#streamedType = type;
      this.#streaming = total - (chunk.length - at);
      sink.piece(type, chunk, at, chunk.length, this.#streaming);
      return;
    }
    this.#requireFits(type, length);
    this.#total = total;
    this.#hold(chunk, at, chunk.length, total);
  }

  /** Goes on with a streamed message. Returns the offset to go on from, or its negative to stop. */
  #stream(chunk: Buffer, sink: FrameSink, at: number): number {
    const end = Math.min(chunk.length, at + this.#streaming);
    if (end === at) return at;
    this.#streaming -= end - at;
    return sink.piece(this.#streamedType, chunk, at, end, this.#streaming) ? end : -end;
  }

  /** Goes on with a held message. Returns the offset to go on from, or its negative to stop. */
  #fill(chunk: Buffer, sink: FrameSink, from: number): number {
    let at = from;
    if (this.#total === 0) {
      const end = Math.min(chunk.length, at + HEADER_LENGTH - this.#heldLength);
      this.#hold(chunk, at, end, HEADER_LENGTH);
      at = end;
      if (this.#heldLength < HEADER_LENGTH) return at;
      const type = this.#held[0] ?? 0;
      const length = readLength(this.#held, 1);
      if (length < 4 || length > (this.#limits.most[type] ?? 0)) this.#refuse(type, length);
      const total = 1 + length;
      if (chunk.length - at < total - HEADER_LENGTH && sink.streams(type, length)) {
        return this.#streamFromHeader(chunk, sink, type, total, at);
      }
      if (chunk.length - at < total - HEADER_LENGTH) this.#requireFits(type, length);
      this.#total = total;
    }
    const end = Math.min(chunk.length, at + this.#total - this.#heldLength);
    this.#hold(chunk, at, end, this.#total);
    if (this.#heldLength < this.#total) return end;
    const whole = this.#held;
    const total = this.#total;
    this.#release();
    return sink.message(whole[0] ?? 0, whole, 0, total) ? end : -end;
  }

  #streamFromHeader(chunk: Buffer, sink: FrameSink, type: number, total: number, at: number): number {
    const header = this.#held;
    this.#release();
    this.#streamedType = type;
    this.#streaming = total - HEADER_LENGTH;
    if (!sink.piece(type, header, 0, HEADER_LENGTH, this.#streaming)) return -at;
    return this.#stream(chunk, sink, at);
  }

  #release(): void {
    this.#held = EMPTY;
    this.#heldLength = 0;
    this.#total = 0;
  }

  /** Appends to the held bytes; their buffer grows with what has really arrived, up to `most`. */
  #hold(chunk: Buffer, start: number, end: number, most: number): void {
    const needed = this.#heldLength + (end - start);
    if (needed > this.#held.length) {
      const capacity = Math.min(most, Math.max(needed, this.#held.length * 2, FIRST_CAPACITY));
      const grown = Buffer.allocUnsafeSlow(capacity);
      this.#held.copy(grown, 0, 0, this.#heldLength);
      this.#held = grown;
    }
    chunk.copy(this.#held, this.#heldLength, start, end);
    this.#heldLength = needed;
  }

  #requireFits(type: number, length: number): void {
    if (length > (this.#limits.whole[type] ?? 0)) throw tooLarge(type, length, this.#limits.whole[type] ?? 0);
  }

  #refuse(type: number, length: number): never {
    const most = this.#limits.most[type] ?? 0;
    if (most === 0) {
      throw new ProtocolViolation('unknown_message_type', `unknown message type ${typeText(type)}`);
    }
    if (length < 4) {
      throw new ProtocolViolation(
        'bad_message_length',
        `message ${typeText(type)} gives the length ${length}; the least is 4`,
      );
    }
    throw tooLarge(type, length, most);
  }
}

/** Frames what a client sends after its startup packet. */
export class FrontendFramer extends Framer {
  constructor(limits: FrameLimits = frontendLimits()) {
    super(limits);
  }
}

/** Frames what a target sends. */
export class BackendFramer extends Framer {
  constructor(limits: FrameLimits = backendLimits()) {
    super(limits);
  }
}

/** The length field at `at`, signed: a length above 2^31-1 is as bad as a negative one. The caller has checked that four bytes are there. */
function readLength(buffer: Buffer, at: number): number {
  return (
    ((buffer[at] ?? 0) << 24) |
    ((buffer[at + 1] ?? 0) << 16) |
    ((buffer[at + 2] ?? 0) << 8) |
    (buffer[at + 3] ?? 0)
  );
}

function tooLarge(type: number, length: number, most: number): ProtocolViolation {
  return new ProtocolViolation(
    'message_too_large',
    `message ${typeText(type)} of ${length} bytes is over the limit of ${most} bytes`,
  );
}
