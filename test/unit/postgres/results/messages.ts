import type { ResultColumn } from '../../../../src/protocols/postgres/results/row-plan.ts';

/** Backend messages for tests, built by hand. */

export function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value | 0);
  return bytes;
}

export function message(type: string, ...body: readonly Buffer[]): Buffer {
  const rest = Buffer.concat(body);
  return Buffer.concat([Buffer.from(type), int32(rest.length + 4), rest]);
}

export type Value = string | Buffer | null;

export function field(value: Value): Buffer {
  if (value === null) return int32(-1);
  const bytes = Buffer.from(value);
  return Buffer.concat([int32(bytes.length), bytes]);
}

export function dataRow(values: readonly Value[]): Buffer {
  return message('D', int16(values.length), ...values.map(field));
}

/** The values of a DataRow; throws when it is not one, to the last byte. */
export function readDataRow(row: Buffer): readonly (Buffer | null)[] {
  if (row[0] !== 0x44 || row.readInt32BE(1) !== row.length - 1) throw new Error('not a DataRow');
  const values: (Buffer | null)[] = [];
  let at = 7;
  for (let i = 0; i < row.readUInt16BE(5); i++) {
    const length = row.readInt32BE(at);
    at += 4;
    values.push(length < 0 ? null : row.subarray(at, at + length));
    at += Math.max(0, length);
  }
  if (at !== row.length) throw new Error('bytes follow the last column');
  return values;
}

export function column(name: string, typeOid: number, facts: Partial<ResultColumn> = {}): ResultColumn {
  return { name, tableOid: 16_400, columnNumber: 1, typeOid, typmod: -1, format: 0, ...facts };
}

export function rowDescription(columns: readonly ResultColumn[]): Buffer {
  return message(
    'T',
    int16(columns.length),
    ...columns.flatMap((c) => [
      Buffer.from(`${c.name}\0`),
      int32(c.tableOid),
      int16(c.columnNumber),
      int32(c.typeOid),
      int16(-1),
      int32(c.typmod),
      int16(c.format),
    ]),
  );
}
