import type { SpdyConnection } from '../door.ts';
import { CLOSING_MS, type ExecEvents, type ExecStreams, PIECE } from '../exec-streams.ts';
import { HIGH_WATER } from '../web-socket.ts';
import { badSpdy, type SpdyFrame, SpdyReader, writeData, writeOpen, writePing } from './frames.ts';
import { HeaderPacker, HeaderUnpacker } from './header-block.ts';
import type { StreamKind } from './streams.ts';

/** In bytes. */
const LONGEST_STATUS = 64 * 1024;

/** An exec of the cluster's over SPDY/3.1, whose upgrade was answered and of which nothing was read. */
export class SpdyExec implements ExecStreams {
  readonly #socket: SpdyConnection['socket'];
  readonly #head: Buffer;
  readonly #reader = new SpdyReader();
  readonly #unpacker = new HeaderUnpacker();
  readonly #numbers = new Map<StreamKind, number>();
  readonly #kinds = new Map<number, StreamKind>();
  #status: Buffer = Buffer.alloc(0);

  /** Opens the streams of a program with a terminal, or of one without input. */
  constructor({ head, socket }: SpdyConnection, terminal: boolean) {
    this.#socket = socket;
    this.#head = head;
    const packer = new HeaderPacker();
    const kinds = terminal
      ? (['error', 'stdin', 'stdout', 'resize'] as const)
      : (['error', 'stdout', 'stderr'] as const);
    for (const [index, kind] of kinds.entries()) {
      // A client's streams are odd (SPDY Protocol draft 3.1, section 2.3.2).
      const number = 2 * index + 1;
      this.#numbers.set(kind, number);
      this.#kinds.set(number, kind);
      socket.write(writeOpen(number, packer.write(new Map([['streamtype', kind]])), false));
    }
  }

  get unsent(): number {
    return this.#socket.writableLength;
  }

  get full(): boolean {
    return this.unsent >= HIGH_WATER;
  }

  listen(events: ExecEvents): void {
    const socket = this.#socket;
    const take = (chunk: Buffer) => {
      try {
        for (const frame of this.#reader.push(chunk)) this.#take(frame, events);
      } catch {
        socket.destroy();
      }
    };
    socket.on('data', take);
    socket.on('drain', () => events.drained());
    socket.on('end', () => socket.end());
    socket.on('error', () => socket.destroy());
    socket.once('close', () => events.closed());
    if (this.#head.length > 0) take(this.#head);
    socket.resume();
  }

  input(bytes: Buffer): void {
    for (let from = 0; from < bytes.length; from += PIECE) {
      this.#send('stdin', bytes.subarray(from, from + PIECE));
    }
  }

  resize(message: Uint8Array): void {
    this.#send('resize', message);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    const socket = this.#socket;
    socket.end();
    socket.resume();
    const timer = setTimeout(() => socket.destroy(), CLOSING_MS);
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
  }

  #send(kind: StreamKind, bytes: Uint8Array): void {
    const number = this.#numbers.get(kind);
    if (number !== undefined && this.#socket.writable) this.#socket.write(writeData(number, bytes, false));
  }

  #take(frame: SpdyFrame, events: ExecEvents): void {
    switch (frame.type) {
      case 'data':
        return this.#data(this.#kindOf(frame.stream), frame.bytes, frame.fin, events);
      case 'reply':
        this.#kindOf(frame.stream);
        // Its headers say nothing, but belong to one stream of zlib's with those behind them.
        this.#unpacker.read(frame.block);
        return;
      case 'ping':
        this.#socket.write(writePing(frame.id));
        return;
      case 'reset':
      case 'goaway':
      case 'ignored':
        return;
      case 'open':
        throw badSpdy('only clients open streams');
      default:
        return frame satisfies never;
    }
  }

  #kindOf(stream: number): StreamKind {
    const kind = this.#kinds.get(stream);
    if (kind === undefined) throw badSpdy('there is no such stream');
    return kind;
  }

  #data(kind: StreamKind, bytes: Buffer, fin: boolean, events: ExecEvents): void {
    if (kind === 'error') return this.#error(bytes, fin, events);
    if (bytes.length === 0) return;
    if (kind !== 'stdout' && kind !== 'stderr') throw badSpdy('the cluster writes nothing there');
    events.output(kind, bytes);
  }

  /** The Status is whole when its stream ends. */
  #error(bytes: Buffer, fin: boolean, events: ExecEvents): void {
    this.#status = Buffer.concat([this.#status, bytes]);
    if (this.#status.length > LONGEST_STATUS) throw badSpdy('its Status is too long');
    if (!fin || this.#status.length === 0) return;
    events.ended(this.#status);
    this.close();
  }
}
