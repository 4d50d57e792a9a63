import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLines } from '../../../src/api/ndjson.ts';

async function* cutInto(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const value of readLines(chunks)) all.push(value);
  return all;
}

describe('NDJSON', () => {
  it('gives the same values however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.constant(null))),
        fc.integer({ min: 1, max: 7 }),
        async (values, size) => {
          const text = values.map((value) => `${JSON.stringify(value)}\n`).join('');
          // JSON.parse of the text is what a lone surrogate becomes in UTF-8.
          const bytes = Buffer.from(text);
          const expected = bytes
            .toString()
            .split('\n')
            .filter(Boolean)
            .map((line) => JSON.parse(line));
          expect(await collect(cutInto(bytes, size))).toEqual(expected);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('takes a last line without its newline', async () => {
    expect(await collect(cutInto(Buffer.from('{"a":1}\n{"b":2}'), 3))).toEqual([{ a: 1 }, { b: 2 }]);
  });

  it('refuses a line that is not JSON', async () => {
    await expect(collect(cutInto(Buffer.from('nonsense\n'), 4))).rejects.toMatchObject({
      code: 'bad_answer',
    });
  });
});
