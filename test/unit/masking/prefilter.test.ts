import fc from 'fast-check';
import { expect, test } from 'vitest';
import { scan, TRIGGER } from '../../../src/masking/prefilter.ts';

/** What each trigger stands for, said once more by a pattern over the bytes as Latin-1. */
const MEANT: readonly (readonly [number, (text: string) => boolean])[] = [
  [TRIGGER.at, (text) => text.includes('@')],
  [TRIGGER.digits7, (text) => /\d(?:[ .()+/\x80-\xff-]*\d){6}/.test(text)],
  [TRIGGER.digits9, (text) => /\d(?:[ .()+/\x80-\xff-]*\d){8}/.test(text)],
  [TRIGGER.digits13, (text) => /\d(?:[ .()+/\x80-\xff-]*\d){12}/.test(text)],
  [TRIGGER.iban, (text) => /(?<![A-Za-z])[A-Za-z]{2}\d\d/.test(text)],
  [TRIGGER.wordDigits, (text) => /(?:\d[A-Za-z_+/-]*){7}/.test(text)],
  [TRIGGER.jwt, (text) => text.includes('eyJ')],
  [TRIGGER.dashes, (text) => text.includes('-----')],
];

const piece = fc.constantFrom(
  ...[
    'a',
    'Z',
    'ey',
    'J',
    '0',
    '12',
    '2025',
    '-',
    '-----',
    '_',
    '+',
    '/',
    '@',
    '.',
    ' ',
    ':',
    '(',
    'ñ',
    '"',
    ',',
  ],
);

test('each trigger is there exactly where its pattern is, in any part of any text', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.nat(3), fc.nat(3), (pieces, before, behind) => {
      const bytes = Buffer.from(pieces.join(''));
      const end = Math.max(before, bytes.length - behind);
      const text = bytes.toString('latin1', before, end);
      const found = scan(bytes, before, end);
      // Nothing that short is anything.
      if (text.length < 6) expect(found).toBe(0);
      else
        for (const [trigger, isMeant] of MEANT)
          expect([trigger, (found & trigger) !== 0]).toEqual([trigger, isMeant(text)]);
    }),
    { numRuns: 3000 },
  );
});
