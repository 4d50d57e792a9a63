import { crc32 as zlibs } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32 } from '../../../src/base/crc32.ts';

test('gives what zlib gives, of any part of any bytes and in any two pieces', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 600, size: 'max' }),
      fc.nat(600),
      fc.nat(600),
      fc.nat(600),
      (bytes, a, b, c) => {
        const [start = 0, middle = 0, end = 0] = [a, b, c]
          .map((one) => Math.min(one, bytes.length))
          .toSorted((x, y) => x - y);
        const whole = zlibs(bytes.subarray(start, end));
        expect(crc32(bytes, start, end)).toBe(whole);
        expect(crc32(bytes, middle, end, crc32(bytes, start, middle))).toBe(whole);
      },
    ),
  );
});

test('of "123456789" is the check value of the catalogue of CRC algorithms', () => {
  expect(crc32(Buffer.from('123456789'), 0, 9)).toBe(0xcbf43926);
});
