import { ProtocolViolation } from '../../base/errors.ts';
import { POD_KINDS } from './api-resources.ts';

export interface ProtobufObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name?: string;
  readonly namespace?: string;
  /** Its fields may say something that decides, and are not read. */
  readonly opaque: boolean;
}

/** `k8s\0`, then a runtime.Unknown (k8s.io/apimachinery/pkg/runtime/serializer/protobuf). */
const MAGIC = Buffer.from('k8s\0', 'latin1');

/** Kinds without ObjectMeta in field 1. */
const WITHOUT_METADATA: ReadonlySet<string> = new Set(['DeleteOptions', 'Status', 'PatchOptions']);

/**
 * Reads the envelope of an object in Kubernetes' protobuf, and its name and namespace. Throws ProtocolViolation
 * `bad_protobuf` for anything that two readers could take differently.
 */
export function readProtobufObject(bytes: Buffer): ProtobufObject {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw bad('it does not begin as one');
  const unknown = readFields(bytes.subarray(MAGIC.length));
  const type = readFields(single(unknown, 1) ?? Buffer.alloc(0));
  const apiVersion = text(single(type, 1));
  const kind = text(single(type, 2));
  if (kind === undefined || apiVersion === undefined) throw bad('it does not say of which kind it is');
  if ((text(single(unknown, 3)) ?? '') !== '') throw bad('its content is encoded');
  const opaque = POD_KINDS.has(kind);
  const raw = single(unknown, 2);
  if (raw === undefined || WITHOUT_METADATA.has(kind)) return { apiVersion, kind, opaque };
  const fields = readFields(raw);
  const metadata = readFields(single(fields, 1) ?? Buffer.alloc(0));
  const name = text(single(metadata, 1));
  const namespace = text(single(metadata, 3));
  return {
    apiVersion,
    kind,
    ...(name ? { name } : {}),
    ...(namespace ? { namespace } : {}),
    opaque,
  };
}

type Fields = ReadonlyMap<number, readonly Buffer[]>;

/** Length-delimited fields by number; the others are stepped over. */
function readFields(bytes: Buffer): Fields {
  const fields = new Map<number, Buffer[]>();
  let at = 0;
  while (at < bytes.length) {
    const tag = readNumber(bytes, at);
    at = tag.end;
    const number = Math.floor(tag.value / 8);
    if (number === 0) throw bad('a field has the number 0');
    switch (tag.value % 8) {
      case 0:
        at = readVarint(bytes, at).end;
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = readNumber(bytes, at);
        at = length.end + length.value;
        if (at > bytes.length) throw bad('a field is longer than what holds it');
        const list = fields.get(number) ?? [];
        list.push(bytes.subarray(length.end, at));
        fields.set(number, list);
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw bad('a field is of an unknown form');
    }
    if (at > bytes.length) throw bad('it ends within a field');
  }
  return fields;
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

/** A message field that is there twice is merged by readers, so that neither of them tells the whole. */
function single(fields: Fields, number: number): Buffer | undefined {
  const list = fields.get(number);
  if (list !== undefined && list.length > 1) throw bad(`field ${number} is there twice`);
  return list?.[0];
}

function text(bytes: Buffer | undefined): string | undefined {
  return bytes?.toString('utf8');
}

function bad(why: string): ProtocolViolation {
  return new ProtocolViolation('bad_protobuf', `the protobuf body cannot be read: ${why}`);
}
