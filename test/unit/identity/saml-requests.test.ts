import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SamlRequests } from '../../../src/identity/saml-requests.ts';

const PROVIDER = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);
const CHALLENGE = 'c'.repeat(43);
const PATIENCE = 600_000;

describe('a request to a SAML provider', () => {
  const requests = new SamlRequests(PATIENCE);

  test('knows itself that it is ours, to whom it went and for how long it counts', () => {
    const { id, request } = requests.begin(PROVIDER, CHALLENGE, 1000);
    expect(request).toMatch(/^_[0-9a-f]{64}$/);
    expect(requests.endOf(request, PROVIDER, 1000)).toBe(1000 + PATIENCE);
    expect(requests.endOf(request, PROVIDER, 1000 + PATIENCE)).toBeUndefined();
    expect(requests.endOf(request, OTHER, 1000)).toBeUndefined();
    expect(new SamlRequests(PATIENCE).endOf(request, PROVIDER, 1000)).toBeUndefined();
    expect(requests.read(id, CHALLENGE)).toEqual({ request, provider: PROVIDER });
    expect(requests.read(id, 'd'.repeat(43))).toBeUndefined();
    expect(new SamlRequests(PATIENCE).read(id, CHALLENGE)).toBeUndefined();
  });

  test('is another one each time', () => {
    const made = Array.from({ length: 100 }, () => requests.begin(PROVIDER, CHALLENGE, 1000).request);
    expect(new Set(made).size).toBe(100);
  });

  test('is not ours once a letter of it was changed, nor is any other text', () => {
    const { id, request } = requests.begin(PROVIDER, CHALLENGE, 1000);
    const changed = (text: string) =>
      fc.tuple(fc.nat(text.length - 1), fc.constantFrom(...'0123456789abcdef._')).map(([at, letter]) => {
        return text.slice(0, at) + letter + text.slice(at + 1);
      });
    fc.assert(
      fc.property(changed(request), (other) => {
        expect(requests.endOf(other, PROVIDER, 1000) === undefined).toBe(other !== request);
      }),
    );
    fc.assert(
      fc.property(changed(id), (other) => {
        expect(requests.read(other, CHALLENGE) === undefined).toBe(other !== id);
      }),
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        expect(requests.endOf(text, PROVIDER, 1000)).toBeUndefined();
        expect(requests.read(text, CHALLENGE)).toBeUndefined();
      }),
    );
  });
});
