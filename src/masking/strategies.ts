import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { Internal } from '../base/errors.ts';
import type { ActiveMask, MaskStrategy } from '../policy/decision.ts';
import {
  declaredLength,
  type Format,
  kindOf,
  OID,
  type TextTypes,
  type ValueKind,
  type ValueType,
} from './postgres-types.ts';

/** What `redact` writes: says neither how long nor what the value was. */
export const REDACTED = '[masked]';

/** Hexadecimal digits of a hashed text: 96 bits, so that two values of one database do not meet by chance. */
const HASH_DIGITS = 24;

/** Longest text, in characters, whose shape `partial` shows; of a longer one only the kept end remains. */
const SHAPE_LIMIT = 64;

/** How one value is to be masked. */
export type ValueMasking = Pick<ActiveMask, 'strategy' | 'keepLast'>;

/** The key of `hash`, one for an installation, so that hashes join across sessions. */
export type HashKey = KeyObject;

/** Shorter keys could be tried one by one against a known value. */
const SHORTEST_KEY = 16;

/** Makes the key from its bytes, once a process. Throws Internal `hash_key_too_short` under 16 bytes. */
export function hashKey(secret: Uint8Array): HashKey {
  if (secret.length >= SHORTEST_KEY) return createSecretKey(secret);
  throw new Internal(
    'hash_key_too_short',
    `the key of the hash strategy has fewer than ${SHORTEST_KEY} bytes`,
  );
}

/**
 * A mask made ready for one column: either the same bytes for every value (null: SQL NULL), or computed from
 * the value, which stands in `bytes` from `start` to `end`. SQL NULL itself is never masked.
 */
export type ValueMask =
  /** `always`: also in the place of NULL. */
  | { readonly kind: 'constant'; readonly value: Buffer | null; readonly always?: true }
  | {
      readonly kind: 'computed';
      apply(bytes: Buffer, start: number, end: number): Buffer | null;
    };

const STRICTNESS: readonly MaskStrategy[] = ['null', 'redact', 'hash', 'partial'];

/** The one of two masks that shows less: null, then redact, hash, partial; of two partial ones that which keeps fewer. */
export function stricter(a: ValueMasking, b: ValueMasking): ValueMasking {
  const difference = STRICTNESS.indexOf(a.strategy) - STRICTNESS.indexOf(b.strategy);
  if (difference !== 0) return difference < 0 ? a : b;
  return a.keepLast <= b.keepLast ? a : b;
}

const NULL_MASK: ValueMask = { kind: 'constant', value: null };

/**
 * A mask whose output is valid for the column's type in the given format, so that drivers read it. Where a
 * type has no such value (dates, numerics, arrays, types unknown to us) the value becomes NULL.
 */
export function compileValueMask(
  type: ValueType,
  format: Format,
  masking: ValueMasking,
  key: HashKey,
  textTypes?: TextTypes,
): ValueMask {
  const kind = kindOf(type.oid, textTypes);
  switch (masking.strategy) {
    case 'null':
      return NULL_MASK;
    case 'redact':
      return redaction(kind, type, format);
    case 'partial':
      return kind === 'text' || kind === 'bpchar'
        ? computed((value) => fitted(partialText(value.toString('utf8'), masking.keepLast), kind, type))
        : redaction(kind, type, format);
    case 'hash':
      return hashing(kind, type, format, key);
  }
}

/**
 * An e-mail address keeps its first letter and top-level domain (`j***@*******.com`); any other text keeps its
 * last `keepLast` letters and digits and its separators (`**** **** **** 4242`). A text with fewer than twice
 * `keepLast` letters and digits keeps none, so that a short secret does not stay readable.
 */
export function partialText(text: string, keepLast: number): string {
  const email = /^([^\s@])([^\s@]{0,127})@[^\s@]{1,255}\.([A-Za-z]{2,24})$/.exec(text);
  if (email) return `${email[2] === '' ? '*' : email[1]}***@*******.${email[3]}`;
  const characters = [...text];
  const known = characters.filter(isAlphanumeric).length;
  const kept = known < 2 * keepLast ? 0 : keepLast;
  if (characters.length > SHAPE_LIMIT) {
    return kept === 0 ? '***' : `***${characters.filter(isAlphanumeric).slice(-kept).join('')}`;
  }
  let starred = known - kept;
  return characters
    .map((c) => {
      if (!isAlphanumeric(c)) return ' -./'.includes(c) ? c : '*';
      return starred-- > 0 ? '*' : c;
    })
    .join('');
}

function isAlphanumeric(character: string): boolean {
  return /^[\p{L}\p{N}]$/u.test(character);
}

/** Keyed hash of a value's bytes as text. Equal bytes give equal text; without the key nothing can be tried against it. */
export function hashText(value: Uint8Array, key: HashKey): string {
  return createHmac('sha256', key).update(value).digest('hex').slice(0, HASH_DIGITS);
}

function digest(value: Uint8Array, key: HashKey): Buffer {
  return createHmac('sha256', key).update(value).digest();
}

function redaction(kind: ValueKind, type: ValueType, format: Format): ValueMask {
  const value = written(REDACTED, kind, type, format);
  return value === null ? NULL_MASK : { kind: 'constant', value };
}

function hashing(kind: ValueKind, type: ValueType, format: Format, key: HashKey): ValueMask {
  switch (kind) {
    case 'int4':
    case 'int8':
      return computed((value) => hashedInteger(value, kind, format, key));
    case 'uuid':
      return computed((value) => hashedUuid(value, format, key));
    case 'other':
      return NULL_MASK;
    default:
      return computed((value) => written(hashText(hashInput(value, kind, format), key), kind, type, format));
  }
}

/** The part of a value that two equal values share whatever their format: hashes of text and binary must join. */
function hashInput(value: Buffer, kind: ValueKind, format: Format): Buffer {
  if (kind === 'jsonb' && format === 1) return value.subarray(1);
  if (kind === 'bytea' && format === 0 && value[0] === 0x5c && value[1] === 0x78) {
    return Buffer.from(value.toString('latin1', 2), 'hex');
  }
  if (kind === 'bpchar') {
    let end = value.length;
    while (end > 0 && value[end - 1] === 0x20) end--;
    return value.subarray(0, end);
  }
  return value;
}

/** A positive integer of the same width; the sign bit is left out so that no range check surprises a client. */
function hashedInteger(value: Buffer, kind: 'int4' | 'int8', format: Format, key: HashKey): Buffer | null {
  const width = kind === 'int4' ? 4 : 8;
  if (format === 1 && value.length !== width) return null;
  const decimal =
    format === 0
      ? value
      : Buffer.from(kind === 'int4' ? String(value.readInt32BE(0)) : String(value.readBigInt64BE(0)));
  const bytes = digest(decimal, key).subarray(0, width);
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  if (format === 1) return Buffer.from(bytes);
  return Buffer.from(kind === 'int4' ? String(bytes.readInt32BE(0)) : String(bytes.readBigInt64BE(0)));
}

/** A version 8 UUID (RFC 9562 section 5.8: contents of one's own making). */
function hashedUuid(value: Buffer, format: Format, key: HashKey): Buffer | null {
  const raw = format === 1 ? value : Buffer.from(value.toString('latin1').replaceAll('-', ''), 'hex');
  if (raw.length !== 16) return null;
  const bytes = digest(raw, key).subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  if (format === 1) return Buffer.from(bytes);
  return Buffer.from(bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'));
}

/** `text` as a value of that kind; null where the kind can hold no text. */
function written(text: string, kind: ValueKind, type: ValueType, format: Format): Buffer | null {
  switch (kind) {
    case 'text':
    case 'bpchar':
      return fitted(text, kind, type);
    case 'json':
      return Buffer.from(`"${text}"`);
    case 'jsonb':
      // Binary jsonb is a version byte, 1, and the text (jsonb_send).
      return Buffer.from(format === 1 ? `\x01"${text}"` : `"${text}"`);
    case 'xml':
      return Buffer.from(`<masked>${text}</masked>`);
    case 'bytea':
      return format === 1 ? Buffer.from(text) : Buffer.from(`\\x${Buffer.from(text).toString('hex')}`);
    case 'int4':
    case 'int8':
    case 'uuid':
    case 'other':
      return null;
  }
}

/** Cut to the declared length in characters; a bpchar is filled with blanks as the server fills it. */
function fitted(text: string, kind: ValueKind, type: ValueType): Buffer {
  const length = declaredLength(type);
  if (length === undefined) return Buffer.from(text);
  if (type.oid === OID.name) return cutAtCharacter(Buffer.from(text), length);
  const characters = [...text].slice(0, length);
  const blanks = kind === 'bpchar' ? Math.max(0, length - characters.length) : 0;
  return Buffer.from(characters.join('') + ' '.repeat(blanks));
}

/** At most `length` bytes, never half a UTF-8 character. */
function cutAtCharacter(bytes: Buffer, length: number): Buffer {
  let end = Math.min(bytes.length, length);
  while (end < bytes.length && end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}

function computed(apply: (value: Buffer) => Buffer | null): ValueMask {
  return { kind: 'computed', apply: (bytes, start, end) => apply(bytes.subarray(start, end)) };
}
