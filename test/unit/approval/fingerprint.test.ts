import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fingerprint } from '../../../src/approval/fingerprint.ts';

const part = fc.option(fc.string({ unit: fc.constantFrom('\0', '\x01', '\b', 'a', 'é'), maxLength: 4 }), {
  nil: null,
});
const parts = fc.array(part, { maxLength: 4 });

describe('fingerprint', () => {
  test('differs for different lists of parts, however they would join', () => {
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        expect(fingerprint(a) === fingerprint(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 3000 },
    );
    expect(fingerprint(['ab', 'c'])).not.toBe(fingerprint(['a', 'bc']));
    expect(fingerprint([null])).not.toBe(fingerprint(['']));
    expect(fingerprint([])).not.toBe(fingerprint(['']));
  });

  test('takes text as its UTF-8 bytes', () => {
    expect(fingerprint(['é'])).toBe(fingerprint([Buffer.from('é', 'utf8')]));
  });

  test('is SHA-256 in hex', () => {
    // FIPS 180-4: the hash of no bytes at all.
    expect(fingerprint([])).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });
});
