import { describe, expect, it } from 'vitest';
import { DETECTORS, detectionOf } from '../../../../src/masking/detectors.ts';
import { OID } from '../../../../src/masking/postgres-types.ts';
import { hashKey } from '../../../../src/masking/strategies.ts';
import { RowDescriptions } from '../../../../src/protocols/postgres/results/row-descriptions.ts';
import {
  buildRowPlan,
  type ColumnMask,
  parseRowDescription,
  withResultFormats,
} from '../../../../src/protocols/postgres/results/row-plan.ts';
import { column, int16, message, rowDescription } from './messages.ts';

const key = hashKey(Buffer.alloc(32, 7));
const detection = detectionOf([{ detect: [...DETECTORS], strategy: 'redact', keepLast: 0 }]);
const redact: ColumnMask = { detect: [], strategy: 'redact', keepLast: 4 };

describe('reading a RowDescription', () => {
  const columns = [
    column('id', OID.int4, { columnNumber: 1 }),
    column('zażółć', OID.varchar, { columnNumber: 3, typmod: 36, format: 1 }),
    column('?column?', OID.text, { tableOid: 0, columnNumber: 0 }),
    column('big', OID.text, { tableOid: 0xfffffffe }),
  ];

  it('gives names, origins, types and formats', () => {
    const bytes = rowDescription(columns);
    expect(parseRowDescription(bytes, 0, bytes.length)).toEqual(columns);
  });

  it('reads it in the middle of a buffer', () => {
    const bytes = Buffer.concat([Buffer.from('xx'), rowDescription(columns), Buffer.from('yyyy')]);
    expect(parseRowDescription(bytes, 2, bytes.length - 4)).toEqual(columns);
  });

  it('refuses one that is cut at any byte or goes on', () => {
    const bytes = rowDescription(columns);
    for (let end = 0; end < bytes.length; end++) {
      const cut = Buffer.from(bytes.subarray(0, end));
      if (end >= 5) cut.writeInt32BE(end - 1, 1);
      expect(() => parseRowDescription(cut, 0, end)).toThrow(
        expect.objectContaining({ code: 'bad_row_description' }),
      );
    }
    const longer = message('T', bytes.subarray(5), Buffer.of(0));
    expect(() => parseRowDescription(longer, 0, longer.length)).toThrow(
      expect.objectContaining({ code: 'bad_row_description' }),
    );
  });

  it('remembers the last one, and tells it from another of the same length', () => {
    const descriptions = new RowDescriptions();
    const read = (bytes: Buffer) =>
      descriptions.read(Buffer.concat([Buffer.of(7), bytes]), 1, bytes.length + 1);
    const first = read(rowDescription(columns));
    expect(first).toEqual(columns);
    expect(read(rowDescription(columns))).toBe(first);
    const others = columns.map((one) => ({ ...one, tableOid: (one.tableOid + 1) % 2 ** 32 }));
    expect(read(rowDescription(others))).toEqual(others);
    expect(read(rowDescription(columns))).toEqual(columns);
    const broken = rowDescription(columns);
    broken.writeInt16BE(2, broken.length - 2);
    expect(() => read(broken)).toThrow(expect.objectContaining({ code: 'unknown_format' }));
    expect(read(rowDescription(columns))).toEqual(columns);
  });

  it('refuses a format that is neither text nor binary', () => {
    const bytes = rowDescription([column('a', OID.text)]);
    int16(2).copy(bytes, bytes.length - 2);
    expect(() => parseRowDescription(bytes, 0, bytes.length)).toThrow(
      expect.objectContaining({ code: 'unknown_format' }),
    );
  });
});

describe('formats that Bind asks for', () => {
  const columns = [column('a', OID.text), column('b', OID.int4)];
  const formats = (codes: readonly number[]) => withResultFormats(columns, codes).map((c) => c.format);

  it('are text for none, the same for one, each its own otherwise', () => {
    expect(formats([])).toEqual([0, 0]);
    expect(formats([1])).toEqual([1, 1]);
    expect(formats([0, 1])).toEqual([0, 1]);
  });

  it('are refused in any other number or form', () => {
    expect(() => formats([0, 1, 0])).toThrow(expect.objectContaining({ code: 'bad_result_formats' }));
    expect(() => formats([2])).toThrow(expect.objectContaining({ code: 'unknown_format' }));
  });
});

describe('planning a result', () => {
  it('has nothing to do where no mask holds and no type holds text', () => {
    const numbers = [column('id', OID.int4), column('at', 1184), column('ids', 1007), column('u', OID.uuid)];
    expect(
      buildRowPlan([column('t', OID.text)], () => undefined, { detection: undefined, key }),
    ).toBeUndefined();
    expect(buildRowPlan(numbers, () => undefined, { detection, key })).toBeUndefined();
    expect(buildRowPlan([], () => redact, { detection, key })).toBeUndefined();
  });

  it('asks for each column once, with its position', () => {
    const asked: [string, number][] = [];
    const plan = buildRowPlan(
      [column('a', OID.text), column('b', OID.text)],
      (c, i) => {
        asked.push([c.name, i]);
        return i === 1 ? redact : undefined;
      },
      { detection: undefined, key },
    );
    expect(asked).toEqual([
      ['a', 0],
      ['b', 1],
    ]);
    expect(plan?.actions.map(({ kind }) => kind)).toEqual(['pass', 'constant']);
  });

  it('puts a mask before detectors', () => {
    const plan = buildRowPlan(
      [column('a', OID.text), column('b', OID.text)],
      (_, i) => (i === 0 ? redact : undefined),
      { detection, key },
    );
    expect(plan?.actions.map(({ kind }) => kind)).toEqual(['constant', 'detecting']);
  });

  it('looks at types nobody knows', () => {
    expect(buildRowPlan([column('x', 70_000)], () => undefined, { detection, key })).toBeDefined();
  });
});
