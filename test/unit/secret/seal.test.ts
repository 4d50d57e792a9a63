import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seal, sealingKey, unseal } from '../../../src/secret/seal.ts';

const key = sealingKey(new Uint8Array(32).fill(7), 'a test');

test('what is sealed comes back, by the same key at the same place', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, place) => {
      expect(unseal(key, seal(key, text, place), place)).toBe(text);
    }),
  );
});

test('nothing else comes back: another key, purpose or place, a changed byte, a piece', () => {
  const sealed = seal(key, 'an access token', 'here');
  const broken = { code: 'seal_broken' };
  const open = (by: Uint8Array, text: string, place: string) => () => unseal(by, text, place);
  expect(open(sealingKey(new Uint8Array(32).fill(8), 'a test'), sealed, 'here')).toThrow(
    expect.objectContaining(broken),
  );
  expect(open(sealingKey(new Uint8Array(32).fill(7), 'another'), sealed, 'here')).toThrow(
    expect.objectContaining(broken),
  );
  expect(open(key, sealed, 'there')).toThrow(expect.objectContaining(broken));
  fc.assert(
    fc.property(
      fc.nat(Buffer.from(sealed, 'base64url').length - 1),
      fc.integer({ min: 1, max: 255 }),
      (at, flip) => {
        const bytes = Buffer.from(sealed, 'base64url');
        bytes[at] = (bytes[at] ?? 0) ^ flip;
        expect(open(key, bytes.toString('base64url'), 'here')).toThrow(expect.objectContaining(broken));
      },
    ),
  );
  for (let length = 0; length < sealed.length - 2; length++) {
    expect(open(key, sealed.slice(0, length), 'here')).toThrow(expect.objectContaining(broken));
  }
});
