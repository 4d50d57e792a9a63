import { describe, expect, it } from 'vitest';
import { type Format, OID, type ValueType } from '../../../src/masking/postgres-types.ts';
import {
  compileValueMask,
  hashKey,
  hashText,
  partialText,
  REDACTED,
  stricter,
  type ValueMasking,
} from '../../../src/masking/strategies.ts';

const key = hashKey(Buffer.alloc(32, 7));
const otherKey = hashKey(Buffer.alloc(32, 8));

const redact: ValueMasking = { strategy: 'redact', keepLast: 4 };
const partial: ValueMasking = { strategy: 'partial', keepLast: 4 };
const hash: ValueMasking = { strategy: 'hash', keepLast: 4 };

/** What a mask makes of a value; undefined stands for SQL NULL to keep the tables below short. */
function masked(
  value: string | Buffer,
  masking: ValueMasking,
  oid: number = OID.text,
  format: Format = 0,
  typmod = -1,
  textTypes?: ReadonlySet<number>,
): Buffer | null {
  const type: ValueType = { oid, typmod };
  const mask = compileValueMask(type, format, masking, key, textTypes);
  const bytes = Buffer.concat([Buffer.from('before'), Buffer.from(value), Buffer.from('after')]);
  return mask.kind === 'constant' ? mask.value : mask.apply(bytes, 6, bytes.length - 5);
}

function int4(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

describe('redact', () => {
  it('writes the same text whatever the value was', () => {
    for (const value of ['', 'a', 'x'.repeat(10_000), 'zq.alice@example.test']) {
      expect(masked(value, redact)?.toString()).toBe(REDACTED);
    }
  });

  it('is a JSON string for json and jsonb, with the version byte in binary', () => {
    expect(JSON.parse(String(masked('{"a":1}', redact, OID.json)))).toBe(REDACTED);
    expect(JSON.parse(String(masked('{"a":1}', redact, OID.jsonb)))).toBe(REDACTED);
    const binary = masked('\x01{"a":1}', redact, OID.jsonb, 1);
    expect(binary?.[0]).toBe(1);
    expect(JSON.parse(String(binary?.subarray(1)))).toBe(REDACTED);
  });

  it('is a document for xml and hexadecimal for bytea in text', () => {
    expect(masked('<a/>', redact, OID.xml)?.toString()).toBe(`<masked>${REDACTED}</masked>`);
    expect(masked('\\x00ff', redact, OID.bytea)?.toString()).toBe(
      `\\x${Buffer.from(REDACTED).toString('hex')}`,
    );
    expect(masked('\x00\xff', redact, OID.bytea, 1)?.toString()).toBe(REDACTED);
  });

  it('stays within the declared length of varchar, bpchar and name', () => {
    expect(masked('abcde', redact, OID.varchar, 0, 5 + 4)?.toString()).toBe(REDACTED.slice(0, 5));
    expect(masked('abc', redact, OID.varchar, 0, -1)?.toString()).toBe(REDACTED);
    expect(masked('abc', redact, OID.bpchar, 1, 12 + 4)?.toString()).toBe(REDACTED.padEnd(12));
    expect(masked('abc', redact, OID.name)?.toString()).toBe(REDACTED);
  });

  it('is NULL for types that can hold no text, arrays and types it does not know', () => {
    const others = [
      16, 20, 21, 23, 700, 701, 869, 1082, 1114, 1184, 1186, 1700, 1009, 2249, 2950, 3904, 18, 123_456,
    ];
    for (const oid of others) {
      for (const format of [0, 1] as const) {
        expect(masked('1', redact, oid, format)).toBeNull();
        expect(masked('1', partial, oid, format)).toBeNull();
      }
    }
  });

  it('is text for a type that the catalog says is text', () => {
    expect(masked('A', redact, 123_456, 0, -1, new Set([123_456]))?.toString()).toBe(REDACTED);
  });
});

describe('partial', () => {
  it('keeps the last letters and digits and the separators of a card', () => {
    expect(partialText('4242 4242 4242 4242', 4)).toBe('**** **** **** 4242');
    expect(partialText('4539148803436467', 4)).toBe('************6467');
    expect(partialText('912-47-3301', 4)).toBe('***-**-3301');
  });

  it('keeps first letter and top-level domain of an address, and hides its length', () => {
    expect(partialText('jane.doe@example.com', 4)).toBe('j***@*******.com');
    expect(partialText('j.d@a.com', 4)).toBe('j***@*******.com');
    expect(partialText('j@example.com', 4)).toBe('****@*******.com');
  });

  it('keeps nothing of a text that is not at least twice as long as what it would keep', () => {
    expect(partialText('4242', 4)).toBe('****');
    expect(partialText('1234567', 4)).toBe('*******');
    expect(partialText('12345678', 4)).toBe('****5678');
    expect(partialText('abc', 0)).toBe('***');
    expect(partialText('', 4)).toBe('');
  });

  it('shows no shape of a long text', () => {
    expect(partialText(`${'word '.repeat(100)}last`, 4)).toBe('***last');
    expect(partialText('word '.repeat(100), 0)).toBe('***');
  });

  it('counts characters, not bytes', () => {
    expect(partialText('żółć-日本語-xyz', 3)).toBe('****-***-xyz');
    expect(masked('ąęśćńółż', partial, OID.varchar, 0, 8 + 4)?.toString()).toBe('****ńółż');
  });

  it('fits the declared length and redacts JSON', () => {
    expect(masked('jane@example.com', partial, OID.varchar, 0, 6 + 4)?.toString()).toBe('j***@*');
    expect(JSON.parse(String(masked('"4242424242424242"', partial, OID.json)))).toBe(REDACTED);
  });
});

describe('hash', () => {
  it('gives equal values equal hashes and other values other ones, by the key', () => {
    expect(masked('alice', hash)).toEqual(masked('alice', hash));
    expect(masked('alice', hash)).not.toEqual(masked('alicf', hash));
    expect(hashText(Buffer.from('alice'), key)).not.toBe(hashText(Buffer.from('alice'), otherKey));
    expect(masked('alice', hash)?.toString()).toMatch(/^[0-9a-f]{24}$/);
  });

  it('joins text, varchar and bpchar, text and binary', () => {
    const expected = masked('alice', hash)?.toString();
    expect(masked('alice', hash, OID.varchar, 1, 40 + 4)?.toString()).toBe(expected);
    expect(
      masked('alice     ', hash, OID.bpchar, 0, 30 + 4)
        ?.toString()
        .trimEnd(),
    ).toBe(expected);
    expect(masked('\x01{"a":1}', hash, OID.jsonb, 1)?.subarray(1)).toEqual(
      masked('{"a":1}', hash, OID.jsonb),
    );
    expect(masked('\\x616263', hash, OID.bytea)?.toString()).toBe(
      `\\x${Buffer.from(masked('abc', hash, OID.bytea, 1) ?? '').toString('hex')}`,
    );
  });

  it('fits the declared length', () => {
    expect(masked('alice', hash, OID.varchar, 0, 10 + 4)).toHaveLength(10);
  });

  it('gives integers an integer of the same width, the same in text and binary', () => {
    const text = masked('42', hash, OID.int4);
    const binary = masked(int4(42), hash, OID.int4, 1);
    expect(binary?.readInt32BE(0)).toBe(Number(text));
    expect(Number(text)).toBeGreaterThanOrEqual(0);
    expect(Number(text)).not.toBe(42);
    const eight = Buffer.alloc(8);
    eight.writeBigInt64BE(-5n);
    expect(masked(eight, hash, OID.int8, 1)?.readBigInt64BE(0)).toBe(
      BigInt(String(masked('-5', hash, OID.int8))),
    );
    expect(masked('123', hash, OID.int4, 1)).toBeNull();
  });

  it('gives a uuid a uuid, the same in text and binary', () => {
    const uuid = '550e8400-e29b-41d4-a716-446655440000';
    const raw = Buffer.from(uuid.replaceAll('-', ''), 'hex');
    const text = masked(uuid, hash, OID.uuid)?.toString();
    expect(text).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(masked(raw, hash, OID.uuid, 1)?.toString('hex')).toBe(text?.replaceAll('-', ''));
  });

  it('is NULL for any other type', () => {
    for (const oid of [16, 21, 700, 1082, 1700, 1009, 123_456]) expect(masked('1', hash, oid)).toBeNull();
  });

  it('refuses a short key', () => {
    expect(() => hashKey(Buffer.alloc(15))).toThrow(expect.objectContaining({ code: 'hash_key_too_short' }));
  });
});

describe('null and the order of masks', () => {
  it('makes any value NULL', () => {
    expect(masked('a', { strategy: 'null', keepLast: 0 })).toBeNull();
  });

  it('prefers the mask that shows less', () => {
    const toNull: ValueMasking = { strategy: 'null', keepLast: 0 };
    expect(stricter(partial, redact)).toBe(redact);
    expect(stricter(redact, hash)).toBe(redact);
    expect(stricter(hash, partial)).toBe(hash);
    expect(stricter(redact, toNull)).toBe(toNull);
    expect(stricter(partial, { strategy: 'partial', keepLast: 2 }).keepLast).toBe(2);
  });
});
