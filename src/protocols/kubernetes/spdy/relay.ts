import type { Duplex } from 'node:stream';
import { PART, recordPart } from '../frames.ts';
import { type OutputStream, ProgramStreams } from '../program-streams.ts';
import type { KubernetesSession } from '../session.ts';
import { statusBody, unavailable } from '../status.ts';
import type { Surroundings } from '../surroundings.ts';
import {
  badSpdy,
  type SpdyFrame,
  SpdyReader,
  writeData,
  writeGoaway,
  writeOpen,
  writePing,
  writeReply,
  writeReset,
} from './frames.ts';
import { HeaderPacker, HeaderUnpacker } from './header-block.ts';
import { ClientStreams, type StreamKind, sizeLines } from './streams.ts';

/** What may wait to be sent to one side before the other is no longer read, in bytes. */
const HIGH_WATER = 1024 * 1024;
export interface SpdyRelayParts {
  readonly client: Duplex;
  readonly target: Duplex;
  /** What the cluster sent with its answer. */
  readonly head: Buffer;
  readonly session: KubernetesSession;
  readonly number: number;
  readonly around: Surroundings;
  /** A port-forward: its bytes are passed on and recorded as they are. */
  readonly forward: boolean;
}

/**
 * The streams of one exec, attach or port-forward over SPDY/3.1 on both sides. Frames are read, judged by the kind
 * of their stream, recorded, masked and written anew with the same stream ids: nothing passes unread. Only the
 * client opens streams.
 */
export class SpdyRelay {
  readonly #parts: SpdyRelayParts;
  readonly #program: ProgramStreams;
  readonly #streams: ClientStreams;
  readonly #fromClient = { reader: new SpdyReader(), headers: new HeaderUnpacker() };
  readonly #fromTarget = { reader: new SpdyReader(), headers: new HeaderUnpacker() };
  readonly #toClient = new HeaderPacker();
  readonly #toTarget = new HeaderPacker();
  readonly #stopCut: () => void;
  #resolve: () => void = () => {};
  #over = false;
  readonly done: Promise<void>;

  constructor(parts: SpdyRelayParts) {
    this.#parts = parts;
    const { around, client, forward, number, session, target } = parts;
    this.#streams = new ClientStreams(forward);
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#program = new ProgramStreams(session, number, around, {
      stop: (reason) => this.#cut(reason),
      failed: () => this.#end(),
    });
    this.#stopCut = session.onCut((reason) => this.#cut(reason));
    client.on('data', (chunk: Buffer) => this.#guard(() => this.#clientBytes(chunk)));
    target.on('data', (chunk: Buffer) => this.#guard(() => this.#targetBytes(chunk)));
    client.on('drain', () => target.resume());
    target.on('drain', () => client.resume());
    for (const side of [client, target]) {
      side.on('end', () => this.#end());
      side.on('close', () => this.#end());
      side.on('error', () => this.#end());
    }
    if (parts.head.length > 0) this.#guard(() => this.#targetBytes(parts.head));
    client.resume();
    target.resume();
  }

  #clientBytes(chunk: Buffer): void {
    for (const frame of this.#fromClient.reader.push(chunk)) if (!this.#over) this.#clientFrame(frame);
  }

  #clientFrame(frame: SpdyFrame): void {
    switch (frame.type) {
      case 'open': {
        const headers = this.#fromClient.headers.read(frame.block);
        this.#streams.open(frame.stream, headers);
        return this.#send('target', writeOpen(frame.stream, this.#toTarget.write(headers), frame.fin));
      }
      case 'data':
        this.#input(this.#streams.kindOf(frame.stream), frame.bytes);
        return this.#send('target', writeData(frame.stream, frame.bytes, frame.fin));
      case 'reset':
        this.#streams.kindOf(frame.stream);
        return this.#send('target', writeReset(frame.stream, frame.status));
      case 'ping':
        return this.#send('client', writePing(frame.id));
      case 'goaway':
        return this.#send('target', writeGoaway(frame.last, frame.status));
      case 'ignored':
        return;
      case 'reply':
        throw badSpdy('a client answers no stream');
      default:
        return frame satisfies never;
    }
  }

  #input(kind: StreamKind, bytes: Buffer): void {
    switch (kind) {
      case 'stdin':
      case 'data':
        return this.#program.input(bytes);
      case 'resize':
        for (const size of sizeLines(bytes)) this.#program.resize(size);
        return;
      case 'error':
      case 'stdout':
      case 'stderr':
        if (bytes.length > 0) throw badSpdy('a client writes nothing there');
        return;
      default:
        return kind satisfies never;
    }
  }

  #targetBytes(chunk: Buffer): void {
    for (const frame of this.#fromTarget.reader.push(chunk)) if (!this.#over) this.#targetFrame(frame);
  }

  #targetFrame(frame: SpdyFrame): void {
    switch (frame.type) {
      case 'reply': {
        this.#streams.kindOf(frame.stream);
        const headers = this.#fromTarget.headers.read(frame.block);
        return this.#send('client', writeReply(frame.stream, this.#toClient.write(headers), frame.fin));
      }
      case 'data':
        return this.#output(frame.stream, this.#streams.kindOf(frame.stream), frame.bytes, frame.fin);
      case 'reset':
        this.#streams.kindOf(frame.stream);
        return this.#send('client', writeReset(frame.stream, frame.status));
      case 'ping':
        return this.#send('target', writePing(frame.id));
      case 'goaway':
        return this.#send('client', writeGoaway(frame.last, frame.status));
      case 'ignored':
        return;
      case 'open':
        throw badSpdy('only clients open streams');
      default:
        return frame satisfies never;
    }
  }

  #output(stream: number, kind: StreamKind, bytes: Buffer, fin: boolean): void {
    switch (kind) {
      case 'stdout':
      case 'stderr':
        return this.#programOutput(stream, kind, bytes, fin);
      case 'error':
        if (bytes.length > 0 && !this.#parts.forward) {
          this.#flush();
          this.#program.exit(bytes);
        }
        return this.#send('client', writeData(stream, bytes, fin));
      case 'data':
        recordPart(this.#parts.session.desk, this.#parts.number, PART.stdout, bytes);
        return this.#send('client', writeData(stream, bytes, fin));
      case 'stdin':
      case 'resize':
        // Its end is all that there is to say.
        if (bytes.length > 0) throw badSpdy('the cluster writes nothing there');
        return this.#send('client', writeData(stream, bytes, fin));
      default:
        return kind satisfies never;
    }
  }

  #programOutput(stream: number, kind: OutputStream, bytes: Buffer, fin: boolean): void {
    const show = (shown: Buffer) => this.#send('client', writeData(stream, shown, false));
    if (bytes.length > 0) this.#program.output(kind, bytes, show);
    if (!fin) return;
    this.#program.end(kind, show);
    this.#send('client', writeData(stream, Buffer.alloc(0), true));
  }

  /** What was kept back of the program's output comes before its end. */
  #flush(): void {
    for (const kind of ['stdout', 'stderr'] as const) {
      const stream = this.#streams.numberOf(kind);
      if (stream === undefined) continue;
      this.#program.end(kind, (shown) => this.#send('client', writeData(stream, shown, false)));
    }
  }

  #send(to: 'client' | 'target', bytes: Buffer): void {
    if (this.#over) return;
    const side = this.#parts[to];
    if (side.write(bytes) || side.writableLength < HIGH_WATER) return;
    this.#parts[to === 'client' ? 'target' : 'client'].pause();
  }

  #cut(reason: string): void {
    if (this.#over) return;
    const error = this.#streams.numberOf('error');
    if (error !== undefined && !this.#parts.forward) {
      this.#send('client', writeData(error, statusBody(unavailable(`the session is over: ${reason}`)), true));
    }
    this.#end();
  }

  /** What can't be recorded, masked or understood ends it. */
  #guard(run: () => void): void {
    if (this.#over) return;
    try {
      run();
    } catch {
      this.#end();
    }
  }

  #end(): void {
    if (this.#over) return;
    if (!this.#parts.forward) this.#flush();
    this.#over = true;
    this.#stopCut();
    for (const side of [this.#parts.client, this.#parts.target]) {
      side.end();
      const timer = setTimeout(() => side.destroy(), 2000);
      timer.unref();
      side.once('close', () => clearTimeout(timer));
    }
    this.#resolve();
  }
}
