import { constants, inflateSync } from 'node:zlib';
import { DICTIONARY } from './dictionary.ts';
import { badSpdy } from './frames.ts';

/** Header names of a stream, lower case, each once, and their values. */
export type SpdyHeaders = ReadonlyMap<string, string>;

/** All blocks of one direction are one zlib stream; so much of it, packed, is kept. */
const MOST_PACKED = 128 * 1024;
const MOST_UNPACKED = 512 * 1024;
const MOST_HEADERS = 64;

/**
 * Unpacks the header blocks of one direction. Each block continues the stream of those before, which is unpacked
 * from its beginning each time: there are a handful, and the result does not depend on when it comes.
 */
export class HeaderUnpacker {
  #packed: Buffer = Buffer.alloc(0);
  #seen = 0;

  /** Throws ProtocolViolation `bad_spdy`. */
  read(block: Buffer): SpdyHeaders {
    this.#packed = Buffer.concat([this.#packed, block]);
    if (this.#packed.length > MOST_PACKED) throw badSpdy('there are too many headers');
    let all: Buffer;
    try {
      all = inflateSync(this.#packed, {
        dictionary: DICTIONARY,
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: MOST_UNPACKED,
      });
    } catch {
      throw badSpdy('its headers do not unpack');
    }
    const fresh = all.subarray(this.#seen);
    this.#seen = all.length;
    return readHeaders(fresh);
  }
}

function readHeaders(bytes: Buffer): SpdyHeaders {
  const headers = new Map<string, string>();
  let at = 0;
  const word = (): string => {
    if (at + 4 > bytes.length) throw badSpdy('its headers end too early');
    const length = bytes.readUInt32BE(at);
    if (length > bytes.length - at - 4) throw badSpdy('a header is too long');
    const text = bytes.toString('utf8', at + 4, at + 4 + length);
    at += 4 + length;
    return text;
  };
  if (bytes.length < 4) throw badSpdy('its headers end too early');
  const count = bytes.readUInt32BE(0);
  at = 4;
  if (count > MOST_HEADERS) throw badSpdy('there are too many headers');
  for (let i = 0; i < count; i++) {
    const name = word().toLowerCase();
    if (headers.has(name)) throw badSpdy('a header stands there twice');
    headers.set(name, word());
  }
  if (at !== bytes.length) throw badSpdy('there is more behind its headers');
  return headers;
}

/** An empty stored block: readers give out what came before it, as at zlib's Z_SYNC_FLUSH. */
const FLUSH = Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff]);

/** Packs the header blocks of one direction, without compressing: readers take stored blocks (RFC 1951 section 3.2.4). */
export class HeaderPacker {
  #begun = false;

  write(headers: SpdyHeaders): Buffer {
    const parts: Buffer[] = [number(headers.size)];
    for (const [name, value] of headers) parts.push(text(name), text(value));
    const plain = Buffer.concat(parts);
    if (plain.length > 0xffff) throw badSpdy('there are too many headers');
    const stored = Buffer.alloc(5);
    stored.writeUInt16LE(plain.length, 1);
    stored.writeUInt16LE(plain.length ^ 0xffff, 3);
    // RFC 1950: a window of 32 KiB, no dictionary.
    const head = this.#begun ? Buffer.alloc(0) : Buffer.from([0x78, 0x01]);
    this.#begun = true;
    return Buffer.concat([head, stored, plain, FLUSH]);
  }
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([number(bytes.length), bytes]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
