import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DETECTORS, detectionOf } from '../../../../src/masking/detectors.ts';
import { OID } from '../../../../src/masking/postgres-types.ts';
import { hashKey, REDACTED } from '../../../../src/masking/strategies.ts';
import { checkDataRow, maskDataRow } from '../../../../src/protocols/postgres/results/data-row.ts';
import {
  buildRowPlan,
  type ColumnMask,
  type MaskingTerms,
  type RowPlan,
} from '../../../../src/protocols/postgres/results/row-plan.ts';
import { column, dataRow, field, int16, int32, message, readDataRow, type Value } from './messages.ts';

const key = hashKey(Buffer.alloc(32, 7));
const detection = detectionOf([{ detect: [...DETECTORS], strategy: 'redact', keepLast: 0 }]);
const plain: MaskingTerms = { detection: undefined, key };
const detecting: MaskingTerms = { detection, key };
const redact: ColumnMask = { detect: [], strategy: 'redact', keepLast: 4 };

/** A plan over text columns, of which those at `positions` are redacted. */
function textPlan(count: number, positions: readonly number[], terms = plain): RowPlan {
  const columns = Array.from({ length: count }, (_, i) => column(`c${i}`, OID.text));
  return buildRowPlan(columns, (_, i) => (positions.includes(i) ? redact : undefined), terms)!;
}

function maskedValues(row: Buffer, plan: RowPlan): readonly (string | null)[] {
  const masked = maskDataRow(row, 0, row.length, plan) ?? row;
  return readDataRow(masked).map((value) => value?.toString() ?? null);
}

describe('masking a DataRow', () => {
  it('replaces masked columns and keeps the others byte for byte', () => {
    const row = dataRow(['1', 'Alice', 'alice@example.test', null, '']);
    expect(maskedValues(row, textPlan(5, [2, 3, 4]))).toEqual(['1', 'Alice', REDACTED, null, REDACTED]);
  });

  it('gives back nothing new when nothing changes', () => {
    const row = dataRow(['1', null, 'gift wrap']);
    expect(maskDataRow(row, 0, row.length, textPlan(3, [1]))).toBeUndefined();
    expect(maskDataRow(row, 0, row.length, textPlan(3, [1], detecting))).toBeUndefined();
  });

  it('leaves the original alone and works in the middle of a larger buffer', () => {
    const row = dataRow(['secret']);
    const chunk = Buffer.concat([Buffer.from('before'), row, Buffer.from('after')]);
    const copy = Buffer.from(chunk);
    const masked = maskDataRow(chunk, 6, 6 + row.length, textPlan(1, [0]));
    expect(chunk).toEqual(copy);
    expect(readDataRow(masked!)[0]?.toString()).toBe(REDACTED);
  });

  it('masks the entries of a document by the key in their row, wherever it stands and whatever it is', () => {
    const byKey = (position: number): ColumnMask => ({
      ...redact,
      byKey: { position, mask: (name) => (name === 'théme' ? undefined : redact) },
    });
    const ahead = buildRowPlan(
      [column('key', OID.text), column('value', OID.text)],
      (_, i) => (i === 1 ? byKey(0) : undefined),
      plain,
    )!;
    const behind = buildRowPlan(
      [column('value', OID.text), column('n', OID.text), column('key', OID.text)],
      (_, i) => (i === 0 ? byKey(2) : undefined),
      plain,
    )!;
    expect(maskedValues(dataRow(['théme', 'dark']), ahead)).toEqual(['théme', 'dark']);
    expect(maskedValues(dataRow(['dob', '1981']), ahead)).toEqual(['dob', REDACTED]);
    expect(maskedValues(dataRow([null, '1981']), ahead)).toEqual([null, REDACTED]);
    expect(maskedValues(dataRow(['dob', null]), ahead)).toEqual(['dob', null]);
    expect(maskedValues(dataRow(['dark', 'x', 'théme']), behind)).toEqual(['dark', 'x', 'théme']);
    expect(maskedValues(dataRow(['1981', null, 'dob']), behind)).toEqual([REDACTED, null, 'dob']);
  });

  it('makes an integer NULL, whose length is -1', () => {
    const plan = buildRowPlan(
      [column('n', OID.int4), column('t', OID.text)],
      (_, i) => (i === 0 ? redact : undefined),
      plain,
    )!;
    expect(maskedValues(dataRow(['912', 'x']), plan)).toEqual([null, 'x']);
  });

  it('masks binary columns in their own form', () => {
    const columns = [column('j', OID.jsonb, { format: 1 }), column('n', OID.int4, { format: 1 })];
    const plan = buildRowPlan(columns, (_, i) => (i === 0 ? redact : undefined), plain)!;
    const masked = maskDataRow(...whole(dataRow(['\x01{"a":1}', int32(7)])), plan)!;
    expect(readDataRow(masked)).toEqual([Buffer.from(`\x01"${REDACTED}"`), int32(7)]);
  });

  it('runs detectors over text and json columns without a mask, and over no integer', () => {
    const columns = [
      column('n', OID.int8),
      column('note', OID.text),
      column('doc', OID.jsonb),
      column('v', OID.varchar, { typmod: 9 }),
    ];
    const plan = buildRowPlan(columns, () => undefined, detecting)!;
    expect(
      maskedValues(
        dataRow(['4539148803436467', 'call +1-202-555-0178 now', '{"m": "x@example.com"}', 'a@b.co']),
        plan,
      ),
    ).toEqual(['4539148803436467', `call ${REDACTED} now`, `{"m": "${REDACTED}"}`, REDACTED.slice(0, 5)]);
  });

  it('runs the detectors of a column mask over that column only', () => {
    const columns = [column('a', OID.text), column('b', OID.text)];
    const scoped: ColumnMask = { detect: ['email'], strategy: 'hash', keepLast: 0 };
    const plan = buildRowPlan(columns, (_, i) => (i === 1 ? scoped : undefined), plain)!;
    const [a, b] = maskedValues(dataRow(['x@example.com', 'to x@example.com']), plan);
    expect(a).toBe('x@example.com');
    expect(b).toMatch(/^to [0-9a-f]{24}$/);
  });

  it('searches bytea that reads as text and leaves other bytes alone', () => {
    const text = buildRowPlan([column('b', OID.bytea)], () => undefined, detecting)!;
    const binary = buildRowPlan([column('b', OID.bytea, { format: 1 })], () => undefined, detecting)!;
    const hidden = Buffer.from('to x@example.com');
    const image = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), hidden]);
    expect(maskedValues(dataRow([`\\x${hidden.toString('hex')}`]), text)).toEqual([
      `\\x${Buffer.from(REDACTED).toString('hex')}`,
    ]);
    expect(maskedValues(dataRow([hidden]), binary)).toEqual([REDACTED]);
    expect(maskDataRow(...whole(dataRow([image])), binary)).toBeUndefined();
  });

  it('hides every secret and nothing else, whatever the row', () => {
    const secret = 'zq.secret@corp-example.test';
    const values = fc.array(fc.tuple(fc.option(fc.string(), { nil: null }), fc.boolean()), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(values, (cells) => {
        const row = dataRow(
          cells.map(([value, masked]) => (masked && value !== null ? value + secret : value)),
        );
        const positions = cells.flatMap(([, masked], i) => (masked ? [i] : []));
        const plan = buildRowPlan(
          cells.map((_, i) => column(`c${i}`, OID.text)),
          (_, i) => (positions.includes(i) ? redact : undefined),
          plain,
        );
        const result = plan ? (maskDataRow(row, 0, row.length, plan) ?? row) : row;
        expect(result.includes(secret)).toBe(false);
        const expected = cells.map(([value, masked]) => (masked && value !== null ? REDACTED : value));
        expect(readDataRow(result).map((value) => value?.toString() ?? null)).toEqual(expected);
      }),
    );
  });
});

function whole(row: Buffer): [Buffer, number, number] {
  return [row, 0, row.length];
}

describe('a malformed DataRow', () => {
  const plan = textPlan(2, [0]);
  const good = dataRow(['a', 'b']);
  const bad: Readonly<Record<string, Buffer>> = {
    'more columns than described': dataRow(['a', 'b', 'c']),
    'fewer columns than described': dataRow(['a']),
    'a length beyond the row': message('D', int16(2), field('a'), int32(9), Buffer.from('b')),
    'a huge length': message('D', int16(2), field('a'), int32(0x7fffffff)),
    'a length of -2': message('D', int16(2), field('a'), int32(-2)),
    'a length of -2^31': message('D', int16(2), int32(-0x80000000), field('b')),
    'bytes after the last column': message('D', int16(2), field('a'), field('b'), Buffer.of(0)),
    'a negative column count': message('D', int16(-1)),
    'no columns at all': message('D'),
    'another type byte': message('d', int16(2), field('a'), field('b')),
    'a length of its own that is too long': Buffer.concat([
      good.subarray(0, 1),
      int32(good.length),
      good.subarray(5),
    ]),
  };
  for (const [name, row] of Object.entries(bad)) {
    it(`is refused for ${name}, masked or not`, () => {
      const violation = expect.objectContaining({ code: 'bad_data_row' });
      expect(() => maskDataRow(row, 0, row.length, plan)).toThrow(violation);
      expect(() => checkDataRow(row, 0, row.length, 2)).toThrow(violation);
    });
  }

  it('is refused when cut at any byte', () => {
    for (let end = 0; end < good.length; end++) {
      expect(() => maskDataRow(good, 0, end, plan)).toThrow(
        expect.objectContaining({ code: 'bad_data_row' }),
      );
      const cut = Buffer.from(good.subarray(0, end));
      if (end >= 5) cut.writeInt32BE(end - 1, 1);
      expect(() => maskDataRow(cut, 0, end, plan)).toThrow(expect.objectContaining({ code: 'bad_data_row' }));
    }
    expect(() => checkDataRow(good, 0, good.length, 2)).not.toThrow();
  });

  it('throws nothing but a ProtocolViolation, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
        const row = message('D', int16(2), Buffer.from(noise));
        try {
          const masked = maskDataRow(row, 0, row.length, plan) ?? row;
          expect(readDataRow(masked)).toHaveLength(2);
        } catch (error) {
          expect(error).toMatchObject({ kind: 'protocol-violation' });
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('binary containers', () => {
  const secret = 'to carol@example.com';

  /** array_send of one dimension. */
  function textArray(elementOid: number, elements: readonly Value[]): Buffer {
    return Buffer.concat([
      int32(1),
      int32(elements.includes(null) ? 1 : 0),
      int32(elementOid),
      int32(elements.length),
      int32(1),
      ...elements.map(field),
    ]);
  }

  function masked(
    oid: number,
    value: Buffer,
    strategy: 'redact' | 'null' = 'redact',
  ): Buffer | null | undefined {
    const terms = { detection: detectionOf([{ detect: [...DETECTORS], strategy, keepLast: 0 }]), key };
    const plan = buildRowPlan([column('c', oid, { format: 1 })], () => undefined, terms)!;
    const row = maskDataRow(...whole(dataRow([value])), plan);
    return row && readDataRow(row)[0];
  }

  it('are opened: array elements are masked one by one', () => {
    expect(masked(1009, textArray(OID.text, ['a', secret, null]))).toEqual(
      textArray(OID.text, ['a', `to ${REDACTED}`, null]),
    );
    expect(masked(3807, textArray(OID.jsonb, [`\x01{"m":"${secret}"}`]))).toEqual(
      textArray(OID.jsonb, [`\x01{"m":"to ${REDACTED}"}`]),
    );
    expect(masked(1009, textArray(OID.text, ['a', null]))).toBeUndefined();
  });

  it('say in an array that it has a NULL now', () => {
    expect(masked(1009, textArray(OID.text, ['a', secret]), 'null')).toEqual(
      textArray(OID.text, ['a', null]),
    );
  });

  it('are opened: record columns by their own types', () => {
    const record = (text: Value) =>
      Buffer.concat([int32(2), int32(OID.int4), field(int32(7)), int32(OID.text), field(text)]);
    expect(masked(OID.record, record(secret))).toEqual(record(`to ${REDACTED}`));
    expect(masked(OID.record, record('gift wrap'))).toBeUndefined();
  });

  it('become NULL when something is found in an unknown layout, or the layout is broken', () => {
    expect(masked(70_000, Buffer.from(`\x00\x01${secret}`))).toBeNull();
    expect(masked(70_000, Buffer.from('\x00\x01gift wrap'))).toBeUndefined();
    expect(masked(1009, Buffer.from(`broken ${secret}`))).toBeNull();
    const array = textArray(OID.text, ['a', secret]);
    expect(masked(1009, array.subarray(0, array.length - 1))).toBeNull();
  });
});
