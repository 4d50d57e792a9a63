import { ProtocolViolation } from '../../base/errors.ts';

/** One field of a protobuf message: a length-delimited value as its bytes, a number as its lower 32 bits. */
export interface ProtobufField {
  readonly number: number;
  readonly value: Buffer | number;
}

/** Reads the fields of one message (protobuf.dev/programming-guides/encoding). Throws ProtocolViolation `bad_protobuf`. */
export function readFields(bytes: Buffer): readonly ProtobufField[] {
  const fields: ProtobufField[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = readNumber(bytes, at);
    at = tag.end;
    const number = Math.floor(tag.value / 8);
    if (number === 0) throw bad('a field has the number 0');
    const kind = tag.value % 8;
    if (kind === 0) {
      const varint = readVarint(bytes, at);
      fields.push({ number, value: varint.value });
      at = varint.end;
    } else if (kind === 2) {
      const length = readNumber(bytes, at);
      at = length.end + length.value;
      if (at > bytes.length) throw bad('a field is longer than what holds it');
      fields.push({ number, value: bytes.subarray(length.end, at) });
    } else if (kind === 1 || kind === 5) {
      const width = kind === 1 ? 8 : 4;
      if (at + width > bytes.length) throw bad('it ends within a field');
      fields.push({ number, value: bytes.readUInt32LE(at) });
      at += width;
    } else throw bad('a field is of an unknown form');
  }
  return fields;
}

/**
 * The message or text in a field; undefined when it is not there. One that is there twice is merged by readers, so
 * that neither of them tells the whole: refused.
 */
export function single(fields: readonly ProtobufField[], number: number): Buffer | undefined {
  const found = repeated(fields, number);
  if (found.length > 1) throw bad(`field ${number} is there twice`);
  return found[0];
}

/** All messages or texts of a repeated field. Throws where it holds a number. */
export function repeated(fields: readonly ProtobufField[], number: number): readonly Buffer[] {
  return fields.flatMap((field) => {
    if (field.number !== number) return [];
    if (typeof field.value === 'number') throw bad(`field ${number} is a number`);
    return [field.value];
  });
}

/** True when a boolean or number field is there and not 0 anywhere. */
export function isSet(fields: readonly ProtobufField[], number: number): boolean {
  return fields.some((field) => field.number === number && field.value !== 0);
}

interface Varint {
  /** Of its lower 32 bits. */
  readonly value: number;
  readonly end: number;
}

function readVarint(bytes: Buffer, start: number): Varint {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) throw bad('it ends within a number');
    if (i < 4) value += (byte & 0x7f) * 2 ** (7 * i);
    else if (i === 4) value += (byte & 0x0f) * 2 ** 28;
    // Higher bits are set: whatever it is, it is not 0.
    else if ((byte & 0x7f) !== 0) value = value === 0 ? 1 : value;
    if (byte < 0x80) return { value, end: start + i + 1 };
  }
  throw bad('a number is too long');
}

/** A tag or a length: nothing of a request needs more than 28 bits, and readers differ above 32. */
function readNumber(bytes: Buffer, start: number): Varint {
  const number = readVarint(bytes, start);
  if (number.end - start > 4) throw bad('a length is too large');
  return number;
}

export function bad(why: string): ProtocolViolation {
  return new ProtocolViolation('bad_protobuf', `the protobuf body cannot be read: ${why}`);
}
