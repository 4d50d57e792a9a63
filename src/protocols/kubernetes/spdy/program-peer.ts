import type { Duplex } from 'node:stream';
import type { OutputStream } from '../../../session/command-line/program.ts';
import type { PeerEvents, ProgramPeer } from '../program-peer.ts';
import { HIGH_WATER } from '../web-socket.ts';
import { badSpdy, type SpdyFrame, SpdyReader, writeData, writePing, writeReply } from './frames.ts';
import { HeaderPacker, HeaderUnpacker } from './header-block.ts';
import { ClientStreams, type StreamKind, sizeLines } from './streams.ts';

/** How long a client may take to open its streams, in milliseconds, as kubelets have it. */
const OPENING_MS = 30_000;
/** How long it may take to close a connection that has ended, in milliseconds. */
const CLOSING_MS = 2000;

/** The client of one exec over SPDY/3.1, whose upgrade was answered and of which nothing was read. */
export class SpdyPeer implements ProgramPeer {
  readonly #socket: Duplex;
  readonly #expected: readonly StreamKind[];
  readonly #reader = new SpdyReader();
  readonly #unpacker = new HeaderUnpacker();
  readonly #packer = new HeaderPacker();
  readonly #streams = new ClientStreams(false);
  #stand: (all: boolean) => void = () => {};
  #over = false;

  /** `expected`: the streams that the request speaks of. */
  constructor(socket: Duplex, expected: readonly StreamKind[]) {
    this.#socket = socket;
    this.#expected = expected;
  }

  get full(): boolean {
    return this.#socket.writableLength >= HIGH_WATER;
  }

  listen(events: PeerEvents): Promise<boolean> {
    const socket = this.#socket;
    const late = setTimeout(() => socket.destroy(), OPENING_MS);
    const stand = new Promise<boolean>((resolve) => {
      this.#stand = (all) => {
        clearTimeout(late);
        resolve(all);
      };
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const frame of this.#reader.push(chunk)) if (!this.#over) this.#take(frame, events);
      } catch {
        socket.destroy();
      }
    });
    socket.on('drain', () => events.drained());
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      this.#over = true;
      this.#stand(false);
      events.gone();
    });
    socket.resume();
    return stand;
  }

  output(stream: OutputStream, bytes: Buffer): void {
    const number = this.#streams.numberOf(stream);
    if (number !== undefined && bytes.length > 0) this.#write(writeData(number, bytes, false));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(status: Uint8Array): void {
    if (this.#over) return;
    for (const kind of ['error', 'stdout', 'stderr'] as const) {
      const number = this.#streams.numberOf(kind);
      const last = kind === 'error' ? status : Buffer.alloc(0);
      if (number !== undefined) this.#write(writeData(number, last, true));
    }
    this.#over = true;
    this.#socket.end();
    // What it still sends is for nobody.
    this.#socket.resume();
    const timer = setTimeout(() => this.#socket.destroy(), CLOSING_MS);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  #take(frame: SpdyFrame, events: PeerEvents): void {
    switch (frame.type) {
      case 'open':
        this.#streams.open(frame.stream, this.#unpacker.read(frame.block));
        this.#write(writeReply(frame.stream, this.#packer.write(new Map()), false));
        if (this.#expected.every((kind) => this.#streams.numberOf(kind) !== undefined)) this.#stand(true);
        return;
      case 'data':
        this.#data(this.#streams.kindOf(frame.stream), frame.bytes, events);
        if (frame.fin && this.#streams.kindOf(frame.stream) === 'stdin') events.inputEnded();
        return;
      case 'reset':
        if (this.#streams.kindOf(frame.stream) === 'stdin') events.inputEnded();
        return;
      case 'ping':
        this.#write(writePing(frame.id));
        return;
      case 'goaway':
      case 'ignored':
        return;
      case 'reply':
        throw badSpdy('a client answers no stream');
      default:
        return frame satisfies never;
    }
  }

  #data(kind: StreamKind, bytes: Buffer, events: PeerEvents): void {
    if (bytes.length === 0) return;
    if (kind === 'stdin') events.input(Buffer.from(bytes));
    else if (kind === 'resize') for (const size of sizeLines(bytes)) events.resize(size);
    else throw badSpdy('a client writes nothing there');
  }

  #write(bytes: Buffer): void {
    if (!this.#over) this.#socket.write(bytes);
  }
}
