import { ProtocolViolation } from '../../../base/errors.ts';

/** One frame of SPDY/3.1 (SPDY Protocol draft 3.1, section 2.2), of those that Kubernetes' streams are made of. */
export type SpdyFrame =
  | { readonly type: 'data'; readonly stream: number; readonly fin: boolean; readonly bytes: Buffer }
  | { readonly type: 'open'; readonly stream: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly type: 'reply'; readonly stream: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly type: 'reset'; readonly stream: number; readonly status: number }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'goaway'; readonly last: number; readonly status: number }
  /** SETTINGS and WINDOW_UPDATE, which nobody here acts on: the connection's own flow control is TCP's. */
  | { readonly type: 'ignored' };

const TYPE = {
  open: 1,
  reply: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

const HEADER_BYTES = 8;
const FIN = 1;
/** The longest payload: clients write what they copy, in pieces of 32 KiB. */
const LONGEST_FRAME = 1024 * 1024;

/** Reads frames from pieces of a connection. Mutable: what has come of the next frame. */
export class SpdyReader {
  #held: Buffer = Buffer.alloc(0);

  /** The frames that are whole now. Throws ProtocolViolation `bad_spdy`. */
  push(chunk: Buffer): readonly SpdyFrame[] {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const frames: SpdyFrame[] = [];
    while (this.#held.length >= HEADER_BYTES) {
      const length = this.#held.readUIntBE(5, 3);
      if (length > LONGEST_FRAME) throw badSpdy('a frame is too long');
      if (this.#held.length < HEADER_BYTES + length) break;
      frames.push(readFrame(this.#held, this.#held.subarray(HEADER_BYTES, HEADER_BYTES + length)));
      this.#held = this.#held.subarray(HEADER_BYTES + length);
    }
    return frames;
  }
}

function readFrame(head: Buffer, payload: Buffer): SpdyFrame {
  const first = head.readUInt32BE(0);
  const flags = head[4] ?? 0;
  if (first < 0x8000_0000) {
    if ((flags & ~FIN) !== 0) throw badSpdy('a data frame has unknown flags');
    return { type: 'data', stream: first, fin: (flags & FIN) !== 0, bytes: payload };
  }
  if (((first >>> 16) & 0x7fff) !== 3) throw badSpdy('a frame is of another version');
  return readControl(first & 0xffff, flags, payload);
}

function readControl(type: number, flags: number, payload: Buffer): SpdyFrame {
  switch (type) {
    case TYPE.open:
      if (payload.length < 10 || (flags & ~FIN) !== 0) throw badSpdy('a SYN_STREAM is malformed');
      return {
        type: 'open',
        stream: streamId(payload),
        fin: (flags & FIN) !== 0,
        block: payload.subarray(10),
      };
    case TYPE.reply:
      if (payload.length < 4) throw badSpdy('a SYN_REPLY is malformed');
      return {
        type: 'reply',
        stream: streamId(payload),
        fin: (flags & FIN) !== 0,
        block: payload.subarray(4),
      };
    case TYPE.reset:
      if (payload.length !== 8) throw badSpdy('a RST_STREAM is malformed');
      return { type: 'reset', stream: streamId(payload), status: payload.readUInt32BE(4) };
    case TYPE.ping:
      if (payload.length !== 4) throw badSpdy('a PING is malformed');
      return { type: 'ping', id: payload.readUInt32BE(0) };
    case TYPE.goaway:
      if (payload.length !== 8) throw badSpdy('a GOAWAY is malformed');
      return { type: 'goaway', last: streamId(payload), status: payload.readUInt32BE(4) };
    case TYPE.settings:
    case TYPE.windowUpdate:
      return { type: 'ignored' };
    default:
      throw badSpdy(`there is no control frame ${type} here`);
  }
}

function streamId(payload: Buffer): number {
  return payload.readUInt32BE(0) & 0x7fff_ffff;
}

export function writeData(stream: number, bytes: Uint8Array, fin: boolean): Buffer {
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUInt32BE(stream);
  head[4] = fin ? FIN : 0;
  head.writeUIntBE(bytes.length, 5, 3);
  return Buffer.concat([head, bytes]);
}

export function writeOpen(stream: number, block: Buffer, fin: boolean): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt32BE(stream);
  return control(TYPE.open, fin ? FIN : 0, fixed, block);
}

export function writeReply(stream: number, block: Buffer, fin: boolean): Buffer {
  return control(TYPE.reply, fin ? FIN : 0, words(stream), block);
}

export function writeReset(stream: number, status: number): Buffer {
  return control(TYPE.reset, 0, words(stream, status));
}

export function writePing(id: number): Buffer {
  return control(TYPE.ping, 0, words(id));
}

export function writeGoaway(last: number, status: number): Buffer {
  return control(TYPE.goaway, 0, words(last, status));
}

function control(type: number, flags: number, ...parts: readonly Buffer[]): Buffer {
  const payload = Buffer.concat(parts);
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUInt32BE((0x8003_0000 | type) >>> 0);
  head[4] = flags;
  head.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([head, payload]);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, index * 4);
  return bytes;
}

export function badSpdy(why: string): ProtocolViolation {
  return new ProtocolViolation('bad_spdy', `the SPDY connection cannot be read: ${why}`);
}
