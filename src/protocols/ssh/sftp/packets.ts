import { ProtocolViolation } from '../../../base/errors.ts';

/** Packet types of SFTP version 3 (draft-ietf-secsh-filexfer-02, section 3). */
export const TYPE = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  symlink: 20,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attrs: 105,
  extended: 200,
  extendedReply: 201,
} as const;

/** Codes of a STATUS (section 7). */
export const STATUS = { ok: 0, permissionDenied: 3, failure: 4, badMessage: 5, unsupported: 8 } as const;

/** What OpenSSH takes and sends at most, in bytes. */
export const LONGEST_PACKET = 256 * 1024;
/** Linux's PATH_MAX, in bytes. */
const LONGEST_PATH = 4096;
/** Section 6.3. */
const LONGEST_HANDLE = 256;

/**
 * Cuts a stream into packets: length u32, type u8, payload. A packet is given whole, with its length field. Throws
 * ProtocolViolation for a length that no packet has.
 */
export class PacketFramer {
  #kept: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): readonly Buffer[] {
    const packets: Buffer[] = [];
    let rest = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes]);
    while (rest.length >= 4) {
      const length = rest.readUInt32BE(0);
      if (length < 1 || length > LONGEST_PACKET) throw broken('a packet has a length that none has');
      if (rest.length < 4 + length) break;
      packets.push(rest.subarray(0, 4 + length));
      rest = rest.subarray(4 + length);
    }
    // A copy, so that a large piece is not kept for its last bytes.
    this.#kept = Buffer.from(rest);
    return packets;
  }
}

/** Reads the fields of one packet, none beyond its end. Throws ProtocolViolation. */
export class FieldReader {
  readonly #bytes: Buffer;
  #at: number;

  /** `at`: 5 for the field behind the type. */
  constructor(packet: Buffer, at = 5) {
    this.#bytes = packet;
    this.#at = at;
  }

  /** How far it has read. */
  get at(): number {
    return this.#at;
  }

  u32(): number {
    if (this.#bytes.length - this.#at < 4) throw broken('a packet ends inside of a number');
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  u64(): bigint {
    if (this.#bytes.length - this.#at < 8) throw broken('a packet ends inside of a number');
    this.#at += 8;
    return this.#bytes.readBigUInt64BE(this.#at - 8);
  }

  bytes(limit: number): Buffer {
    const length = this.u32();
    if (length > limit || length > this.#bytes.length - this.#at)
      throw broken('a field is longer than it may be');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A path as text. Throws for one that is no UTF-8 or holds a NUL: what is judged must be what is opened. */
  path(): string {
    const bytes = this.bytes(LONGEST_PATH);
    const text = bytes.toString('utf8');
    if (text.includes('\0') || !Buffer.from(text).equals(bytes)) throw broken('a path is not plain text');
    return text;
  }

  handle(): string {
    return this.bytes(LONGEST_HANDLE).toString('latin1');
  }
}

/** A packet of these fields. */
export function packet(type: number, ...fields: readonly (number | string | Buffer)[]): Buffer {
  const parts = fields.map((field) => {
    if (typeof field === 'number') {
      const word = Buffer.alloc(4);
      word.writeUInt32BE(field);
      return word;
    }
    const bytes = typeof field === 'string' ? Buffer.from(field) : field;
    const word = Buffer.alloc(4);
    word.writeUInt32BE(bytes.length);
    return Buffer.concat([word, bytes]);
  });
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length + 1);
  head[4] = type;
  return Buffer.concat([head, body]);
}

/** The same packet under another id; the id is the first field of all but INIT and VERSION. */
export function withId(bytes: Buffer, id: number): Buffer {
  const head = Buffer.from(bytes.subarray(0, 9));
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, bytes.subarray(9)]);
}

export function statusPacket(id: number, code: number, message: string): Buffer {
  return packet(TYPE.status, id, code, message, '');
}

export function broken(why: string): ProtocolViolation {
  return new ProtocolViolation('bad_sftp', `SFTP: ${why}`);
}
